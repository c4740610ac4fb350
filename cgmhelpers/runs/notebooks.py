"""The notebooks: their order, how one opens its run, and how papermill executes them."""

import logging

from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.runs.parameters import from_namespace, project_root, read
from cgmhelpers.runs.run import Run
from cgmhelpers.system import files

log = logging.getLogger(__name__)

NOTEBOOKS = (
    "01_simulations",
    "02_map_generation",
    "03_cnn",
    "04_metrics",
    "05_cross_simulation",
    "06_explorer",
    "07_tuning",
    "08_posterior",
    "09_baselines",
    "10_interpretation",
    "11_claims",
)
"""The notebooks in the order of the book."""


def start(namespace):
    """Open the run that a notebook's parameters describe.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the notebook, right after its parameters cell.

    Returns
    -------
    Run
    """
    if "get_ipython" in namespace:
        # A cluster's MPLBACKEND=Agg would leave the notebook without figures.
        namespace["get_ipython"]().run_line_magic("matplotlib", "inline")
    # When a reader runs all cells again, names of later cells are there too: not parameters.
    names = namespace.setdefault("_names_at_start", tuple(namespace))
    return Run(from_namespace({name: namespace[name] for name in names if name in namespace}))


def run_notebooks(profile, names=NOTEBOOKS, **overrides):
    """Execute notebooks with papermill, one after another.

    Parameters
    ----------
    profile : str
        Profile that they run with.
    names : sequence of str
        Notebooks, without ending.
    **overrides
        Parameters for all of them.

    Returns
    -------
    Path
        Folder with the executed notebooks, inside the run's folder.

    Raises
    ------
    ParameterError
        For an unknown notebook or parameter.
    ResultError
        When a cell fails; the notebook that failed isn't kept.
    """
    import papermill

    unknown = sorted(set(names) - set(NOTEBOOKS))
    if unknown:
        raise ParameterError("There is no such notebook.", found=unknown, expected=NOTEBOOKS)
    run = Run(read(profile, **overrides))
    given = {name: value for name, value in overrides.items() if value is not None}
    folder = run.folder / "notebooks"
    for name in names:
        log.info("executing %s", name)
        with files.whole(folder / f"{name}.ipynb") as temporary:
            try:
                papermill.execute_notebook(
                    project_root() / "notebooks" / f"{name}.ipynb",
                    temporary,
                    parameters={"profile": str(profile), **given},
                    kernel_name="python3",
                    cwd=str(project_root()),
                    progress_bar=False,
                )
            except papermill.PapermillExecutionError as error:
                raise ResultError(
                    f"The notebook {name} failed in cell {error.exec_count}.",
                    found=f"{error.ename}: {error.evalue}",
                    remedy="Mend the cause and start again: what is finished stays.",
                ) from error
    return folder
