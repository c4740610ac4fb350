"""Small snapshots and catalogues written by hand, in the units and names of each code.

Independent of `cgmhelpers.mock.writing`, so that reader and generator can't share a mistake.
"""

import h5py
import numpy as np

HUBBLE = 0.6711
KPC_IN_CM = 3.085678e21
MASS_IN_G = 1.989e43


def header(
    group,
    numbers,
    box=25000.0,
    redshift=0.0,
    mass_table=None,
    as_arrays=False,
    number_of_files=1,
    total=None,
):
    """Write a Gadget header; Astrid's holds arrays of length 1."""
    values = {
        "BoxSize": box,
        "Redshift": redshift,
        "Time": 1 / (1 + redshift),
        "HubbleParam": HUBBLE,
        "Omega0": 0.3,
        "OmegaLambda": 0.7,
        "OmegaBaryon": 0.049,
        "UnitLength_in_cm": KPC_IN_CM,
        "UnitMass_in_g": MASS_IN_G,
        "UnitVelocity_in_cm_per_s": 1e5,
        "NumFilesPerSnapshot": number_of_files,
    }
    for name, value in values.items():
        group.attrs[name] = np.array([value]) if as_arrays else value
    group.attrs["NumPart_ThisFile"] = np.array(numbers, np.int32)
    group.attrs["NumPart_Total"] = np.array(total or numbers, np.uint32)
    group.attrs["MassTable"] = np.zeros(6) if mass_table is None else np.array(mass_table, float)


def write_snapshot(path, types, **options):
    """Write a snapshot.

    Parameters
    ----------
    path : Path
        The file.
    types : dict of int to dict of str to array
        Particle type -> data sets in code units.
    **options
        For `header`; `filters` are keyword arguments for the data sets.
    """
    filters = options.pop("filters", {})
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = [0] * 6
    with h5py.File(path, "w") as file:
        for number, columns in types.items():
            numbers[number] = len(columns["Coordinates"])
            group = file.create_group(f"PartType{number}")
            for name, values in columns.items():
                group.create_dataset(name, data=values, **filters)
        header(file.create_group("Header"), numbers, **options)


DENSITY = 27.754e-9  # critical, today, in code units: 1e10 Msun/h per (kpc/h)^3
"""3 H^2 / (8 pi G) with H = 0.1 h km/s/kpc and G = 4.30092e-6 kpc (km/s)^2 / Msun."""


def mass_within(radius, redshift=0.0):
    """M200c of a halo of that R200c, both in code units."""
    expansion = 0.3 * (1 + redshift) ** 3 + 0.7
    density = DENSITY * expansion / (1 + redshift) ** 3  # comoving
    return 200 * density * 4 / 3 * np.pi * np.asarray(radius, float) ** 3


def radius_of(mass, redshift=0.0):
    """R200c of a halo of that M200c, both in code units."""
    return np.cbrt(np.asarray(mass, float) / mass_within(1.0, redshift))


def write_catalogue(path, position=None, mass=None, radius=None, redshift=0.0, header=None):
    """Write a group catalogue in code units; without arguments one that has no halos.

    Of mass and radius, the one that isn't given follows from the other.
    """
    if position is not None and mass is None:
        mass = mass_within(radius, redshift)
    if position is not None and radius is None:
        radius = radius_of(mass, redshift)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        group = file.create_group("Group")
        file.create_group("Subhalo")
        if header is not None:
            file.create_group("Header").attrs.update(header)
        if position is not None:
            group["GroupPos"] = np.asarray(position, np.float32)
            group["Group_M_Crit200"] = np.asarray(mass, np.float32)
            group["Group_R_Crit200"] = np.asarray(radius, np.float32)
            group["GroupFirstSub"] = np.full(len(mass), -1, np.int32)


def gas_columns(number, dialect="IllustrisTNG", rng=None, box=25000.0):
    """Random gas in code units with the columns of a dialect."""
    rng = rng or np.random.default_rng(3)
    columns = {
        "Coordinates": rng.uniform(0, box, (number, 3)),
        "Velocities": rng.normal(0, 100, (number, 3)).astype("f4"),
        "Masses": rng.uniform(5e-4, 2e-3, number).astype("f4"),
        "Density": (10 ** rng.uniform(-9, -5, number)).astype("f4"),
        "InternalEnergy": (10 ** rng.uniform(2, 5.5, number)).astype("f4"),
        "ElectronAbundance": rng.uniform(0, 1.2, number).astype("f4"),
        "NeutralHydrogenAbundance": rng.uniform(0, 1, number).astype("f4"),
        "StarFormationRate": np.where(rng.random(number) < 0.2, 0.1, 0).astype("f4"),
        "ParticleIDs": np.arange(number, dtype="u8"),
    }
    metals = rng.uniform(1e-4, 0.03, number).astype("f4")
    if dialect == "SIMBA":
        columns["Coordinates"] = columns["Coordinates"].astype("f4")
        table = np.zeros((number, 11), "f4")
        table[:, 0], table[:, 1] = metals, 0.25
        columns["Metallicity"] = table
    else:
        table = np.zeros((number, 10), "f4")
        table[:, 0], table[:, 1], table[:, 9] = 0.75 - metals, 0.25, metals
        columns["GFM_Metallicity"] = metals
        columns["GFM_Metals"] = table
    if dialect != "IllustrisTNG":
        columns["SmoothingLength"] = rng.uniform(1, 50, number).astype("f4")
    return columns
