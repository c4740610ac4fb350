"""Serve the built book on localhost, and look at one page with a browser's eyes."""

import functools
import http.server
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import product
from pathlib import Path

import pytest

# A page's JavaScript has that long to settle [ms].
PATIENCE = 30_000
WIDTHS = (1280, 400)
SLIDING = 600  # the theme's menus slide away when a page becomes narrow [ms]
ALONE = ".bd-header, .bd-header-article, #pst-skip-link { display: none !important; }"
TALLEST = 12_000  # a picture of a page higher than that shows its top only [pixels]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a log."""

    def do_GET(self):
        """Serve a file; say that there is no icon where a page without its own makes Chromium ask.

        index.html, made by Jupyter Book to forward to the first page, is such a page.
        """
        if self.path == "/favicon.ico":
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="session")
def serve():
    """Give a function that serves a folder on a free port of localhost and returns the address."""
    servers = []

    def start(folder):
        handler = functools.partial(QuietHandler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def html(smoke_run):
    """Give the folder of the built pages."""
    folder = smoke_run / "book" / "_build" / "html"
    assert (folder / "index.html").exists()
    return folder


@pytest.fixture(scope="session")
def address(serve, html):
    """Serve the built pages."""
    return serve(html)


@dataclass
class Visit:
    """One opened page and what went wrong on it."""

    page: object
    problems: list = field(default_factory=list)

    def look(self, url):
        """Open a page, wait until it has settled, and note every problem."""
        page = self.page
        home = re.match(r"(http://127\.0\.0\.1:\d+|file://)", url).group()
        page.on("request", lambda request: self.check_request(request.url, home))
        page.on("requestfailed", lambda r: self.problems.append(f"request failed: {r.url}"))
        page.on("response", self._check_response)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", self._check_console)
        page.goto(url, wait_until="load", timeout=PATIENCE)
        page.wait_for_load_state("networkidle", timeout=PATIENCE)
        self._check_math()
        self._check_images()
        return self

    def check_request(self, url, home):
        if not url.startswith((home, "data:", "blob:")):
            self.problems.append(f"request off localhost: {url}")

    def _check_response(self, response):
        if response.status >= 400:
            self.problems.append(f"status {response.status}: {response.url}")

    def _check_console(self, message):
        if message.type == "error":
            self.problems.append(f"console error: {message.text}")

    def _check_math(self):
        """Wait for MathJax; then every formula must be drawn, and none of them as an error."""
        if not self.page.locator(".math").count():
            return
        self.page.wait_for_function("() => window.MathJax?.startup?.promise", timeout=PATIENCE)
        self.page.evaluate("() => MathJax.startup.promise")
        bare = self.page.evaluate(
            "() => [...document.querySelectorAll('.math')]"
            ".filter(e => !e.querySelector('mjx-container svg')).map(e => e.textContent)"
        )
        self.problems += [f"formula not rendered: {text!r}" for text in bare]
        wrong = self.page.locator("[data-mml-node=merror], mjx-merror")
        self.problems += [f"formula in error: {text!r}" for text in wrong.all_text_contents()]

    def _check_images(self):
        empty = self.page.evaluate(
            "async () => { const images = [...document.images];"
            " await Promise.all(images.map(i => i.decode().catch(() => {})));"
            " return images.filter(i => !i.naturalWidth).map(i => i.src.slice(0, 200)); }"
        )
        self.problems += [f"empty image: {source}" for source in empty]


@pytest.fixture(scope="session")
def pictured():
    """Addresses of pages that have their pictures: other tests open them too."""
    return set()


@pytest.fixture
def visit(browser, request, pictured):
    """Open pages in a fresh context; with --screenshots, keep pictures of the last one.

    One as wide as a laptop and one as wide as a telephone, named after the test.
    """
    context = browser.new_context(viewport={"width": WIDTHS[0], "height": 1000})
    visit = Visit(context.new_page())
    yield visit
    folder = request.config.getoption("--screenshots")
    # The explorer has a state of its own after each test, which must suit both themes.
    explorer = visit.page.locator(".cgm-explorer")
    both = explorer.count()
    if folder and (both or visit.page.url not in pictured):
        pictured.add(visit.page.url)
        Path(folder).mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "_", request.node.name).strip("_")
        for theme, width in product(("light", "dark") if both else ("light",), WIDTHS):
            visit.page.evaluate(
                "theme => { document.documentElement.dataset.theme = theme; }", theme
            )
            visit.page.set_viewport_size({"width": width, "height": 1000})
            visit.page.wait_for_timeout(SLIDING)
            if both:
                explorer.first.screenshot(path=_picture(folder, name, width, theme), style=ALONE)
                continue
            height = visit.page.evaluate("() => document.documentElement.scrollHeight")
            path = _picture(folder, name, width, theme)
            visit.page.screenshot(path=path, full_page=height < TALLEST)
    context.close()


def _picture(folder, name, width, theme):
    return Path(folder) / f"{name}_{width}{'_dark' if theme == 'dark' else ''}.png"
