"""Whether snapshot, catalogue and the name of the suite belong together, and their units are right.

What a file says can be whole and still be wrong: masses without their factor of h, a catalogue of
another realisation, one suite's snapshot in another suite's folder. Here the parts of a simulation
are held against each other; a run does it before it measures anything.
"""

import logging

import numpy as np
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM

from cgmhelpers.errors import FormatError
from cgmhelpers.halos.cosmology import snapshot_redshift
from cgmhelpers.simulations import dialects, layout, sets
from cgmhelpers.simulations.opening import opened
from cgmhelpers.system import parallel

log = logging.getLogger(__name__)

TOLERANCE = 0.2
"""Relative difference beyond which masses don't fit. It is less than any factor of h = 0.67, and
more than a box of 37 Mpc differs from the mean density, or a catalogue's M200c from the
particles'."""

FEWEST = 1000
"""Dark-matter particles that it takes to speak of a box filled with them."""


BARYON_TOLERANCE = 0.3
"""Relative difference beyond which the mass of gas and stars doesn't fit. Feedback moves gas, but
not out of a periodic box; a factor of h = 0.67 is more."""

DOUBTFUL = 0.05
"""Relative difference of masses that is worth a warning; black holes have less of all matter."""

COSMOLOGY_TOLERANCE = 1e-4
"""Difference beyond which a header's cosmology isn't that of a table. Tables have four digits or
more, and neighbours in the LH set differ by 4e-4 in Omega_m."""

FILLED = (0.55, 1.7)
"""Sum of mass over density of all gas, over the volume of the box, beyond which densities are
called into doubt. Cells of a mesh have 1; a factor of h^2 is 0.45 or 2.2."""

ROWS = 2**20
"""Least number of particles whose masses a thread adds at a time."""


