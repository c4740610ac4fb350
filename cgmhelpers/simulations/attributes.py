"""Attributes say what a snapshot holds: read from one file, and named as Gadget names them."""

import logging

import numpy as np

from cgmhelpers.errors import FormatError

log = logging.getLogger(__name__)

KERNEL_RADII = {
    "Cubic spline (M4)": 1.825742,
    "Quartic spline (M5)": 2.018932,
    "Quintic spline (M6)": 2.195775,
    "Wendland C2": 1.936492,
    "Wendland C4": 2.207940,
    "Wendland C6": 2.449490,
}
"""Support radius of SWIFT's kernels over its smoothing length, which is twice the kernel's standard
deviation (Dehnen & Aly 2012, MNRAS 425, 1068, Table 1, in three dimensions)."""

_OTHER_NAMES = {
    "Omega0": ("Omega_Matter", "OmegaMatter", "Omega_m", "OmegaM"),
    "OmegaLambda": ("Omega_Lambda", "Omega_lambda", "OmegaL"),
    "OmegaBaryon": ("Omega_Baryon", "Omega_b", "OmegaB"),
    "HubbleParam": ("h", "Hubble_Param"),
    "NumPart_Total": ("TotNumPart",),
    "Time": ("Scale-factor", "ExpansionFactor"),
    "UnitLength_in_cm": ("UnitLength_In_CGS",),
    "UnitMass_in_g": ("UnitMass_In_CGS",),
    "UnitVelocity_in_cm_per_s": ("UnitVelocity_In_CGS",),
}
"""Gadget's name of an attribute -> its names in GIZMO since 2019, MP-Gadget, EAGLE, converters."""

_SWIFT_NAMES = {
    "HubbleParam": ("Cosmology", "h"),
    "Redshift": ("Cosmology", "Redshift"),
    "Omega0": ("Cosmology", "Omega_m"),
    "OmegaLambda": ("Cosmology", "Omega_lambda"),
    "OmegaBaryon": ("Cosmology", "Omega_b"),
    "UnitLength_in_cm": ("Units", "Unit length in cgs (U_L)"),
    "UnitMass_in_g": ("Units", "Unit mass in cgs (U_M)"),
}
"""Gadget's name of an attribute -> group and name in snapshots of SWIFT."""


def attributes(file):
    """Read header, parameters and units of a file, by Gadget's names.

    Parameters
    ----------
    file : h5py.File
        One file of a snapshot.

    Returns
    -------
    dict
        Name -> value; of a snapshot of SWIFT also ``Code`` and ``KernelRadius``.

    Raises
    ------
    FormatError
        If a snapshot of SWIFT lacks an attribute, or its kernel isn't known.
    """
    values = {}
    for group in ("Cosmology", "Units", "Parameters", "Header"):  # the header has the last word
        if group in file:
            values |= _scalars(file[group])
    # Files of other codes may have such a group, but name their units as Gadget does.
    if "Omega_m" in file.get("Cosmology", file).attrs and "UnitLength_in_cm" not in values:
        values = _swift_attributes(file)
    for name, others in _OTHER_NAMES.items():
        known = [other for other in others if other in values]
        if name not in values and known:
            values[name] = values[known[0]]
    time = values.get("Time")
    if time is not None and values.get("Code") != "SWIFT" and 0 < float(time) < 1.1:
        redshift = 1 / float(time) - 1  # files without a redshift are in scale factors
        if abs(np.log1p(float(values.setdefault("Redshift", redshift))) + np.log(time)) > 1e-3:
            log.warning(
                "%s: the header's Redshift %s isn't that of its Time %s as a scale factor. The "
                "redshift is used.", file.filename, values["Redshift"], time,
            )  # fmt: skip
    sides = np.atleast_1d(values.get("BoxSize", np.nan))
    if sides.shape == (3,) and np.all(sides == sides[0]):  # SWIFT lists one side an axis
        values["BoxSize"] = sides[0]
    return values


def _swift_attributes(file):
    """Attributes of a SWIFT snapshot by Gadget's names, with ``Code`` and ``KernelRadius``."""
    groups = {
        name: _scalars(file[name]) if name in file else {}
        for name in ("Header", "Cosmology", "Units")
    }
    values = groups["Header"] | {"Code": "SWIFT", "KernelRadius": _kernel_radius(file)}
    for name, (group, key) in _SWIFT_NAMES.items():
        if key not in groups[group]:
            raise FormatError(
                f"{file.filename}: SWIFT's group {group} lacks {key!r}.",
                found=sorted(groups[group]),
                expected=f"{key!r}, which every cosmological snapshot of SWIFT has",
            )
        values[name] = groups[group][key]
    time = groups["Units"].get("Unit time in cgs (U_t)", np.nan)
    values["UnitVelocity_in_cm_per_s"] = values["UnitLength_in_cm"] / time
    return values


def _kernel_radius(file):
    """Support radius of the kernel that a SWIFT snapshot names, over its smoothing length."""
    scheme = _scalars(file["HydroScheme"]) if "HydroScheme" in file else {}
    name = scheme.get("Kernel function", b"")
    name = name.decode() if isinstance(name, bytes) else str(name)
    if name in KERNEL_RADII:
        return KERNEL_RADII[name]
    if "PartType0" in file and len(file["PartType0"]):
        raise FormatError(
            f"{file.filename}: the kernel of SWIFT's gas isn't known.",
            found=f"HydroScheme / Kernel function {name!r}",
            expected=f"one of {sorted(KERNEL_RADII)}",
            remedy="Without it the size of a gas particle is ambiguous by 20%.",
        )
    return np.nan


def _scalars(group):
    """Attributes of a group; arrays of length 1, as Astrid and SWIFT have them, become scalars."""
    values = {}
    for key, value in group.attrs.items():
        array = np.asarray(value)
        values[key] = array.reshape(-1)[0] if array.size == 1 else array
    return values
