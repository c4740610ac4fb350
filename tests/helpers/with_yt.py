"""Snapshots of the mock, opened with yt."""

import h5py
import numpy as np
import pytest

from cgmhelpers.simulations.simulation import Simulation


def scalars(path, copy):
    """Copy a file with scalars for header arrays of length 1, which yt can't read."""
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        for group in ("Header", "Units", "Policy"):
            attributes = file[group].attrs if group in file else {}
            for name in [name for name in attributes if np.shape(attributes[name]) == (1,)]:
                attributes[name] = attributes[name][0]
    return copy


def assert_yt_agrees(sim: Simulation, folder):
    """Hold temperatures, densities and the mass of the gas against those of yt's front end."""
    import yt
    from yt.frontends.gadget.api import GadgetHDF5Dataset

    yt.set_log_level("error")
    suite, path = sim.suite, sim.snapshot_path
    if suite in ("Astrid", "Swift-EAGLE"):
        path = scalars(path, folder / "scalars.hdf5")
    # yt would take Astrid for AREPO, and Ramses for GIZMO: name their front end.
    dataset = (GadgetHDF5Dataset if suite in ("Astrid", "Ramses") else yt.load)(path)
    expected = {"IllustrisTNG": "Arepo", "SIMBA": "Gizmo", "Swift-EAGLE": "Swift"}
    assert type(dataset).__name__.startswith(expected.get(suite, "GadgetHDF5"))
    assert dataset.current_redshift == pytest.approx(sim.header.redshift, abs=1e-6)
    data, ours = dataset.all_data(), sim.gas()
    field = ("PartType0", "Temperatures") if suite == "Swift-EAGLE" else ("gas", "temperature")
    temperature = np.sort(np.asarray(data[field]))
    # yt takes the hydrogen atom's mass for the proton's: 5e-4.
    np.testing.assert_allclose(temperature, np.sort(ours.temperature), rtol=1e-3)
    # The Gizmo and Gadget front ends take their own solar mass, 3e-4 from the file's unit.
    density = np.sort(data["gas", "density"].to_value("g/cm**3"))
    np.testing.assert_allclose(density, np.sort(ours.density), rtol=5e-4)
    mass = data["gas", "mass"].sum().to_value("Msun")
    assert mass == pytest.approx(ours.mass.sum(dtype=np.float64), rel=1e-3)
    positions = np.sort(data["gas", "x"].to_value("kpc"))
    # SIMBA's places are in single precision: 2^-9 kpc/h at 25,000 kpc/h.
    np.testing.assert_allclose(positions, np.sort(ours.position[:, 0]), rtol=2e-5, atol=0.01)
