"""Every page of the built book, seen by a headless Chromium."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from cgmhelpers.book import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages(yaml.safe_load((ROOT / "_toc.yml").read_text()))
NOTEBOOKS = [page for page in PAGES if page.startswith("executed/")]
# Made by Sphinx and Jupyter Book themselves; index.html forwards to the first page.
OTHER_PAGES = ("genindex", "index", "py-modindex", "search")

# The images that a reader sees in widgets.
WIDGET_IMAGES = (
    "() => [...document.querySelectorAll('.jupyter-widgets img')]"
    ".filter(i => i.offsetParent !== null).map(i => i.src).join()"
)


def test_the_pages_are_the_ones_of_the_toc(html):
    built = {path.relative_to(html).with_suffix("").as_posix() for path in html.rglob("*.html")}
    assert len(NOTEBOOKS) == 5
    assert built - {name for name in built if name.startswith("_")} == {*PAGES, *OTHER_PAGES}


@pytest.mark.browser
@pytest.mark.parametrize("name", [*PAGES, *OTHER_PAGES])
def test_page_has_no_problem(visit, address, name):
    visit.look(f"{address}/{name}.html")
    assert visit.problems == []
    assert visit.page.locator("h1").count() >= 1


@pytest.mark.browser
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_shows_figures_and_no_traceback(visit, address, name):
    visit.look(f"{address}/{name}.html")
    assert visit.page.locator(".cell_output img").count() >= 1
    assert visit.page.locator(".output.traceback").count() == 0


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
def test_every_slider_changes_its_picture(visit, address, html):
    with_widgets = [
        name for name in NOTEBOOKS if "vnd.jupyter.widget-view" in _text(html / f"{name}.html")
    ]
    moved = 0
    for name in with_widgets:
        visit.look(f"{address}/{name}.html")
        visit.page.wait_for_selector(".jupyter-widgets", timeout=30_000)
        handles = visit.page.locator(".noUi-handle")
        for number in range(handles.count()):
            handle = handles.nth(number)
            if not handle.is_visible():
                continue
            before = visit.page.evaluate(WIDGET_IMAGES)
            handle.focus()
            at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
            visit.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
            visit.page.wait_for_function(
                f"before => ({WIDGET_IMAGES})() !== before", arg=before, timeout=10_000
            )
            moved += 1
    assert visit.problems == []
    assert moved >= 1, "no page of the book has a slider"


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


def _text(path):
    return path.read_text(encoding="utf-8")
