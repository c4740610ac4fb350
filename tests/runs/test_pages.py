"""Pages made from executed notebooks: captions, folded plumbing, cards and the gallery."""

import base64
import io

import nbformat
import pandas as pd
import pytest
from PIL import Image

from cgmhelpers.runs import pages

CAPTION = "After Figure 3 of the paper, on {data}: halo mass. Lines are means."
QUESTION = "How much does a map say?"


@pytest.fixture
def picture():
    stream = io.BytesIO()
    Image.new("RGB", (1000, 700), "white").save(stream, format="PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.fixture
def page(picture):
    """Make a page of a notebook with a long cell, plumbing and a figure that says a result."""
    code, output = nbformat.v4.new_code_cell, nbformat.v4.new_output
    said = output("display_data", {"text/markdown": "<i>R</i>² is 0.9."})
    said.metadata["caption"] = True
    drawn = code(
        "figure = figures.bias_matrix(\n    cross\n)",
        outputs=[said, output("display_data", {"image/png": picture})],
        metadata={"tags": ["cover"], "mystnb": {"figure": {"name": "fig-3", "caption": CAPTION}}},
    )
    cells = [
        nbformat.v4.new_markdown_cell(
            f"# 6. Accuracy\n\n**{QUESTION}**\n\nIn this notebook we ..."
        ),
        code("profile = 'quick'", metadata={"tags": ["parameters"]}),
        code("from cgmhelpers import figures"),
        code("\n".join(["1"] * 20), metadata={"tags": ["hide-output"]}),
        code("short = 1"),
        drawn,
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["processor_seconds"] = 90.0
    return pages.as_page(notebook, "06_accuracy", "the mock suite")


def tags(cell):
    return cell.metadata.get("tags", [])


def test_the_result_of_the_run_ends_the_caption_and_leaves_the_outputs(page):
    cell = page.cells[-1]
    caption = cell.metadata["mystnb"]["figure"]["caption"]
    assert caption.startswith("After Figure 3 of the paper, on the mock suite: halo mass.")
    assert caption.endswith("<i>R</i>² is 0.9.")
    assert [list(one.data) for one in cell.outputs] == [["image/png"]]
    assert cell.metadata["mystnb"]["image"]["alt"].endswith("Lines are means. R² is 0.9.")


def test_plumbing_and_long_cells_are_folded_and_short_ones_are_not(page):
    imports, long, short = (page.cells[number] for number in (3, 4, 5))
    assert tags(imports) == ["hide-input"]
    assert tags(long) == ["hide-cell"]
    assert tags(short) == []


def test_imports_after_imports_are_folded_once(page):
    start = "from cgmhelpers.runs import start\n\nthis_run = start(globals())"
    cells = [nbformat.v4.new_code_cell(one) for one in (start, "import numpy")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    (folded,) = pages.as_page(notebook, "06_accuracy", "the mock suite").cells
    assert folded.source.endswith("start(globals())\n\nimport numpy")
    assert tags(folded) == ["hide-input"]


def test_a_wide_picture_keeps_its_sides(tmp_path):
    wide = Image.new("RGB", (1000, 200), "white")
    wide.paste((0, 0, 0), (0, 0, 20, 200))
    written = io.BytesIO()
    wide.save(written, "PNG")
    pages._small(written.getvalue(), tmp_path / "wide.png", pages.THUMBNAIL)
    with Image.open(tmp_path / "wide.png") as small:
        assert small.size == pages.THUMBNAIL
        assert small.getpixel((2, small.height // 2)) == (0, 0, 0)


def test_the_way_to_run_it_again_says_what_it_took(page):
    assert "Run this chapter again (1.5 processor minutes in this build)" in page.cells[2].source


def test_a_card_has_title_question_and_picture(page, tmp_path):
    text = pages.cards({"06_accuracy": page}, tmp_path)
    assert ":::{grid-item-card} 6. Accuracy\n:link: ../executed/06_accuracy\n" in text
    assert QUESTION in text
    with Image.open(tmp_path / "cover_06_accuracy.png") as cover:
        assert cover.size == pages.THUMBNAIL


def test_a_card_shows_a_picture_within_html_if_there_is_no_figure(page, tmp_path):
    png = page.cells[-1].outputs[0]["data"].pop("image/png")
    html = f'<div><img src="data:image/png;base64,{png}" alt="Maps of a halo."></div>'
    page.cells[-1].outputs[0]["data"]["text/html"] = html
    text = pages.cards({"03_explorer": page}, tmp_path)
    assert ":img-top: figures/cover_03_explorer.png\n:img-alt: Maps of a halo.\n" in text
    assert (tmp_path / "cover_03_explorer.png").is_file()


def test_the_gallery_has_the_function_and_the_code(page, tmp_path):
    text = pages.gallery({"06_accuracy": page}, tmp_path)
    assert "{func}`~cgmhelpers.figures.errors.bias_matrix`" in text
    assert page.cells[-1].source in text
    assert "After Figure 3 of the paper, on the mock suite: halo mass.\n" in text
    with Image.open(tmp_path / "gallery_fig-3.png") as drawn:
        assert drawn.width == pages.SMALL


def test_the_first_page_has_the_numbers_of_the_run(tmp_path):
    assert pages.numbers(tmp_path) == pages.NOT_MEASURED
    row = {"value": "0.30", "low": "0.20", "high": "0.40", "unit": "dex", "meaning": "is the error"}
    pd.DataFrame([row]).to_csv(tmp_path / pages.FIRST_NUMBERS, index=False)
    text = pages.numbers(tmp_path)
    assert "0.30\u00a0dex <small>[0.20, 0.40]</small>" in text
    assert "is the error" in text


def test_the_cost_is_measured_or_not_said(page, tmp_path):
    (tmp_path / "store").write_bytes(b"0" * 200_000_000)
    assert "**1.5 processor minutes**" in pages.cost({"06_accuracy": page}, tmp_path)
    assert "**0.2 GB**" in pages.cost({"06_accuracy": page}, tmp_path)
    del page.metadata["processor_seconds"]
    assert pages.cost({"06_accuracy": page}, tmp_path) == pages.NOT_MEASURED
