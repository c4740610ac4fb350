"""Figures that open alone when a reader clicks them."""

from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "assets" / "enlarge.js"
PAGE = """<!doctype html><html><head><link rel='icon' href='data:,'></head><body>
<figure><img id="figure" src="picture.svg"></figure>
<figure><a href="#here"><img id="link" src="picture.svg"></a></figure>
<div class="cell_output"><div class="cgm-explorer"><img id="explorer" src="picture.svg"></div></div>
<script src="enlarge.js"></script></body></html>"""
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">'
    '<rect width="40" height="40"/></svg>'
)


@pytest.mark.browser
def test_a_click_on_a_figure_opens_its_picture_and_no_other_click_does(visit, serve, tmp_path):
    (tmp_path / "page.html").write_text(PAGE)
    (tmp_path / "picture.svg").write_text(PICTURE)
    (tmp_path / "enlarge.js").write_text(SCRIPT.read_text())
    visit.look(f"{serve(tmp_path)}/page.html")
    pages = visit.page.context.pages
    for name in ("link", "explorer"):
        visit.page.locator(f"#{name}").click()
    assert visit.page.context.pages == pages
    with visit.page.expect_popup() as opened:
        visit.page.locator("#figure").click()
    opened.value.wait_for_load_state()
    assert opened.value.url.endswith("/picture.svg")
    assert visit.problems == []
