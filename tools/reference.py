"""Write the reference pages of the book: book/reference.md and one page a package in book/api/.

Run it after a module was added or renamed (``make reference``); the test of the documentation
compares the pages with the package. Order and first sentences are those of the docstrings of
`cgmhelpers` and its packages.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cgmhelpers"
INTRODUCTION = """\
# Reference

Every public module of `cgmhelpers`, one page a package, in the order of the data: each package and
each file imports only what stands above it. Lengths, masses and all else are physical; images are
(axis, y, x), y up: see the [conventions](architecture.md#conventions). Each docstring says shapes,
units, errors and the source of a formula.
"""
# Modules that stand beside the packages, and the page that takes them.
BESIDE = {"errors": "system"}


def docstring(folder):
    """Return the docstring of a package.

    Parameters
    ----------
    folder : Path
        Of the package.

    Returns
    -------
    str
        Its text.
    """
    return ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))


def files(folder):
    """List what a package holds, in the order of its docstring.

    Parameters
    ----------
    folder : Path
        Of the package.

    Returns
    -------
    list of str
        Names of modules and packages.
    """
    return re.findall(r"^- `(\w+)`:", docstring(folder), re.M)


def modules(folder, name):
    """List the public modules of a package, and those of the packages in it.

    Parameters
    ----------
    folder : Path
        Of the package.
    name : str
        Its dotted name.

    Returns
    -------
    list of str
        Dotted names; the package first.
    """
    found = [name]
    for inner in files(folder):
        is_package = (folder / inner / "__init__.py").exists()
        found += modules(folder / inner, f"{name}.{inner}") if is_package else [f"{name}.{inner}"]
    return found


def section(module):
    """Write the part of a page that documents a module.

    Parameters
    ----------
    module : str
        Dotted name.

    Returns
    -------
    str
        Markdown.
    """
    is_package = (ROOT / Path(*module.split(".")) / "__init__.py").exists()
    options = "" if is_package else "   :members:\n   :ignore-module-all:\n"
    title = module.removeprefix("cgmhelpers.")
    return f"## {title}\n\n```{{eval-rst}}\n.. automodule:: {module}\n{options}```\n"


def main():
    """Write the overview and one page per package."""
    pages = ROOT / "book" / "api"
    for old in pages.glob("*.md"):
        old.unlink()
    overview = [INTRODUCTION]
    for package in (name for name in files(PACKAGE) if name not in BESIDE):
        found = modules(PACKAGE / package, f"cgmhelpers.{package}")
        beside = [f"cgmhelpers.{name}" for name, page in BESIDE.items() if page == package]
        found = [*beside, *found]
        lead = docstring(PACKAGE / package).partition("\n")[0]
        rows = "".join(f"   {module}\n" for module in found)
        overview.append(
            f"## [{package}](api/{package}.md)\n\n{lead}\n\n"
            f"```{{eval-rst}}\n.. autosummary::\n\n{rows}```\n"
        )
        page = [f"# {package}\n", *(section(module) for module in found)]
        (pages / f"{package}.md").write_text("\n".join(page))
    (ROOT / "book" / "reference.md").write_text("\n".join(overview))


if __name__ == "__main__":
    main()
