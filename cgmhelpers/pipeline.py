"""A run: its folder, its stages, and the notebooks that show it.

Every stage is skipped where its output is whole and its fingerprint (what it depends on) is
unchanged, so a run that was interrupted goes on, and a notebook executed alone makes what it
lacks through the same functions.
"""

import logging
from functools import cached_property
from pathlib import Path

import pandas as pd
import yaml

from cgmhelpers import camels, parallel, provenance, stages
from cgmhelpers.errors import ParameterError, ResultError
from cgmhelpers.parameters import Parameters, from_namespace, project_root, read

log = logging.getLogger(__name__)

NOTEBOOKS = (
    "01_simulations",
    "02_map_generation",
    "03_cnn",
    "04_metrics",
    "05_cross_simulation",
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


class Run:
    """One run: parameters, folder and stages.

    Parameters
    ----------
    parameters : Parameters
        From `cgmhelpers.parameters.read`.
    """

    def __init__(self, parameters):
        self.parameters = parameters
        runs = Path(parameters.runs).expanduser()
        self.folder = (runs if runs.is_absolute() else project_root() / runs) / parameters.run
        self.folder.mkdir(parents=True, exist_ok=True)
        with provenance.whole(self.folder / "parameters.yml") as path:
            path.write_text(yaml.safe_dump(parameters.model_dump(), sort_keys=False))

    @classmethod
    def from_profile(cls, profile, **overrides):
        """Open a run by the name of its profile.

        Parameters
        ----------
        profile : str
            A name in ``book/parameters``, or a path.
        **overrides
            Parameters that shall differ from the profile.

        Returns
        -------
        Run
        """
        return cls(read(profile, **overrides))

    def __repr__(self):
        return f"Run({self.parameters.run}, {self.source})"

    # --- what the run reads -------------------------------------------------------------

    @property
    def is_mock(self):
        """Whether the data are the mock suite (written here, or found in the data root)."""
        return self.parameters.data_root is None or self.simulations[0].is_mock

    @property
    def source(self):
        """Where the data come from, for captions and titles."""
        number = len(self.parameters.realisation_list)
        name = "mock suite" if self.is_mock else f"CAMELS {self.parameters.set_name} set"
        return f"{name}, {number} realisation{'s' if number > 1 else ''} per suite"

    @cached_property
    def simulations(self):
        """The simulations, suite by suite; the mock suite is written first where it lacks."""
        p = self.parameters
        root = self.folder / "mock" if p.data_root is None else Path(p.data_root).expanduser()
        if p.data_root is None:
            tasks = [
                (root, (suite,), (realisation,), p.mock_cells, p.mock_seed, p.set_name, p.snapshot)
                for realisation in p.realisation_list
                for suite in p.suites
            ]
            self._spread(stages.write_mock, tasks, "Mock simulations")
        return [
            camels.Simulation(root, suite, p.set_name, realisation, p.snapshot)
            for suite in p.suites
            for realisation in p.realisation_list
        ]

    # --- stages -------------------------------------------------------------------------

    def halos(self):
        """Halos of all simulations with their six properties.

        Returns
        -------
        pandas.DataFrame
            Columns of ``Simulation.halos`` and the six properties.
        """
        p = self.parameters
        tasks = [
            (sim, self.folder / "halos" / f"{stages.file_name(sim)}.parquet", p.minimum_log_mass)
            for sim in self.simulations
        ]
        self._spread(stages.measure_halos, tasks, "Halos and their properties")
        table = pd.concat([pd.read_parquet(path) for _, path, _ in tasks], ignore_index=True)
        if table.empty:
            raise ResultError(
                "The simulations have no halo in the sample.",
                found=f"none above 10^{p.minimum_log_mass} Msun",
                remedy="Lower minimum_log_mass, or check the catalogues.",
            )
        return table

    def maps(self):
        """Make the maps of all simulations.

        Returns
        -------
        dict of str to list of Path
            Suite -> map stores, in the order of the realisations.
        """
        self.halos()
        p = self.parameters
        options = {
            "minimum_mass": 10**p.minimum_log_mass,
            "pixels": p.pixels,
            "pixel_size": p.pixel_size,
            "depth": p.depth,
            "hydrogen_method": p.hydrogen_method,
        }
        # A run that takes fewer fields than its profile uses the same stores.
        fields = tuple(dict.fromkeys((*read(p.profile).fields, *p.fields)))
        stores = {suite: [] for suite in p.suites}
        tasks = []
        for sim in self.simulations:
            store = self.folder / "maps" / f"{stages.file_name(sim)}.zarr"
            stores[sim.suite].append(store)
            tasks.append((sim, fields, store, options))
        self._spread(stages.make_maps, tasks, "Maps")
        return stores

    def networks(self):
        """Train a network for every suite, input and limits.

        Returns
        -------
        pandas.DataFrame
            One row a network: suite, fields (joined by +), limits, folder.
        """
        stores = self.maps()
        rows, tasks = [], []
        for limits in self.parameters.limits:
            for fields in reversed(self.parameters.field_sets):  # the longest first
                for suite in self.parameters.suites:
                    name = "+".join(fields)
                    folder = self.folder / "networks" / f"{suite}_{name}_{limits}"
                    rows.append((suite, name, limits, folder))
                    tasks.append((stores[suite], fields, limits, folder, self._training()))
        self._spread(stages.train, tasks, "Networks")
        return pd.DataFrame(rows, columns=["suite", "fields", "limits", "folder"])

    def predictions(self):
        """Test every network on the test halos of every suite.

        Returns
        -------
        pandas.DataFrame
            The tidy table of `cgmhelpers.inference.predict`.
        """
        networks, stores = self.networks(), self.maps()
        tasks = [
            (row.folder, stores, self.folder / "predictions" / f"{row.folder.name}.parquet")
            for row in networks.itertuples()
        ]
        self._spread(stages.predict, tasks, "Predictions")
        return pd.concat([pd.read_parquet(path) for *_, path in tasks], ignore_index=True)

    def save_figure(self, figure, name):
        """Save a figure in the run's folder, for the book's other pages.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            The figure.
        name : str
            File name without ending.

        Returns
        -------
        Path
            The PNG file.
        """
        path = self.folder / "figures" / f"{name}.png"
        with provenance.whole(path) as temporary:
            figure.savefig(temporary, format="png", dpi=150, bbox_inches="tight")
        return path

    # --- how stages run -----------------------------------------------------------------

    def _training(self):
        """Arguments of the training beyond stores, fields and limits."""
        p = self.parameters
        names = (
            "channels",
            "epochs",
            "batch_size",
            "learning_rate",
            "weight_decay",
            "dropout",
            "schedule",
            "augmentation",
            "seed",
        )
        settings = {name: getattr(p, name) for name in names} | {"threads": 1}
        return {"settings": settings, "size": p.map_size, "split_by": p.split_by}

    def _spread(self, function, tasks, description):
        """Run the tasks that aren't done, side by side."""
        waiting = [task for task in tasks if not function(*task, check=True)]
        p = self.parameters
        parallel.run_all(
            function, waiting, description, cluster=p.cluster, workers=p.workers or None
        )


# --- notebooks --------------------------------------------------------------------------


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
    papermill.PapermillExecutionError
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
        with provenance.whole(folder / f"{name}.ipynb") as temporary:
            papermill.execute_notebook(
                project_root() / "notebooks" / f"{name}.ipynb",
                temporary,
                parameters={"profile": str(profile), **given},
                kernel_name="python3",
                cwd=str(project_root()),
                progress_bar=False,
            )
    return folder


__all__ = ["NOTEBOOKS", "Parameters", "Run", "read", "run_notebooks", "start"]
