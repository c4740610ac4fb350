"""The notebooks: their order, how one opens its run, and how papermill executes them."""

import ast
import functools
import logging
import os
import tempfile
import time
import types
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
from ipykernel import kernelspec
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

from cgmhelpers.errors import ResultError, check_known
from cgmhelpers.runs import status
from cgmhelpers.runs.parameters import Parameters
from cgmhelpers.runs.profiles import from_namespace, read
from cgmhelpers.runs.project import project_root
from cgmhelpers.runs.run import Run
from cgmhelpers.runs.stage_kinds import Noted
from cgmhelpers.system import files, progress, provenance

log = logging.getLogger(__name__)
CACHES = (".pyc", ".nbc", ".nbi")
"""Endings of files in the package that Python and Numba write."""
SECONDS = {
    "simulations": 198, "map_generation": 51, "explorer": 1435, "cnn": 20, "tuning": 178,
    "accuracy": 37, "error_bars": 54, "posterior": 601, "baselines": 368, "interpretation": 28,
    "cross_simulation": 36, "robust": 1229, "from_the_sky": 420, "claims": 213,
}  # fmt: skip
"""Processor time of each notebook with the profile `quick`. The rest is in these proportions."""


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


@dataclass(frozen=True)
class Executed(Noted):
    """Execute a notebook; `given` are papermill's parameters, `known` are all of the run."""

    name: str
    path: Path
    given: dict
    known: dict

    def fingerprint(self):
        """Digest notebook, parameters, library and kept results: what the pages are made by."""
        root = project_root()
        source = root / "notebooks" / f"{self.name}.ipynb"
        kept = sorted(path for path in (root / "book" / "results").rglob("*") if path.is_file())
        return provenance.fingerprint(
            source=files.sha256(source),
            results=[files.sha256(path) for path in kept],
            library=_library(),
            parameters={k: v for k, v in self.known.items() if k not in status.NO_CHOICE},
        )

    def why(self, lines, waiting):
        """Say why it is to be executed; empty if nothing that it showed was or will be made again.

        Parameters
        ----------
        lines : list of dict
            The run's record.
        waiting : set of str
            Paths of stages that aren't done.

        Returns
        -------
        str
        """
        note = self.note()
        if not self.path.is_file() or not note:
            return "not executed by this command"
        if note["fingerprint"] != self.fingerprint():
            return "notebook, parameters, library or kept results changed"
        before, after = lines[: note["lines"]], lines[note["lines"] :]
        remade = _made(before) & (_made(after) | waiting)
        return f"shows {min(remade)}, which isn't the present one" if remade else ""

    def run(self):
        """Execute it."""
        import papermill

        # It warns of parameters outside of a notebook's first cell; `start` takes all of a run.
        logging.getLogger("papermill").setLevel(logging.ERROR)
        fingerprint = self.fingerprint()
        self.path.with_suffix(".json").unlink(missing_ok=True)
        with files.whole(self.path) as temporary:
            try:
                before = sum(os.times()[:4])
                done = papermill.execute_notebook(
                    project_root() / "notebooks" / f"{self.name}.ipynb",
                    temporary,
                    parameters=self.given,
                    kernel_name="python3",
                    kernel_manager_class=_Kernel,
                    cwd=str(project_root()),
                    progress_bar=False,
                    # A kernel warns that processes of this machine could listen, and calls the
                    # interruption with which it is shut down an error.
                    extra_arguments=["--log-level=CRITICAL"],
                )
            except papermill.PapermillExecutionError as error:
                raise ResultError(
                    f"The notebook {self.name} failed in cell {error.exec_count}.",
                    found=f"{error.ename}: {error.evalue}",
                    remedy="Mend the cause and start again: what is finished stays.",
                ) from error
            # Stages that are there take no time again, so the longest execution counts.
            spent = max(sum(os.times()[:4]) - before, _processor_seconds(self.path))
            done.metadata["processor_seconds"] = round(spent, 1)
            nbformat.write(done, temporary)
        record = self.path.parents[1] / provenance.RECORD
        self.write_note(fingerprint=fingerprint, lines=len(provenance.recorded(record)))


class _Kernel(AsyncKernelManager):
    """A kernel of this Python, whatever the user's own kernels of its name are."""

    @property
    def kernel_spec(self):
        return KernelSpec(**kernelspec.get_kernel_dict())


