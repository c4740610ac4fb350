"""One realisation of one suite: all its particles, its groups, its two files."""

from dataclasses import dataclass

import numpy as np

from cgmhelpers.emission import ionisation
from cgmhelpers.errors import ResultError
from cgmhelpers.mock import (
    background,
    catalogue,
    chemistry,
    clouds,
    collisionless,
    discs,
    hot,
    overdensity,
    snapshot,
)
from cgmhelpers.mock.budget import allot
from cgmhelpers.mock.feedback import MODELS
from cgmhelpers.mock.gas import density_unit, settle_metals
from cgmhelpers.mock.outcomes import outcome
from cgmhelpers.mock.responses import respond
from cgmhelpers.mock.sets import FIDUCIAL
from cgmhelpers.simulations.conversions import STAR_FORMING_NUCLEI

DARK_MATTER = 38.4
"""Fewest dark matter particles per (comoving Mpc/h)^3. They are cheap, and halo masses rest on
them."""
DARK_MATTER_PER_CELL = 12
"""But no more than this per gas element."""

CROSS_SECTION = 2.68e-18
"""Mean cross-section of the ionising photons of all backgrounds [cm^2], Haardt & Madau's today."""


@dataclass(frozen=True)
class Realisation:
    """Particles of one suite; every kind is a dict of columns with the ``halo`` of each.

    Attributes
    ----------
    gas, dark_matter, stars, wind, black_holes : dict of str to array
        ``wind`` is None unless the suite stores wind cells among the stars.
    """

    gas: dict
    dark_matter: dict
    stars: dict
    wind: dict | None
    black_holes: dict

    def kinds(self):
        """Return columns by particle type number; wind is among the stars."""
        stars = self.stars
        if self.wind is not None:
            stars = {k: np.concatenate([stars[k], self.wind[k]]) for k in stars}
            order = np.argsort(stars["halo"], kind="stable")
            stars = {k: v[order] for k, v in stars.items()}
        return {0: self.gas, 1: self.dark_matter, 4: stars, 5: self.black_holes}


