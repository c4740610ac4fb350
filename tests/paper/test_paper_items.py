"""The page of the paper's items: all of them, each drawn where it says, by what it says."""

import re
from pathlib import Path

import jupytext
import pytest
import yaml

import cgmhelpers
from cgmhelpers.runs import book

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "paper_items.md").read_text()
ROW = re.compile(
    r"^\| (Fig\. \d+|Table \d+) \| \[[^]]+\]\(\.\./executed/(\w+)\.ipynb#([\w-]+)\) "
    r"\| `cgmhelpers\.(figures\.\w+|paper\.\w+)` \|$",
    re.M,
)
ROWS = ROW.findall(PAGE)


def test_all_twenty_one_items_are_there_once():
    expected = [f"Fig. {number}" for number in range(1, 17)]
    expected += [f"Table {number}" for number in range(1, 6)]
    assert [item for item, *_ in ROWS] == expected
    assert PAGE.count("\n| Fig") + PAGE.count("\n| Table") == 21  # no row of another form


def cells(chapter):
    return jupytext.read(ROOT / "notebooks" / f"{chapter}.py").cells


@pytest.mark.parametrize(("item", "chapter", "anchor", "function"), ROWS, ids=[r[0] for r in ROWS])
def test_item_is_drawn_where_the_page_says(item, chapter, anchor, function):
    package, _, plain = function.partition(".")
    assert callable(getattr(getattr(cgmhelpers, package), plain))
    name = item.replace("Fig.", "Figure")
    drawn = [
        cell
        for cell in cells(chapter)
        if re.search(rf"\b({function}|(?<!\.){plain})\(", cell.source)
    ]
    if name.startswith("Figure"):
        # The page puts the data of the run there: a mock doesn't pass for CAMELS.
        captions = [cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
                    for cell in drawn]  # fmt: skip
    else:
        text = "\n".join(cell.source for cell in cells(chapter))
        captions = re.findall(r'"(After Table \d of the paper[^"]*)"', text)
    assert [one for one in captions if re.match(rf"After {name} of the paper\b", one)], captions
    assert drawn
    headings = [cell.source for cell in cells(chapter) if cell.cell_type == "markdown"]
    heading = re.compile(rf"^### ({name}: .+)$", re.M)
    (found,) = filter(None, map(heading.search, headings))
    assert anchor == re.sub(r"[^\w\- ]", "", found.group(1).lower()).replace(" ", "-")


@pytest.mark.parametrize(("item", "chapter", "anchor", "function"), ROWS, ids=[r[0] for r in ROWS])
def test_item_has_a_verdict_beside_it(item, chapter, anchor, function):
    """Computed by the claims, or by a line of the notebook, before the next item."""
    name = item.replace("Fig.", "Figure")
    text = "\n".join(f"<{cell.cell_type}>\n{cell.source}" for cell in cells(chapter))
    after = re.split(rf"^### {name}: .+$", text, flags=re.M)[1]
    own = re.split(r"^### ", after, flags=re.M)[0]
    assert (
        f'paper.beside(evidence, "{item}"' in own
        or "verdict" in own
        or (f'paper.beside(paper.Evidence(halos=halos), "{item}"' in own)
    )


def test_the_page_is_in_the_book():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    assert "book/paper_items" in book.pages(toc)
