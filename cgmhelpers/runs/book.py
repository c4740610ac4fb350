"""The book: put its sources, executed notebooks and figures into one folder, and build it there.

Nothing is written into the source tree, so two runs can't mix.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from cgmhelpers.errors import DataNotFoundError, ResultError
from cgmhelpers.runs import pages as made
from cgmhelpers.runs.notebooks import names
from cgmhelpers.runs.offline import vendor_assets
from cgmhelpers.runs.project import project_root
from cgmhelpers.system import provenance

NEEDED_FIGURES = ("hero.png",)
INDEX = Path("_build", "html", "index.html")
BUILT = "built"
"""File that is there once all pages are, without a warning."""
LOG_TAIL = 40
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# jupyter-book has no __main__; its command may belong to another interpreter.
START = "from jupyter_book.cli.main import main; main()"


def assemble(run_folder, executed=None, source=None):
    """Gather everything that the book is built from in ``<run_folder>/book``.

    Parameters
    ----------
    run_folder : path
        A run, with the figures of its stages in ``figures/``.
    executed : path, optional
        The folder of executed notebooks; ``<run_folder>/notebooks`` unless told.
    source : str, optional
        What the run's data are, for the pages to say; read from the run's parameters unless told.

    Returns
    -------
    Path
        The folder, made anew: sources of the book, ``executed/``, ``book/figures/``.

    Raises
    ------
    DataNotFoundError
        Where a page of the table of contents or a needed figure isn't there.
    """
    root = project_root()
    run_folder = Path(run_folder)
    executed = run_folder / "notebooks" if executed is None else Path(executed)
    _check_figures(run_folder / "figures")
    source = source or data_source(run_folder)
    data = "the mock suite" if source.startswith("mock") else "CAMELS"

    whole = run_folder / "book"
    draft = run_folder / ".book.partial"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    shutil.copy2(root / "_toc.yml", draft)
    shutil.copytree(root / "book", draft / "book")
    shutil.copytree(root / "assets", draft / "assets", ignore=shutil.ignore_patterns("offline"))
    if (run_folder / "explorer").exists():
        shutil.copytree(run_folder / "explorer", draft / "assets" / "explorer")
    shutil.copytree(run_folder / "figures", draft / "book" / "figures", dirs_exist_ok=True)
    (draft / "executed").mkdir()
    chapters = {}
    for name in names():
        if (executed / f"{name}.ipynb").exists():
            notebook = nbformat.read(executed / f"{name}.ipynb", as_version=4)
            chapters[name] = made.as_page(notebook, name, data)
            nbformat.write(chapters[name], draft / "executed" / f"{name}.ipynb")
    _check_pages(draft, executed)
    said = {
        "source": source,
        "numbers": made.numbers(run_folder),
        "cost": made.cost(chapters, run_folder),
        "chapters": made.cards(chapters, draft / "book" / "figures"),
        "gallery": made.gallery(chapters, draft / "book" / "figures"),
    }
    offline = vendor_assets(draft / "assets" / "offline")
    configuration = yaml.safe_load((root / "_config.yml").read_text())
    configuration["parse"]["myst_substitutions"] = said
    (draft / "_config.yml").write_text(
        yaml.safe_dump(configuration if offline else without_offline(configuration))
    )
    shutil.rmtree(whole, ignore_errors=True)
    os.replace(draft, whole)
    return whole


def data_source(run_folder):
    """Say what a run's data are.

    Parameters
    ----------
    run_folder : path
        A run, with the record of what made it.

    Returns
    -------
    str
        Such as "mock suite, profile quick".

    Raises
    ------
    DataNotFoundError
        If nothing was made there.
    """
    path = Path(run_folder) / provenance.RECORD
    made = provenance.recorded(path)
    if not made:
        raise DataNotFoundError(
            f"{run_folder} isn't a run folder.", expected=path, remedy="Run `cgm run` first."
        )
    values = made[-1]["parameters"]
    name = f"CAMELS, {values['set_name']} set"
    if values["data_root"] is None or _first_simulation(values).is_mock:
        name = "mock suite"
    return f"{name}, profile {Path(values['profile']).stem}"


def _first_simulation(values):
    from cgmhelpers.simulations.simulation import Simulation

    first = values["realisations"][0] if isinstance(values["realisations"], list) else 0
    root = Path(values["data_root"])
    volume = values.get("volume")  # runs before there was a choice have none
    which = values["set_name"], first, values["snapshot"], volume
    return Simulation(root, values["suites"][0], *which)


def build(folder):
    """Build an assembled book; any warning is an error.

    Parameters
    ----------
    folder : path
        What `assemble` returned.

    Returns
    -------
    Path
        The ``index.html`` to open.

    Raises
    ------
    ResultError
        With the end of Sphinx's log, where the build didn't succeed.
    """
    folder = Path(folder)
    command = [sys.executable, "-P", "-c", START, "build", ".", "-W", "-n", "--keep-going"]
    log = folder / "build.log"
    with log.open("w") as stream:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        )
    index = folder / INDEX
    if done.returncode or not index.exists():
        lines = COLOURS.sub("", log.read_text(errors="replace")).splitlines()
        warnings = [line for line in lines if "WARNING" in line or "ERROR" in line]
        raise ResultError(
            f"The book in {folder} couldn't be built (exit code {done.returncode}).",
            found="\n".join(["", *warnings, *lines[-LOG_TAIL:]]),
            remedy=f"The whole log is {log}.",
        )
    (folder / BUILT).touch()
    return index


def is_built(run_folder):
    """Tell whether the pages of a run are whole, and newer than what they are built from.

    Parameters
    ----------
    run_folder : path
        The run.

    Returns
    -------
    bool
    """
    run_folder, root = Path(run_folder), project_root()
    mark = run_folder / "book" / BUILT
    folders = run_folder / "notebooks", run_folder / "figures", root / "book", root / "assets"
    sources = [path for folder in folders for path in folder.rglob("[!.]*") if path.is_file()]
    sources += [root / "_config.yml", root / "_toc.yml"]
    return mark.is_file() and mark.stat().st_mtime >= max(p.stat().st_mtime for p in sources)


def without_offline(configuration):
    """Take away what points to the vendored scripts, so that pages use the public CDN.

    Parameters
    ----------
    configuration : dict
        The content of ``_config.yml``.

    Returns
    -------
    dict
        A changed copy.
    """
    sphinx = dict(configuration["sphinx"])
    sphinx["config"] = {
        name: value
        for name, value in sphinx["config"].items()
        if name not in ("mathjax_path", "nb_ipywidgets_js")
    }
    return {**configuration, "sphinx": sphinx}


def pages(toc):
    """List the pages that a table of contents names.

    Parameters
    ----------
    toc : dict
        The content of ``_toc.yml``.

    Returns
    -------
    list of str
        Paths without suffix, in reading order.
    """
    found = [toc["root"]] if "root" in toc else []
    found += [toc["file"]] if "file" in toc else []
    if "glob" in toc:  # the notebooks, whichever the project has
        found += [str(Path(toc["glob"]).with_name(name)) for name in names()]
    for name in ("parts", "chapters", "sections"):
        for entry in toc.get(name, ()):
            found += pages(entry)
    return found


def _check_figures(figures):
    missing = [name for name in NEEDED_FIGURES if not (figures / name).exists()]
    if missing:
        raise DataNotFoundError(
            f"{figures} lacks {', '.join(missing)}, which the book's first page shows.",
            found=sorted(path.name for path in figures.glob("*")) or "no figure",
            remedy="Make the run's figures first: `cgm run --again` with the same run folder.",
        )


def _check_pages(draft, executed):
    toc = yaml.safe_load((draft / "_toc.yml").read_text())
    missing = [
        page
        for page in pages(toc)
        if not any((draft / f"{page}{suffix}").exists() for suffix in (".md", ".ipynb"))
    ]
    if missing:
        raise DataNotFoundError(
            f"The book's table of contents names pages that aren't there: {', '.join(missing)}.",
            found=sorted(path.name for path in executed.glob("*.ipynb"))
            or f"nothing in {executed}",
            remedy="Run the notebooks first: `cgm book` does both.",
        )
