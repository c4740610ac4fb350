"""The six properties of halos that the network infers (Gluck et al. 2024, Table 1, Eqs 1-6)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmhelpers.halos.classes import centres
from cgmhelpers.halos.selection import spheres
from cgmhelpers.system import parallel
from cgmhelpers.system.progress import bar

ROWS = 2**18
"""Least number of particles that a thread takes at a time."""

APERTURE = 200.0
"""Radius about the halo centre of the properties 3 to 6 [kpc, physical]."""

COOL_TEMPERATURE = 1e5
"""Temperature below which gas counts as cool [K]."""

SOLAR_METALLICITY = 0.0134
"""Mass fraction of metals in the Sun (Asplund et al. 2009)."""


@dataclass(frozen=True)
class Property:
    """One property: its name in tables, its label, and the range that scales its target."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    definition: str

    @property
    def axis_label(self):
        """Label with its unit, for figures."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


PROPERTIES = (
    Property(
        "log_m_halo",
        r"$\log M_\mathrm{halo}$",
        r"$\mathrm{M}_\odot$",
        11.5,
        14.3,
        "Logarithmic halo mass within R200c",
    ),
    Property(
        "f_cgm",
        r"$f_\mathrm{cgm}$",
        "",
        0.0,
        0.23,
        "Mass ratio of CGM gas to total mass within R200c",
    ),
    Property(
        "log_z_cgm",
        r"$\log Z_\mathrm{cgm}$",
        "",
        -3.6,
        -1.3,
        "Logarithmic CGM metallicity (mass fraction) within 200 kpc",
    ),
    Property(
        "log_m_cgm",
        r"$\log M_\mathrm{cgm}$",
        r"$\mathrm{M}_\odot$",
        8.0,
        12.5,
        "Logarithmic CGM mass within 200 kpc",
    ),
    Property(
        "f_cool",
        r"$f_\mathrm{cool}$",
        "",
        0.0,
        1.0,
        "Mass ratio of CGM gas below 1e5 K to all CGM gas within 200 kpc",
    ),
    Property(
        "log_t_cgm",
        r"$\log T_\mathrm{cgm}$",
        "K",
        3.9,
        7.6,
        "Logarithmic mass-weighted CGM temperature within 200 kpc",
    ),
)
"""The six properties in the order of the paper's Table 1."""

NAMES = tuple(one.name for one in PROPERTIES)


_SUMS = ("total", "cgm", "inner", "metal", "cool", "heat")
_GAS_COLUMNS = ("position", "mass", "star_formation_rate", "metallicity", "temperature")


def compute(sim, table, progress=True):
    """Compute the six properties of all halos of a table at once.

    CGM gas is gas that isn't star-forming (SFR = 0). Distances are physical, from the
    potential minimum, across the periodic edge. Wind cells (gas that TNG stores among the
    stars) count in the total mass, but not as CGM gas: they carry no temperature, and sums
    over the gas list leave them out in the paper as well.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    table : pandas.DataFrame, H rows
        Halos from ``sim.halos()``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame, H rows
        log_m_halo [log Msun], f_cgm, log_z_cgm, log_m_cgm [log Msun], f_cool,
        log_t_cgm [log K], with the index of `table`. Halos without CGM gas have NaN where a
        ratio or a logarithm isn't defined.

    Notes
    -----
    Gluck et al. (2024), Eqs 1-6; the limit of 1e5 K and the weighting of the temperature by
    mass are restored from the text.
    """
    radius = table["r200c"].to_numpy()
    reach = {"gas": np.maximum(radius, APERTURE)}
    sums = dict.fromkeys(_SUMS, np.zeros(len(table)))
    kinds = ("gas", "dark_matter", "stars", "wind")  # Eq. 1 leaves black holes out
    for kind in bar(kinds, f"Properties of {sim.name}", show=progress):
        regions = spheres(centres(table), reach.get(kind, radius), sim.header.box_size)
        columns = _GAS_COLUMNS if kind == "gas" else ("position", "mass")
        with sim.reading(kind, ROWS) as (read, pieces):

            def of_piece(rows, read=read, columns=columns, regions=regions, kind=kind):
                return _sums(read(columns, rows), kind, regions, radius)

            for part in parallel.in_threads(of_piece, pieces):
                sums = {name: sums[name] + part.get(name, 0) for name in sums}
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "log_m_halo": np.log10(sums["total"]),
            "f_cgm": sums["cgm"] / sums["total"],
            "log_z_cgm": np.log10(sums["metal"] / sums["inner"]),
            "log_m_cgm": np.log10(sums["inner"]),
            "f_cool": sums["cool"] / sums["inner"],
            "log_t_cgm": np.log10(sums["heat"] / sums["inner"]),
        }
    frame = pd.DataFrame(values, index=table.index)
    return frame.where(np.isfinite(frame))


def _sums(particles, kind, regions, radius):
    """Sums over some particles for each halo: of gas all of `_SUMS`, of others the total mass."""
    near = regions.select(particles.position, threads=1)
    halo = near.halo
    distance = np.sqrt((near.displacement.astype(np.float64) ** 2).sum(axis=1))
    mass = particles.mass[near.index].astype(np.float64)
    virial = distance < radius[halo]

    def summed(which, values):
        return np.bincount(halo[which], values[which], minlength=len(radius))

    sums = {"total": summed(virial, mass)}
    if kind != "gas":
        return sums
    cgm = particles.star_formation_rate[near.index] <= 0
    inner = cgm & (distance < APERTURE)
    heat = particles.temperature[near.index].astype(np.float64)
    return sums | {
        "cgm": summed(virial & cgm, mass),
        "inner": summed(inner, mass),
        "metal": summed(inner, mass * particles.metallicity[near.index]),
        "heat": summed(inner, mass * heat),
        "cool": summed(inner & (heat < COOL_TEMPERATURE), mass),
    }


def ranges():
    """Lower and upper limits of the six properties (Table 1).

    Returns
    -------
    low, high : ndarray, shape (6,)
        In the order and the units of `PROPERTIES`.
    """
    return tuple(np.array([[one.low, one.high] for one in PROPERTIES]).T)