def check_simulation(sim):
    """Hold a snapshot against the name of its suite, and its masses against its cosmology.

    Dark matter has the mass (Omega_matter - Omega_baryon) rho_critical V, which needs one
    particle: codes give all of them the same mass. Gas and stars have Omega_baryon rho_critical V.
    If the header has no Omega_baryon, all matter is held against Omega_matter. The elements of gas
    fill the box: a sum of mass over density far from V is said. Regions that were cut out, and
    zooms, aren't held against a box.

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
    header = sim.header
    if header.is_cutout or header.particle_number[2] > 0:  # the coarse dark matter of a zoom
        return
    # Comoving volume, and the critical density of today.
    volume = (header.box_size / header.scale_factor) ** 3
    cosmology = FlatLambdaCDM(H0=100 * header.hubble, Om0=header.omega_matter)
    unit = cosmology.critical_density0.to_value("Msun/kpc3") * volume
    dark = gas = stars = 0.0
    if sim.number("dark_matter") >= FEWEST:
        with sim.reading("dark_matter", checked=False) as (read, _):
            particle = float(np.median(read(["mass"], slice(0, FEWEST))["mass"]))
        dark = sim.number("dark_matter") * particle / unit
    if sim.number("gas") >= FEWEST:
        lacking = sim.lacks("gas", ["density"])
        gas, filled = _sums(sim, "gas", ["mass", *([] if lacking else ["density"])])
        gas, filled = gas / unit, filled / header.box_size**3
        stars = sum(_sums(sim, kind, ["mass"])[0] for kind in ("stars", "wind")) / unit
    matter, baryons = header.omega_matter, header.omega_baryon if sim.number("gas") else 0.0
    if dark and (np.isnan(baryons) or (gas and not baryons > 0)):  # some headers have a zero
        _compare(sim, "matter", dark + gas + stars, matter, TOLERANCE, "Omega0")
        baryons = matter - dark
    elif dark:
        _compare(sim, "dark matter", dark, matter - baryons, TOLERANCE, "Omega0 and OmegaBaryon")
    if gas and baryons > 0:
        for factor, said in ((header.hubble, "multiplied"), (1 / header.hubble, "divided")):
            right = (gas * factor + stars, (gas + stars) * factor)
            if any(abs(mass / baryons - 1) < 0.02 for mass in right) and abs(factor - 1) > DOUBTFUL:
                _refuse(sim, f"gas, which fit once they are {said} by h", gas + stars, baryons)
        _compare(sim, "gas and stars", gas + stars, baryons, BARYON_TOLERANCE, "OmegaBaryon")
    if gas and not lacking and not FILLED[0] < filled < FILLED[1]:
        log.warning(
            "%s: the sum of mass over density of all gas is %.2g of the box, which gas fills. "
            "Check the unit of Density: CAMELS has 1e10 Msun/h per (kpc/h)^3.",
            sim.snapshot_path, filled,
        )  # fmt: skip


def _compare(sim, what, found, expected, tolerance, source):
    """Refuse mass parameters that differ by more than a tolerance, warn of smaller differences."""
    difference = abs(found / expected - 1) if expected > 0 else np.inf
    if not difference <= tolerance:
        _refuse(sim, what, found, expected, source)
    if difference > DOUBTFUL:
        log.warning(
            "%s: %s is %.0f%% off the %.4g of the critical density that BoxSize and %s give it.",
            sim.snapshot_path, what, 100 * difference, expected, source,
        )  # fmt: skip


def _refuse(sim, what, found, expected, source="OmegaBaryon"):
    raise FormatError(
        f"{sim.snapshot_path}: the masses don't fit the box and the cosmology: those of {what}.",
        found=f"{found:.4g} of the critical density",
        expected=f"{expected:.4g}, from BoxSize, HubbleParam, {source}",
        remedy="Check the units of masses and lengths: CAMELS has 1e10 Msun/h and kpc/h. For a "
        "region that was cut out of a simulation, give cutout=True to Simulation.from_files.",
    )


def _sums(sim, kind, columns):
    """Mass [Msun] and, if the density is among the columns, volume [kpc^3] of all particles."""
    unit = (1 * u.Msun / (u.g / u.cm**3)).to_value(u.kpc**3)
    with sim.reading(kind, ROWS, checked=False) as (read, pieces):

        def sums(rows):
            table = read(columns, rows)
            mass = table["mass"].astype(np.float64)
            return mass.sum(), (mass / table["density"]).sum() * unit if len(columns) > 1 else 0.0

        found = parallel.in_threads(sums, pieces)
    return sum(mass for mass, _ in found), sum(volume for _, volume in found)


def check_redshift(sim, redshift):
    """Hold the header against the number that was asked for: a file's name can mean two.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    redshift : float
        In its header.

    Raises
    ------
    FormatError
        If the snapshot's number has another redshift.
    """
    expected = snapshot_redshift(sim.snapshot)
    if abs(np.log1p(redshift) - np.log1p(expected)) <= layout.REDSHIFT_TOLERANCE:
        return
    nearest = layout.nearest_snapshot(redshift)
    raise FormatError(
        f"{sim.snapshot_path} isn't snapshot {sim.snapshot} of {sim.name}.",
        found=f"redshift {redshift:.3g} in its header",
        expected=f"redshift {expected:.3g}",
        remedy=f"Numbers count 91 snapshots, also in trees that have 34: ask for {nearest} if "
        "you want this redshift, or give the file to Simulation.from_files.",
    )


def check_cosmology(sim):
    """Hold the header's cosmology against the row of the set's table.

    Parameters
    ----------
    sim : Simulation
        The simulation.

    Raises
    ------
    FormatError
        If the simulation has another Omega_m, Omega_b or h than the table lists for it.
    """
    header = sim.header
    found = {"Omega_m": header.omega_matter, "h": header.hubble, "Omega_b": header.omega_baryon}
    if sim.suite == "Ramses":
        del found["Omega_b"]  # its headers have 0.049 always
    listed = {name: sim.listed_parameters.get(name, np.nan) for name in found}
    wrong = [name for name in found if abs(found[name] - listed[name]) > COSMOLOGY_TOLERANCE]
    if wrong:
        raise FormatError(
            f"{sim.snapshot_path} isn't the simulation {sim.name} of the set's table.",
            found=", ".join(f"{name} = {found[name]:.5g}" for name in wrong) + " in its header",
            expected=", ".join(f"{name} = {listed[name]:.5g}" for name in wrong)
            + f" in {sets.find(sim.root, sim.suite, sim.set_name, sim.volume)}",
            remedy="Check that file and table are of the same suite, set and number; download "
            "again the one that isn't.",
        )


def check_halos(sim, table, mass):
    """Hold the catalogue's halo masses against the particles within R200c.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    table : pandas.DataFrame
        Halos from ``sim.halos()``.
    mass : array_like, shape (H,)
        Mass of all particles within R200c [Msun], as
        :func:`cgmhelpers.halos.measuring.measure` gives it.

    Raises
    ------
    FormatError
        If the typical halo isn't where, or not as heavy as, the catalogue says.
    """
    if len(table) == 0 or sim.number("dark_matter") < FEWEST:
        return
    ratio = np.asarray(mass, dtype=float) / table["m200c"].to_numpy()
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
