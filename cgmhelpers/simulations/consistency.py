"""Whether snapshot, catalogue and the name of the suite belong together, and their units are right.

What a file says can be whole and still be wrong: masses without their factor of h, a catalogue of
another realisation, one suite's snapshot in another suite's folder. Here the parts of a simulation
are held against each other; a run does it before it measures anything.
"""

import numpy as np
from astropy.cosmology import FlatLambdaCDM

from cgmhelpers.errors import FormatError
from cgmhelpers.simulations import dialects
from cgmhelpers.simulations.hdf5 import opened

TOLERANCE = 0.2
"""Relative difference beyond which masses don't fit: less than any factor of h = 0.67, and more
than a box of 37 Mpc differs from the mean density, or a catalogue's M200c from the particles'."""

FEWEST = 1000
"""Dark-matter particles that it takes to speak of a box filled with them."""


def check_simulation(sim):
    """Hold a snapshot against the name of its suite, and its masses against its cosmology.

    Dark matter has the mass (Omega_matter - Omega_baryon) rho_critical V, which needs one
    particle: codes give all of them the same mass.

    Parameters
    ----------
    sim : Simulation
        The simulation.

    Raises
    ------
    FormatError
        If they contradict each other.
    """
    _check_dialect(sim)
    header, number = sim.header, sim.number("dark_matter")
    if number < FEWEST:
        return
    with sim.reading("dark_matter") as (read, _):
        particle = float(np.median(read(["mass"], slice(0, FEWEST))["mass"]))
    # Comoving volume, and the critical density of today.
    volume = (header.box_size / header.scale_factor) ** 3
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    baryons = np.nan_to_num(header.omega_baryon) if sim.number("gas") else 0.0
    density = cosmology.critical_density0.to_value("Msun/kpc3")
    expected = (header.omega_matter - baryons) * density * volume
    if not abs(number * particle / expected - 1) <= TOLERANCE:
        raise FormatError(
            f"{sim.snapshot_path}: the masses don't fit the box and the cosmology.",
            found=f"{number * particle:.4g} Msun of dark matter",
            expected=f"{expected:.4g} Msun, from BoxSize, Omega0 and OmegaBaryon",
            remedy="Check the units of masses and lengths: CAMELS has 1e10 Msun/h and kpc/h.",
        )


def check_halos(sim, table, log_mass):
    """Hold the catalogue's halo masses against the particles within R200c.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    table : pandas.DataFrame
        Halos from ``sim.halos()``.
    log_mass : array_like, shape (H,)
        log10 of the mass of all particles within R200c [Msun], as
        :func:`cgmhelpers.halos.measuring.measure` gives it; NaN where there are none.

    Raises
    ------
    FormatError
        If the typical halo isn't where, or not as heavy as, the catalogue says.
    """
    if len(table) == 0:
        return
    ratio = np.nan_to_num(10 ** np.asarray(log_mass, dtype=float)) / table["m200c"].to_numpy()
    typical = float(np.median(ratio))
    if not abs(typical - 1) <= TOLERANCE:
        raise FormatError(
            f"{sim.catalogue_path} doesn't belong to {sim.snapshot_path}.",
            found=f"particles within R200c weigh {typical:.3g} of M200c (median of {len(table)})",
            expected=f"within {TOLERANCE:.0%} of 1",
            remedy="Check that both are of the same simulation, time and units.",
        )


def _check_dialect(sim):
    suite = dialects.SUITES.get(sim.suite)
    if suite is None or sim.number("gas") == 0:
        return
    for path in sim.snapshot_files:
        with opened(path) as file:
            if "PartType0" not in file:  # a part without gas
                continue
            group = file["PartType0"]
            lacking = [piece for piece in suite.has if not piece.found_in(group)]
            foreign = sorted(set(suite.lacks) & set(group))
        if sim.header.is_cutout:  # it may have a few columns only
            lacking = []
        if lacking or foreign:
            raise FormatError(
                f"{path} isn't a snapshot of {sim.suite}.",
                found="gas " + " and ".join(
                    [f"with {name}" for name in foreign]
                    + [f"without {piece}" for piece in lacking]
                ),
                expected=f"with {', '.join(map(str, suite.has))}; without "
                f"{', '.join(suite.lacks) or 'others'}",
                remedy="Move the files to the folder of the suite that they are from.",
            )  # fmt: skip
        return