def build(name, halos, web, cells, generator, parameters=FIDUCIAL):
    """Make the particles of one suite.

    Parameters
    ----------
    name : str
        Suite.
    halos : Halos
        The shared halos.
    web : Web
        The cosmic web.
    cells : int
        Gas elements.
    generator : numpy.random.Generator
        Source of the suite's randomness.
    parameters : cgmhelpers.mock.sets.Parameters
        Strengths of feedback.

    Returns
    -------
    Realisation

    Raises
    ------
    ResultError
        If the halos would hold more baryons than the box has.
    """
    model = respond(MODELS[name], parameters)
    result = outcome(model, halos, generator)
    atmosphere = hot.Atmosphere.of(halos, model, result)
    baryons = halos.volume.matter_mass(halos.volume.cosmology.omega_baryon)
    budget = allot(halos, result, atmosphere.mass, cells, baryons / cells, generator)
    mass, number = budget.mass, budget.number
    phases = [
        hot.hot(
            halos, model, result, atmosphere, mass["hot"], number["hot"], budget.boost, generator
        ),
        hot.wind(halos, model, result, mass["wind"], number["wind"], generator),
        clouds.clouds(halos, result, atmosphere, mass["clouds"], number["clouds"], generator),
        discs.outer_disc(halos, mass["outer"], number["outer"], generator),
        discs.disc(halos, mass["disc"], number["disc"], generator),
        discs.satellites(halos, mass["satellites"], number["satellites"], generator),
    ]
    bound = {key: np.concatenate([phase[key] for phase in phases]) for key in phases[0]}
    del phases
    settle_metals(halos, result, bound)
    order = np.lexsort((bound["satellite"], bound["halo"]))
    bound = {key: values[order] for key, values in bound.items()}
    halo = bound["halo"]
    bound["position"] = np.mod(bound["position"] + halos.position[halo], halos.volume.box_size)
    bound["velocity"] = (bound["velocity"] + halos.velocity[halo]).astype(np.float32)

    mask = background.halo_mask(halos)
    rest = baryons - bound["mass"].sum(dtype=np.float64) - result.stars.sum()
    if rest <= 0:
        raise ResultError(
            f"The halos of {name} would hold more baryons than the box has.",
            found=f"{1 - rest / baryons:.2f} of the box's, with {parameters}",
            expected="less than 1",
            remedy="Choose another realisation.",
        )
    # Halos of a rich box can take more elements than there are; the gas between them has some too.
    number_between = max(cells - len(halo), cells // 20)
    diffuse = background.gas(web, mask, number_between, rest, model, generator)
    table = {key: np.concatenate([bound[key], diffuse[key]]) for key in bound}
    del bound, diffuse
    if name == "Ramses":
        refine(table, halos.volume.box_size)
    ionise(table, model, halos.volume.redshift)
    stars = collisionless.stars(halos, result, max(cells // 12, 2000), generator)
    wind = None
    if name == "IllustrisTNG":
        wind = collisionless.wind(halos, model, result, number["disc"], generator)
    particles = max(
        cells, min(round(DARK_MATTER * halos.volume.side**3), DARK_MATTER_PER_CELL * cells)
    )
    dark = collisionless.dark_matter(halos, web, mask, particles, generator)
    holes = collisionless.black_holes(halos, result, generator)
    return Realisation(gas=table, dark_matter=dark, stars=stars, wind=wind, black_holes=holes)


def refine(table, box_size):
    """Give gas the density of the cell of an adaptive mesh that holds it.

    Such a file has no star-formation rate: readers tell star-forming gas by its density. So a cell
    of other gas is a level coarser than the nearest one, and of star-forming gas a level finer, if
    it would be taken for the other.

    Parameters
    ----------
    table : dict of str to array
        Columns of the gas; ``density`` is changed.
    box_size : float
        Side of the box [kpc].
    """
    volume = table["mass"] * density_unit() / table["density"]
    level = np.rint(np.log2(box_size / np.cbrt(volume)))

    def _density():
        cells = (box_size / 2.0**level) ** 3
        return (table["mass"] * density_unit() / cells).astype(np.float32)

    forming = table["star_formation_rate"] > 0
    dense = chemistry.hydrogen_density(_density()) > STAR_FORMING_NUCLEI
    level += forming & ~dense
    level -= ~forming & dense
    table["density"] = _density()


def ionise(table, model, redshift):
    """Add electrons and neutral hydrogen to gas columns, as the suite's code would store them.

    Each code has another background, whose rate follows that of Haardt & Madau (2012) in time.

    Parameters
    ----------
    table : dict of str to array
        Gains ``electron_abundance`` and ``neutral_hydrogen_abundance``.
    model : FeedbackModel
        The suite's feedback model.
    redshift : float
        Redshift of the background.
    """
    number = len(table["mass"])
    growth = ionisation.photoionisation_rate(redshift)[0] / ionisation.photoionisation_rate(0)[0]
    background_rate = (model.photoionisation * growth, CROSS_SECTION)
    table["electron_abundance"] = np.empty(number, dtype=np.float32)
    table["neutral_hydrogen_abundance"] = np.empty(number, dtype=np.float32)
    for start in range(0, number, snapshot.CHUNK):
        rows = slice(start, start + snapshot.CHUNK)
        # The temperature of star-forming gas is that of an effective equation of state.
        forming = table["star_formation_rate"][rows] > 0
        temperature = np.where(forming, 1e4, table["temperature"][rows])
        density = chemistry.hydrogen_density(table["density"][rows].astype(np.float64))
        neutral = ionisation.neutral_fraction_exact(
            density, temperature, redshift, background_rate=background_rate
        )
        table["neutral_hydrogen_abundance"][rows] = neutral
        table["electron_abundance"][rows] = chemistry.electron_abundance(neutral, temperature)


def number_particles(kinds, name, generator):
    """Give each particle an identifier, kind by kind; SIMBA's repeat where gas has split.

    Parameters
    ----------
    kinds : dict of int to columns
        Columns of each particle type.
    name : str
        Suite.
    generator : numpy.random.Generator
        Source of randomness.
    """
    first = 1
    for columns in kinds.values():
        number = len(columns["mass"])
        columns["particle_id"] = np.arange(first, first + number, dtype=np.uint64)
        first += number
    if name == "SIMBA":
        identifiers = kinds[4]["particle_id"]
        born = generator.uniform(size=len(identifiers)) < 0.02
        # A star keeps the identifier of the gas that it formed from, and other gas may have it too.
        identifiers[born] = generator.choice(kinds[0]["particle_id"], born.sum())


def write(name, halos, realisation, header, snapshot_path, catalogue_path, compression, generator):
    """Write the snapshot and the catalogue of one suite.

    Parameters
    ----------
    name : str
        Suite.
    halos : Halos
        The shared halos.
    realisation : Realisation
        Number of the simulation.
    header : SnapshotHeader
        The header.
    snapshot_path, catalogue_path : Path
    compression : str, mapping or None
        Compression of the files.
    generator : numpy.random.Generator
        Source of randomness.
    """
    kinds = realisation.kinds()
    number_particles(kinds, name, generator)
    m200c, r200c = overdensity.measure(halos, list(kinds.values()))
    order = {}
    if name != "IllustrisTNG":
        # Only AREPO sorts its snapshots by halo.
        labels = {0: "gas", 1: "dark_matter", 4: "stars"}
        order = {
            label: generator.permutation(len(kinds[kind]["mass"])) for kind, label in labels.items()
        }
    groups, subhalos = group_tables(halos, kinds, generator)
    groups |= {"m200c": m200c, "r200c": r200c}
    members = None if name == "IllustrisTNG" else member_identifiers(kinds)
    catalogue.write_catalogue(catalogue_path, name, header, groups, subhalos, members)
    snapshot.write_snapshot(
        snapshot_path,
        name,
        header,
        kinds[0],
        kinds[1],
        kinds[4],
        None,
        kinds[5],
        compression=compression,
        order=order,
    )


def member_identifiers(kinds):
    """List the identifiers of all particles of halos, halo by halo.

    Parameters
    ----------
    kinds : dict of int to columns
        Columns of each particle type.

    Returns
    -------
    array
        As catalogues list them in ``IDs/ID``.
    """
    halo = np.concatenate([columns["halo"] for columns in kinds.values()])
    identifier = np.concatenate([columns["particle_id"] for columns in kinds.values()])
    bound = halo >= 0
    order = np.argsort(halo[bound], kind="stable")
    return identifier[bound][order]


def group_tables(halos, kinds, generator):
    """Return columns of the groups and of their subhalos.

    Parameters
    ----------
    halos : Halos
        The shared halos.
    kinds : dict of int to columns
        Columns of each particle type.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    groups, subhalos : dict of str to array
        As `catalogue.write_catalogue` takes them, without M200c and R200c.
    """
    number, galaxies = len(halos), halos.satellites
    length, mass = np.zeros((number, 6), np.int64), np.zeros((number, 6))
    sub_length = np.zeros((len(galaxies.host), 6), np.int64)
    sub_mass = np.zeros((len(galaxies.host), 6))
    for kind, columns in kinds.items():
        for label, lengths, masses in (("halo", length, mass), ("satellite", sub_length, sub_mass)):
            owner = columns[label]
            bound = owner >= 0
            lengths[:, kind] = np.bincount(owner[bound], minlength=len(lengths))
            masses[:, kind] = np.bincount(owner[bound], columns["mass"][bound], len(masses))
    forming = np.bincount(
        np.maximum(kinds[0]["halo"], 0),
        np.where(kinds[0]["halo"] >= 0, kinds[0]["star_formation_rate"], 0),
        number,
    )
    # Some of the smallest groups hold nothing that is bound to itself.
    empty = (halos.mass < 10**10.8) & (generator.uniform(size=number) < 0.1)
    central = np.flatnonzero(~empty)
    # Group by group: first the central galaxy, then its satellites from the massive down.
    group = np.concatenate([central, galaxies.host])
    rank = np.concatenate([np.full(len(central), np.inf), galaxies.mass])
    order = np.lexsort((-rank, group))

    in_satellites = np.zeros((number, 6))
    length_in_satellites = np.zeros((number, 6), np.int64)
    np.add.at(in_satellites, galaxies.host, sub_mass)
    np.add.at(length_in_satellites, galaxies.host, sub_length)
    joined = {
        "position": (halos.position, galaxies.position + halos.position[galaxies.host]),
        "velocity": (halos.velocity, galaxies.velocity + halos.velocity[galaxies.host]),
        "mass_type": (mass - in_satellites, sub_mass),
        "length_type": (length - length_in_satellites, sub_length),
    }
    subhalos = {k: np.concatenate([a[central], b])[order] for k, (a, b) in joined.items()}
    subhalos["group"] = group[order]
    count = np.bincount(group, minlength=number)
    first = np.where(count > 0, np.cumsum(count) - count, -1)
    groups = {
        "position": halos.position,
        "velocity": halos.velocity,
        "mass_type": mass,
        "length_type": length,
        "star_formation_rate": forming,
        "first_subhalo": first,
        "number_of_subhalos": count,
    }
    return groups, subhalos
