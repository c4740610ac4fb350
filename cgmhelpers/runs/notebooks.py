"""The notebooks: their order, how one opens its run, and how papermill executes them."""

import ast
import logging
import os
import types

import nbformat

from cgmhelpers.errors import ResultError, check_known
from cgmhelpers.runs.parameters import Parameters, from_namespace, read
from cgmhelpers.runs.project import project_root
from cgmhelpers.runs.run import Run
from cgmhelpers.system import files

log = logging.getLogger(__name__)


def names():
    """List the notebooks of the project in the order of the book.

    Returns
    -------
    tuple of str
        Without ending; their numbers give the order.
    """
    return tuple(sorted(path.stem for path in (project_root() / "notebooks").glob("[0-9]*.ipynb")))


def start(namespace):
    """Open the run that a notebook's parameters describe.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the notebook, right after its parameters cell. Names that the latest
        parameters cell assigns count, and none that the kernel has from elsewhere.

    Returns
    -------
    Run
    """
    if "get_ipython" in namespace:
        # A cluster's MPLBACKEND=Agg would leave the notebook without figures.
        namespace["get_ipython"]().run_line_magic("matplotlib", "inline")
    names = _parameter_names(namespace.get("In") or [])
    if names is None:  # a script: it has no cells
        others = (types.ModuleType, type, types.FunctionType, types.MethodType)
        names = [name for name in namespace if not isinstance(namespace[name], others)]
    return Run(from_namespace({name: namespace[name] for name in names if name in namespace}))


def _parameter_names(cells):
    """Return the names that the parameters of the last call of `start` have, or None.

    The parameters cell is the latest that assigns `profile`. A cell of assignments alone between
    it and the call belongs to it: papermill puts its values there.
    """
    names = set()
    for number, cell in enumerate(reversed(cells)):
        try:
            body = ast.parse(cell).body
        except SyntaxError:
            continue
        first = next((n for n, one in enumerate(body) if _calls_start(one)), len(body))
        if first < len(body) and number:
            names &= set(Parameters.model_fields)  # what came after an earlier call is anything
        before = [one for one in body[:first] if isinstance(one, ast.Assign | ast.AnnAssign)]
        targets = [
            to for one in before for to in getattr(one, "targets", [one.__dict__.get("target")])
        ]
        assigned = {n.id for to in targets for n in ast.walk(to) if isinstance(n, ast.Name)}
        if "profile" in assigned:
            return names | assigned
        if len(before) == len(body):
            names |= assigned
    return None


def _calls_start(statement):
    called = [one.func for one in ast.walk(statement) if isinstance(one, ast.Call)]
    return any("start" in (getattr(one, "id", ""), getattr(one, "attr", "")) for one in called)


def run_notebooks(profile, chosen=None, **overrides):
    """Execute notebooks with papermill, one after another.

    Parameters
    ----------
    profile : str
        Profile that they run with.
    chosen : sequence of str, optional
        Notebooks, without ending; all of the book by default.
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

    chosen = names() if chosen is None else chosen
    check_known(chosen, names(), "There is no such notebook.")
    run = Run(read(profile, **overrides))
    # As they were understood here: a kernel starts in the project, and reads no YAML.
    known = run.parameters.model_dump()
    names_given = ["profile", *(name for name, value in overrides.items() if value is not ...)]
    if known["runs"] != str(project_root() / "runs"):
        names_given.append("runs")
    given = {name: known[name] for name in names_given}
    folder = run.folder / "notebooks"
    for name in chosen:
        log.info("executing %s", name)
        with files.whole(folder / f"{name}.ipynb") as temporary:
            try:
                before = sum(os.times()[:4])
                done = papermill.execute_notebook(
                    project_root() / "notebooks" / f"{name}.ipynb",
                    temporary,
                    parameters=given,
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
            # Stages that are there take no time again, so the longest execution counts.
            spent = max(sum(os.times()[:4]) - before, _processor_seconds(folder / f"{name}.ipynb"))
            done.metadata["processor_seconds"] = round(spent, 1)
            nbformat.write(done, temporary)
    return folder


def _processor_seconds(path):
    """Return what an executed notebook took, with its processes; 0 if it isn't there."""
    if not path.exists():
        return 0
    return nbformat.read(path, as_version=4).metadata.get("processor_seconds", 0)
