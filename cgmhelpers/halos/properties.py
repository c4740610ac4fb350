"""The six properties of halos that networks infer (Gluck et al. 2024, Table 1, Eqs 1-6)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos.measuring import measure


@dataclass(frozen=True)
class Property:
    """A property: name in tables, label, and the range that scales it for networks."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    definition: str

    @property
    def axis_label(self):
        """Return the label with the unit, for figures."""
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
        "Mass ratio of CGM gas below 10^5 K to all CGM gas within 200 kpc",
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


def from_sums(sums):
    """Compute the six properties of halos from sums over their particles.

    CGM gas is gas that isn't star-forming (SFR = 0). Distances are physical, from the
    potential minimum, across the periodic edge. Wind cells (gas that TNG stores among the
    stars) count in the total mass, but not as CGM gas: they have no temperature, and the paper's
    sums over gas don't have them either.

    Parameters
    ----------
    sums : pandas.DataFrame, H rows
        Sums as in `cgmhelpers.halos.measuring.Measured.sums`.

    Returns
    -------
    pandas.DataFrame, H rows
        log_m_halo [log Msun], f_cgm, log_z_cgm, log_m_cgm [log Msun], f_cool, log_t_cgm
        [log K]. NaN if a ratio or a logarithm isn't defined: log_m_halo and f_cgm without any mass
        within R200c, the other four without CGM gas within 200 kpc, and log_z_cgm also for gas
        without any metals.

    Notes
    -----
    Gluck et al. (2024), Eqs 1-6; the limit of 1e5 K and the weighting of the temperature by
    mass are restored from the paper's text.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "log_m_halo": np.log10(sums["total"]),
            "f_cgm": sums["cgm"] / sums["total"],
            "log_z_cgm": np.log10(sums["metal"] / sums["inner"]),
            "log_m_cgm": np.log10(sums["inner"]),
            "f_cool": sums["cool"] / sums["inner"],
            "log_t_cgm": np.log10(sums["heat"] / sums["inner"]),
        }
    frame = pd.DataFrame(values)
    return frame.where(np.isfinite(frame))


def compute(sim, table, progress=True):
    """Measure the six properties of all halos of a table.

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
        Properties as from `from_sums`, with the index of `table`.

    Raises
    ------
    ParameterError
        If a halo is wider than the box.
    FormatError
        If the snapshot lacks a column or has impossible values.
    """
    return from_sums(measure(sim, table, progress).sums)


def ranges(wider=None):
    """Return the ranges of the properties: those of the paper's Table 1, or wider ones.

    Parameters
    ----------
    wider : dict of str to (float, float), optional
        Property -> lowest and highest value, of those that leave the paper's range.

    Returns
    -------
    dict of str to (float, float)
        In the order and the units of `PROPERTIES`.

    Raises
    ------
    ParameterError
        If a property is unknown, or its range doesn't hold the paper's.
    """
    known = {one.name: (float(one.low), float(one.high)) for one in PROPERTIES}
    for name, limits in (wider or {}).items():
        check_known(name, known, "There is no property to widen.")
        low, high = map(float, limits)
        if not (
            np.isfinite([low, high]).all() and low <= known[name][0] and high >= known[name][1]
        ):
            raise ParameterError(
                f"The range of {name} doesn't hold that of the paper's Table 1.",
                found=[low, high],
                expected=f"at most {known[name][0]} and at least {known[name][1]}",
                remedy="A profile can widen a range; leave out those that stay.",
            )
        known[name] = low, high
    return known
