"""The check of a page must itself be able to fail."""

import pytest

BAD_PAGE = """<!doctype html><html><head><script>
window.MathJax = {startup: {promise: Promise.resolve()}};
console.error("said by the page");
setTimeout(() => { throw new Error("thrown by the page"); }, 0);
</script></head><body><h1>Bad</h1>
<span class="math">\\(x^2\\)</span>
<span class="math"><mjx-container><svg><g data-mml-node="merror"><title>bad</title></g></svg>
</mjx-container></span>
<img src="missing.png"><img src="http://cdn.invalid/picture.png">
</body></html>"""

GOOD_PAGE = "<!doctype html><html><head><link rel='icon' href='data:,'></head><h1>Good</h1></html>"


@pytest.mark.browser
def test_a_bad_page_shows_every_kind_of_problem(visit, serve, tmp_path):
    (tmp_path / "page.html").write_text(BAD_PAGE)
    visit.look(f"{serve(tmp_path)}/page.html")
    said = "\n".join(visit.problems)
    for kind in (
        "request off localhost: http://cdn.invalid/picture.png",
        "request failed: http://cdn.invalid/picture.png",
        "status 404",
        "page error: thrown by the page",
        "console error: said by the page",
        "formula not rendered",
        "formula in error",
        "empty image",
    ):
        assert kind in said


@pytest.mark.browser
def test_a_good_page_shows_none(visit, serve, tmp_path):
    (tmp_path / "page.html").write_text(GOOD_PAGE)
    visit.look(f"{serve(tmp_path)}/page.html")
    assert visit.problems == []
