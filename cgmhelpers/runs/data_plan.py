"""The plan of the data lists the stages that make simulations of the mock, halos and maps."""

from functools import cached_property
from pathlib import Path

import numpy as np

from cgmhelpers.runs import data_stages
from cgmhelpers.simulations import layout, simulation


class DataPlan:
    """The stages of a run that make data.

    Parameters
    ----------
    parameters : cgmhelpers.runs.parameters.Parameters
        The run's.
    folder : Path
        The run's.
    """

    def __init__(self, parameters, folder):
        self.parameters, self.folder = parameters, folder

    @cached_property
    def simulations(self):
        """The simulations, suite by suite, whether their files are there or not."""
        p = self.parameters
        root = self.folder / "mock" if p.data_root is None else Path(p.data_root)
        return [
            simulation.Simulation(
                root, suite, set_name, realisation, p.snapshot, volume, electrons=p.electrons
            )
            for suite in p.suites
            for volume, set_name, realisation in p.boxes
        ]

    def mocks(self):
        """List the stages that write the mock simulations.

        Returns
        -------
        list of cgmhelpers.runs.data_stages.Mock
            One a simulation; none with a data root.
        """
        p = self.parameters
        root, files_of = self.folder / "mock", (p.mock_cells, p.mock_seed, p.snapshot)
        return [
            data_stages.Mock(root, suite, *box, *files_of)
            for suite in p.suites
            for box in p.boxes
            if p.data_root is None
        ]

    def halo_tables(self):
        """List the stages that measure halos.

        Returns
        -------
        list of cgmhelpers.runs.data_stages.HaloTable
            One a simulation.
        """
        return [data_stages.HaloTable(one) for one in self.maps()]

    def maps(self):
        """List the stages that make the maps.

        Returns
        -------
        list of cgmhelpers.runs.data_stages.Maps
            One a simulation.
        """
        p = self.parameters
        options = {
            "pixels": p.pixels,
            "pixel_size": p.pixel_size,
            "depth": p.depth,
            "options": {"hi": {"method": p.hydrogen_method}} if "hi" in p.map_fields else {},
        }
        tables, stores = self._files("halos", "parquet"), self._files("maps", "zarr")
        source = [p.mock_cells, p.mock_seed] if p.data_root is None else p.data_root
        return [
            data_stages.Maps(*of_one, tuple(p.map_fields), p.minimum_log_mass, options, source)
            for of_one in zip(self.simulations, tables, stores, strict=True)
        ]

    def observed(self, limits):
        """List the stages that observe the maps.

        Parameters
        ----------
        limits : str
            Of the maps.

        Returns
        -------
        list of cgmhelpers.runs.data_stages.Observed
            One a simulation; none for other limits than ``"observed"``.
        """
        if limits != "observed":
            return []
        p = self.parameters
        how = p.observation(p.fields), p.map_size, p.seed
        files = zip(self._files("maps", "zarr"), self._files("observed", "zarr"), strict=True)
        return [data_stages.Observed(*pair, *how) for pair in files]

    def stores(self, limits=None):
        """List the map stores, whether they are there or not.

        Parameters
        ----------
        limits : str, optional
            Of the networks that are tested on them: ``"observed"`` lists the observed maps.

        Returns
        -------
        dict of str to list of Path
            Suite -> map stores, in the order of the realisations.
        """
        p = self.parameters
        kind = "observed" if limits == "observed" else "maps"
        rows = np.array_split(self._files(kind, "zarr"), len(p.suites))
        return dict(zip(p.suites, map(list, rows), strict=True))

    def _files(self, kind, ending):
        """One file for each simulation, in their order."""
        p = self.parameters
        boxes = [(layout.set_label(name, volume), one) for volume, name, one in p.boxes]
        names = [f"{suite}_{label}_{one}" for suite in p.suites for label, one in boxes]
        return [self.folder / kind / f"{name}.{ending}" for name in names]
