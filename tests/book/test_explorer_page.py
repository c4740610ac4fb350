"""The static explorer on the built page: no kernel, no network, any reader."""

import re

import pytest

PAGE = "executed/06_explorer"
LARGEST = 3_000_000  # bytes of the page
SLOWEST = 1_000  # ms a change may take on a busy machine; 150 is the aim


class PageExplorer:
    """The explorer on the page and what it shows."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".cgm-explorer[data-changes]")
        self.root.wait_for(timeout=30_000)
        self.root.scroll_into_view_if_needed()

    def control(self, name):
        """Find a control by the name that a screen reader says."""
        return self.root.get_by_label(name, exact=True)

    def picture(self):
        """Pixels of all maps."""
        return self.root.evaluate(
            "root => [...root.querySelectorAll('.map canvas')].map(c => c.toDataURL()).join()"
        )

    def inferred(self):
        """What the network infers, as written."""
        return self.root.locator("td.inferred").all_text_contents()

    def status(self):
        """The sentence about halo and limits."""
        return self.root.locator(".status").first.inner_text()

    def after(self, action):
        """Do something, wait until a scene was drawn, and give pixels, numbers and sentence."""
        before = int(self.root.get_attribute("data-changes"))
        action()
        self.page.wait_for_function(
            "([root, before]) => Number(root.dataset.changes) > before",
            arg=[self.root.element_handle(), before],
            timeout=10_000,
        )
        assert float(self.root.get_attribute("data-milliseconds")) < SLOWEST
        return self.picture(), self.inferred(), self.status()


@pytest.fixture
def explorer(visit, address):
    """Open the explorer's page."""
    visit.look(f"{address}/{PAGE}.html")
    return PageExplorer(visit.page)


@pytest.mark.browser
def test_controls_change_pictures_and_numbers(explorer, visit):
    heaviest = explorer.picture(), explorer.inferred(), explorer.status()
    assert all("±" in text for text in heaviest[1])
    lighter = explorer.after(lambda: explorer.root.get_by_role("button", name="lighter").click())
    assert all(new != old for new, old in zip(lighter, heaviest, strict=True))

    side = explorer.after(lambda: explorer.control("Line of sight").select_option("z"))
    assert side[0] != lighter[0]
    assert side[1] != lighter[1]
    survey = explorer.after(lambda: explorer.control("Limits").select_option("survey"))
    assert survey[0] != side[0]
    assert "survey limits" in survey[2]
    own = explorer.after(lambda: explorer.control("Your limit").press("End"))
    assert "your limits" in own[2]
    assert own[0] != survey[0]
    back = explorer.after(lambda: explorer.control("Limits").select_option("ideal"))
    assert back == side

    only = explorer.after(lambda: explorer.control("Fields").select_option(label="HI"))
    assert explorer.root.locator(".map canvas").count() == 1
    assert only[1] != side[1]
    explorer.after(lambda: explorer.control("Fields").select_option(index=0))
    twin = explorer.after(lambda: explorer.root.get_by_role("button", name="SIMBA").click())
    assert twin[2].startswith("SIMBA")
    assert explorer.control("Suite").evaluate("menu => menu.selectedOptions[0].text") == "SIMBA"
    assert visit.problems == []


@pytest.mark.browser
def test_colours_circles_and_scale_change_the_drawing_alone(explorer):
    first, numbers = explorer.picture(), explorer.inferred()
    explorer.control("Colours").select_option("gray")
    grey = explorer.picture()
    assert grey != first
    explorer.control("Colours").select_option("own")
    assert explorer.picture() == first
    circles = explorer.root.locator(".map circle")
    assert circles.count() == 4  # two in each of two fields
    explorer.root.get_by_label(re.compile("R200c")).uncheck()
    assert circles.count() == 0
    assert explorer.inferred() == numbers

    def next_halo():
        return explorer.after(lambda: explorer.root.get_by_role("button", name="lighter").click())

    own_scale = next_halo()[0]
    explorer.after(lambda: explorer.root.get_by_role("button", name="heavier").click())
    explorer.root.get_by_label("hold the colour scale").check()
    assert next_halo()[0] != own_scale


@pytest.mark.browser
def test_plane_is_clicked_and_stepped_through(explorer):
    plane = explorer.root.get_by_role("slider", name=re.compile("Halos by mass"))
    start = explorer.status()
    stepped = explorer.after(lambda: plane.press("ArrowLeft"))
    assert stepped[2] != start
    assert explorer.after(lambda: plane.press("ArrowRight"))[2] == start
    box = plane.bounding_box()
    corner = {"x": 0.15 * box["width"], "y": 0.8 * box["height"]}
    light = explorer.after(lambda: plane.click(position=corner))[2]
    mass = [float(re.search(r"log M = ([\d.]+)", text).group(1)) for text in (light, start)]
    assert mass[0] < mass[1] - 1
    explorer.control("Show").select_option(label="log T CGM [K]")


@pytest.mark.browser
def test_every_control_has_a_name_and_is_reached_by_the_keyboard(explorer):
    names = explorer.root.evaluate(
        "root => [...root.querySelectorAll('select, input, button, canvas, svg')]"
        ".filter(e => e.getAttribute('aria-hidden') !== 'true')"
        ".map(e => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || '')"
    )
    assert len(names) > 15
    assert all(name.strip() for name in names)
    count = explorer.root.locator("select, input, button, canvas[tabindex]").count()
    explorer.control("Suite").focus()
    reached = 1
    while True:
        explorer.page.keyboard.press("Tab")
        inside = explorer.root.evaluate("root => root.contains(document.activeElement)")
        # Cards that scroll are stops of their own.
        if not inside:
            break
        reached += explorer.page.evaluate("() => document.activeElement.tagName !== 'DIV'")
    assert reached >= count - explorer.root.locator("canvas:not([tabindex])").count()
    assert explorer.root.locator("[role=status]").count() >= 1


@pytest.mark.browser
def test_page_is_small_and_works_as_a_plain_file(visit, html):
    path = html / f"{PAGE}.html"
    assert path.stat().st_size < LARGEST
    visit.look(path.as_uri())
    explorer = PageExplorer(visit.page)
    before = explorer.picture()
    lighter = explorer.after(lambda: explorer.root.get_by_role("button", name="lighter").click())
    assert lighter[0] != before
    assert visit.problems == []


@pytest.mark.browser
def test_reader_without_scripts_sees_a_figure(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PAGE}.html")
    figure = page.locator(".cgm-explorer img")
    assert figure.is_visible()
    assert figure.bounding_box()["width"] > 300
    assert "Maps of" in figure.get_attribute("alt")
    context.close()


@pytest.mark.browser
def test_live_explorer_leaves_a_sentence_on_the_page(visit, address):
    visit.look(f"{address}/{PAGE}.html")
    assert "make lab" in visit.page.locator(".explorer-fallback").inner_text()
    assert visit.page.locator("script[type*='widget-view']").count() == 0
