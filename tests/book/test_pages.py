"""Every page of the built book, seen by a headless Chromium."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from cgmhelpers.runs import notebooks
from cgmhelpers.runs.book import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages(yaml.safe_load((ROOT / "_toc.yml").read_text()))
NOTEBOOKS = [page for page in PAGES if page.startswith("executed/")]
# Made by Sphinx and Jupyter Book themselves; index.html forwards to the first page.
OTHER_PAGES = ("genindex", "index", "py-modindex", "search")

# Printed lines that are wider than their box.
CUT_OFF = """() => [...document.querySelectorAll('.cell_output pre')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
# What sticks out of the page on the right: its reader would have to scroll the whole page.
TOO_WIDE = """() => {
  const inside = (e) =>
    e && (getComputedStyle(e).overflowX !== "visible" || inside(e.parentElement));
  const edge = document.documentElement.clientWidth + 1;
  return [...document.querySelectorAll("article *")]
    .filter((e) => e.getBoundingClientRect().right > edge && e.checkVisibility()
      && !inside(e.parentElement))
    .map((e) => e.outerHTML.slice(0, 120));
}"""


def test_the_pages_are_the_ones_of_the_toc(html):
    built = {path.relative_to(html).with_suffix("").as_posix() for path in html.rglob("*.html")}
    assert [name.removeprefix("executed/") for name in NOTEBOOKS] == list(notebooks.names())
    assert built - {name for name in built if name.startswith("_")} == {*PAGES, *OTHER_PAGES}


@pytest.mark.browser
@pytest.mark.parametrize("name", [*PAGES, *OTHER_PAGES])
def test_page_has_no_problem(visit, address, name):
    visit.look(f"{address}/{name}.html")
    assert visit.problems == []
    assert visit.page.locator("h1").count() >= 1
    for width in (1280, 400):
        visit.page.set_viewport_size({"width": width, "height": 1000})
        assert visit.page.evaluate(TOO_WIDE) == [], f"{width} pixels are too few"


@pytest.mark.browser
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_shows_figures_and_no_traceback(visit, address, name):
    visit.look(f"{address}/{name}.html")
    assert visit.page.locator(".cell_output :is(img, canvas)").count() >= 1
    assert visit.page.locator(".output.traceback").count() == 0
    assert visit.page.evaluate(CUT_OFF) == [], "a reader sees the start of these lines only"


@pytest.mark.browser
def test_first_page_shows_the_halo_and_says_what_it_is_made_from(visit, address):
    visit.look(f"{address}/book/index.html")
    width = visit.page.evaluate("() => document.querySelector('.hero-picture img').naturalWidth")
    assert width >= 600
    assert "mock suite, profile smoke" in visit.page.locator("article").first.inner_text()


@pytest.mark.browser
def test_science_page_numbers_the_equations_as_the_paper(visit, address):
    visit.look(f"{address}/book/science.html")
    numbers = visit.page.locator(".eqno").all_text_contents()
    assert [text.strip("()#¶ \n") for text in numbers][:10] == [str(n) for n in range(1, 11)]


@pytest.mark.browser
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_folds_its_parameters_and_shows_how_to_run_it_again(visit, address, name):
    visit.look(f"{address}/{name}.html")
    parameters = visit.page.locator(".cell.tag_parameters")
    assert parameters.count() == 1
    assert parameters.locator("pre").first.is_hidden()
    assert visit.page.locator(".cell.tag_injected-parameters").count() == 0
    again = visit.page.locator(".admonition:has-text('Run this chapter again')").first
    notebook = name.removeprefix("executed/")
    assert f"papermill notebooks/{notebook}.ipynb" in again.locator("pre").text_content()
    assert "-p profile smoke" in again.locator("pre").text_content()


@pytest.mark.browser
@pytest.mark.parametrize("name", ["book/science", NOTEBOOKS[1]])
def test_pages_work_as_plain_files(visit, html, name):
    visit.look((html / f"{name}.html").as_uri())
    assert visit.problems == []


class Links(HTMLParser):
    """Collect where a page's links, images and scripts point to, and its anchors."""

    def __init__(self):
        super().__init__()
        self.targets, self.anchors = [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.add(attributes.get("id"))
        self.targets += [attributes[name] for name in ("href", "src") if attributes.get(name)]


def test_every_local_link_leads_somewhere(html):
    parsed = {}
    for path in set(html.rglob("*.html")) - set((html / "_static").rglob("*.html")):
        parsed[path] = Links()
        parsed[path].feed(_text(path))
    broken, followed = [], 0
    for path, links in parsed.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            end = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            followed += 1
            anchors = parsed[end].anchors if end in parsed else {parts.fragment}
            if not end.exists() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{path.relative_to(html)} -> {target}")
    assert followed > 200  # else nothing was checked
    assert broken == []


@pytest.mark.browser
def test_pages_work_under_a_sub_path(visit, serve, html, tmp_path):
    """Serve the book as https://NAME.github.io/cgm/ does: nothing may ask for what lies above."""
    (tmp_path / "cgm").symlink_to(html, target_is_directory=True)
    home = f"{serve(tmp_path)}/cgm/"
    asked = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.look(f"{home}executed/03_explorer.html")
    explorer = visit.page.locator(".cgm-explorer[data-changes]")
    explorer.locator("summary").click()
    explorer.locator("details[data-ready]").wait_for(timeout=30_000)
    asked = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert any("_static/explorer/" in url for url in asked)
    assert [url for url in asked if not url.startswith(home)] == []
    assert visit.problems == []


def _text(path):
    return path.read_text(encoding="utf-8")
