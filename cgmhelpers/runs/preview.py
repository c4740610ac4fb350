"""The pages of the book so far, built while notebooks are still executed.

A chapter that isn't there yet has its title and a note, so that Sphinx reads and writes the pages
of new chapters only. The reference isn't in it: importing the whole library takes most of a build.
"""

import logging
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import nbformat
import yaml

from cgmhelpers.errors import CGMError
from cgmhelpers.runs.book import START, data_source, without_offline
from cgmhelpers.runs.offline import vendor_assets
from cgmhelpers.runs.pages import as_page
from cgmhelpers.runs.project import project_root

log = logging.getLogger(__name__)

ROOT = "so_far"
NOTE = ":::{note}\nThis chapter is still to be made.\n:::"
INDEX = "# Pages so far\n\nThe book is being made. Load a page again to see its present state.\n"


class Preview:
    """Pages that are built in the background, one time after another.

    Parameters
    ----------
    run_folder : path
        The run, whose notebooks are being executed.
    names : sequence of str
        All notebooks of the book, without ending.

    Attributes
    ----------
    index : Path
        The page to open.
    """

    def __init__(self, run_folder, names):
        self.run_folder, self.names = Path(run_folder), names
        self.folder = self.run_folder / "book_so_far"
        self.index = self.folder / "_build" / "html" / f"{ROOT}.html"
        shutil.rmtree(self.folder, ignore_errors=True)
        self._new, self._process, self._shown, self._closed = [], None, False, False
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1)

    def add(self, name):
        """Build the page of a notebook, after the build that goes on.

        Parameters
        ----------
        name : str
            An executed notebook.
        """
        self._new.append(name)
        self._pool.submit(self._build)

    def close(self):
        """Stop building. The pages stay, as they do if notebooks are interrupted."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def _build(self):
        new, self._new = self._new, []
        try:
            if new and not self.folder.exists():
                self._begin()
            for name in new:
                self._write(name)
        except (OSError, CGMError) as error:
            log.warning("The pages so far can't be built: %s", error)
            return
        if not new:
            return
        python = [sys.executable, "-P", "-c", START]
        command = ["nice", "-n", "5", *python, "build", ".", "--keep-going"]
        with (self.folder / "build.log").open("w") as stream:
            with self._lock:
                if self._closed:
                    return
                self._process = subprocess.Popen(
                    command, cwd=self.folder, stdout=stream, stderr=subprocess.STDOUT
                )
            self._process.wait()
        if self.index.exists() and not self._shown:
            self._shown = True
            log.info("the pages so far: %s", self.index.as_uri())

    def _write(self, name):
        """Write the page of an executed notebook."""
        data = "the mock suite" if self._source.startswith("mock") else "CAMELS"
        notebook = nbformat.read(self.run_folder / "notebooks" / f"{name}.ipynb", as_version=4)
        nbformat.write(as_page(notebook, name, data), self._page(name))

    def _begin(self):
        """Write sources: prose, and each chapter's title."""
        root = project_root()
        self._source = data_source(self.run_folder)
        shutil.copytree(root / "book", self.folder / "book")
        shutil.copytree(root / "assets", self.folder / "assets")
        (self.folder / f"{ROOT}.md").write_text(INDEX)
        for name in self.names:
            source = nbformat.read(root / "notebooks" / f"{name}.ipynb", as_version=4)
            title = source.cells[0].source.partition("\n")[0]
            cells = [nbformat.v4.new_markdown_cell(f"{title}\n\n{NOTE}", id="note")]
            self._page(name).parent.mkdir(exist_ok=True)
            nbformat.write(nbformat.v4.new_notebook(cells=cells), self._page(name))
        toc = yaml.safe_load((root / "_toc.yml").read_text())
        toc["root"] = ROOT
        for part in toc["parts"]:
            part["chapters"] = [one for one in part["chapters"] if "sections" not in one]
        (self.folder / "_toc.yml").write_text(yaml.safe_dump(toc))
        configuration = yaml.safe_load((root / "_config.yml").read_text())
        configuration["parse"]["myst_substitutions"]["source"] = self._source
        configuration["sphinx"]["config"]["autosummary_generate"] = False
        offline = vendor_assets(self.folder / "assets" / "offline")
        (self.folder / "_config.yml").write_text(
            yaml.safe_dump(configuration if offline else without_offline(configuration))
        )

    def _page(self, name):
        return self.folder / "executed" / f"{name}.ipynb"


@contextmanager
def previewed(run_folder, names, shown=True):
    """Build pages of a run inside a ``with`` block, which ends with the book itself.

    Parameters
    ----------
    run_folder, names
        As for `Preview`.
    shown : bool
        Build them at all.

    Yields
    ------
    callable or None
        To be called with the name of each notebook that is executed.
    """
    if not shown:
        yield None
        return
    preview = Preview(run_folder, names)
    try:
        yield preview.add
    finally:
        preview.close()
    shutil.rmtree(preview.folder, ignore_errors=True)