def _made(lines):
    return {path for line in lines for path in line.get("makes", ())}


@functools.cache
def _library():
    """Digest the files of the package."""
    folder = Path(__file__).parents[1]
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in CACHES
    )
    return provenance.fingerprint(**{str(path): files.sha256(path) for path in paths})


def plan(profile, chosen=None, **overrides):
    """List notebooks to execute.

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
    list of Executed
        In their order.

    Raises
    ------
    ParameterError
        For an unknown notebook or parameter.
    """
    chosen = names() if chosen is None else chosen
    check_known(chosen, names(), "There is no such notebook.")
    run = Run(read(profile, **overrides))
    # As they were understood here: a kernel starts in the project, and reads no YAML.
    known = run.parameters.model_dump()
    names_given = ["profile", *(name for name, value in overrides.items() if value is not ...)]
    if known["runs"] != str(project_root() / "runs"):
        names_given.append("runs")
    given = {name: known[name] for name in names_given}
    return [Executed(name, run.folder / "notebooks" / f"{name}.ipynb", given, known)
            for name in chosen]  # fmt: skip


def survey(wanted, table):
    """Tell the state of notebooks.

    Parameters
    ----------
    wanted : list of Executed
        From `plan`.
    table : pandas.DataFrame
        State of the run's stages, from `cgmhelpers.runs.status.survey`.

    Returns
    -------
    pandas.DataFrame
        As from there, one row a notebook. All after the first that isn't done aren't either: one
        may read what an earlier one writes.
    """
    folder = wanted[0].path.parents[1]
    lines = provenance.recorded(folder / provenance.RECORD)
    waiting, rows, why = set(table["path"][table["state"] != status.DONE]), [], ""
    for one in wanted:
        own = one.why(lines, waiting)
        why = own or ("comes after one that is executed" if why else "")
        state = status.OUTDATED if why and one.path.is_file() else status.LACKS
        rows.append(("Notebooks", f"notebooks/{one.path.name}", state if why else status.DONE, why))
    return pd.DataFrame(rows, columns=table.columns)


def run_notebooks(profile, chosen=None, *, again=True, after=None, **overrides):
    """Execute notebooks with papermill, one after another.

    Parameters
    ----------
    profile : str
        Profile that they run with.
    chosen : sequence of str, optional
        Notebooks, without ending; all of the book by default.
    again : bool
        Execute those too that are up to date.
    after : callable, optional
        Called with the name of each notebook that is there.
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
    wanted, done = plan(profile, chosen, **overrides), set()
    if not again and any(one.note() for one in wanted):
        states = survey(wanted, status.survey(Run(read(profile, **overrides))))["state"]
        done = {one.name for one, is_so in zip(wanted, states == status.DONE, strict=True) if is_so}
    spent = dict.fromkeys(done, 0.0)
    for number, one in enumerate(wanted, start=1):
        if one.name not in done:
            left = _left(spent, [other.name for other in wanted[number - 1 :]])
            text = f"{number} of {len(wanted)}: {one.name}{left}"
            log.info(text)
            started = time.monotonic()
            with _bars_shown(text):
                one.run()
            spent[one.name] = time.monotonic() - started
        if after:
            after(one.name)
    return wanted[0].path.parent


def _processor_seconds(path):
    """Return what an executed notebook took, with its processes; 0 if it isn't there."""
    if not path.exists():
        return 0
    return nbformat.read(path, as_version=4).metadata.get("processor_seconds", 0)


def _left(spent, names):
    """Estimate the time that notebooks take, from that of those before and their usual shares."""
    usual = sum(_usual(name) for name, seconds in spent.items() if seconds)
    if not usual:
        return ""
    seconds = sum(spent.values()) / usual * sum(map(_usual, names))
    return f", about {max(1, round(seconds / 60))} min left"


def _usual(name):
    return SECONDS.get(name.partition("_")[2], 40)


@contextmanager
def _bars_shown(text):
    """Show the progress bars of a kernel in this terminal."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars"
        os.environ[progress.ELSEWHERE] = str(path)
        try:
            with progress.followed(path, f"{text}: "):
                yield
        finally:
            del os.environ[progress.ELSEWHERE]
