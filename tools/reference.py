"""Write the reference pages of the book: book/reference.md and book/api/.

Run it after a module was added or renamed (``make reference``); the test of the
documentation compares the pages with the package.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cgmhelpers"
# Page, title, a first sentence, modules.
PAGES = (
    (
        "simulations",
        "Simulations and halos",
        "Files in, physical columns out, and what a halo is.",
        "camels group_catalogue consistency particles header layout dialects columns halos "
        "selection properties populations",
    ),
    (
        "mock",
        "The mock suite",
        "A data root in the layout of CAMELS, without a simulation. "
        "See [what it is and what it isn't](../data.md#the-mock-suite).",
        "mock",
    ),
    (
        "emission",
        "What gas emits",
        "From columns to luminosities and neutral masses. "
        "A new wavelength is an entry in {mod}`cgmhelpers.fields`.",
        "fields emission xray hydrogen ionisation tables",
    ),
    (
        "maps",
        "Maps",
        "From gas elements to images, on three axes, and onto disk.",
        "maps gathering map_store projection",
    ),
    (
        "networks",
        "Networks",
        "From images to posterior means and deviations.",
        "network training training_settings training_loop tuning heartbeat inference dataset "
        "batches scaling checkpoint calibration ensembles posterior posterior_flow "
        "posterior_training posterior_checks posterior_scores",
    ),
    (
        "results",
        "Results",
        "From predictions to numbers and figures.",
        "statistics resampling honesty trust robustness claims comparison baselines attribution "
        "figures explorer",
    ),
    (
        "runs",
        "Runs and the book",
        "Parameters, stages, pages, and the errors of all of them.",
        "parameters pipeline stages notebooks results cli book offline parallel progress "
        "provenance errors",
    ),
)
INTRODUCTION = """\
# Reference

Every public module of `cgmhelpers`. Lengths, masses and all else are physical; images are
(axis, y, x), y up: see the [conventions](architecture.md#conventions). Each docstring says shapes,
units, errors and the source of a formula.
"""


def modules(name):
    """Name a module and, where it is a package, the public modules in it; none if it isn't there.

    Parameters
    ----------
    name : str
        Below the package.

    Returns
    -------
    list of str
        Such as ``["projection", "projection.kernel"]``.
    """
    if (PACKAGE / f"{name}.py").exists():
        return [name]
    if not (PACKAGE / name / "__init__.py").exists():
        return []
    inner = sorted(path.stem for path in (PACKAGE / name).glob("[!_]*.py"))
    return [name, *(f"{name}.{stem}" for stem in inner)]


def main():
    """Write the overview and one page per group."""
    (ROOT / "book" / "api").mkdir(exist_ok=True)
    overview, seen = [INTRODUCTION], set()
    for page, title, lead, names in PAGES:
        found = [module for name in names.split() for module in modules(name)]
        seen |= {module.partition(".")[0] for module in found}
        rows = "".join(f"   cgmhelpers.{module}\n" for module in found)
        overview.append(
            f"## [{title}](api/{page}.md)\n\n```{{eval-rst}}\n.. autosummary::\n\n{rows}```\n"
        )
        parts = [f"# {title}\n\n{lead}\n"]
        parts += [
            f"## {module}\n\n```{{eval-rst}}\n.. automodule:: cgmhelpers.{module}\n"
            "   :members:\n   :ignore-module-all:\n```\n"
            for module in found
        ]
        (ROOT / "book" / "api" / f"{page}.md").write_text("\n".join(parts))
    (ROOT / "book" / "reference.md").write_text("\n".join(overview))
    here = {path.stem for path in PACKAGE.glob("[!_]*.py")}
    here |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    if here - seen:
        raise SystemExit(f"On no page: {sorted(here - seen)}. Add them to PAGES.")


if __name__ == "__main__":
    main()
