"""Damage HDF5 files at random and read them: a process of its own, since damage may end it.

``python tests/helpers/mutations.py FOLDER SEED NUMBER`` prints a line a case: its number, what was
done, and what came of it. ``error`` is one of our errors. ``right`` is what the file says, as h5py
alone reads it, within the bounds that the library promises: a bit flipped in numbers that carry no
checksum gives another number, which nothing can tell from the one that was written, unless it is
no length, mass or temperature at all. Everything else is ``WRONG``.
"""

import resource
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
from camels_files import gas_columns, write_catalogue, write_snapshot

from cgmhelpers.errors import CGMError
from cgmhelpers.simulations import dialects, hdf5, simulation
from cgmhelpers.simulations.opening import faults_named

DIALECTS = ("IllustrisTNG", "SIMBA", "Astrid")
FILTERS = ({}, {"compression": "gzip", "chunks": True, "shuffle": True}, {"fletcher32": True})
NUMBER = 60
HALOS = 12
HEADER = {"Ngroups_ThisFile": HALOS, "Ngroups_Total": HALOS, "NumFiles": 1, "Redshift": 0.0}
MEMORY = 8 * 2**30


def write(folder, rng):
    """Write a small whole simulation in a random dialect with random filters."""
    dialect, filters = DIALECTS[rng.integers(3)], FILTERS[rng.integers(3)]
    dark = {"Coordinates": rng.uniform(0, 25e3, (NUMBER, 3)), "Masses": np.full(NUMBER, 0.01)}
    types = {0: gas_columns(NUMBER, dialect, rng), 1: dark}
    options = {"as_arrays": dialect == "Astrid", "filters": filters}
    write_snapshot(folder / "snapshot.hdf5", types, **options)
    places = rng.uniform(0, 25e3, (HALOS, 3))
    write_catalogue(folder / "groups.hdf5", places, radius=np.full(HALOS, 200.0), header=HEADER)


# --- damage ---------------------------------------------------------------------------------


def flip_bits(path, rng):
    content = np.fromfile(path, np.uint8)
    place = rng.integers(0, len(content), rng.integers(1, 9))
    content[place] ^= (1 << rng.integers(0, 8, len(place))).astype(np.uint8)
    content.tofile(path)


def flip_structure(path, rng):
    """Bits of the first kilobytes, where HDF5 keeps what describes the rest."""
    content = np.fromfile(path, np.uint8)
    place = rng.integers(8, min(6000, len(content)), rng.integers(1, 5))
    content[place] = rng.integers(0, 256, len(place))
    content.tofile(path)


def overwrite(path, rng):
    content = np.fromfile(path, np.uint8)
    start = rng.integers(0, len(content))
    block = content[start : start + rng.integers(1, 600)]
    block[:] = 0 if rng.random() < 0.5 else rng.integers(0, 256, len(block))
    content.tofile(path)


def truncate(path, rng):
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(0, len(content))])


def shift(path, rng):
    content = path.read_bytes()
    place, number = rng.integers(0, len(content)), rng.integers(1, 64)
    cut = content[:place] + content[place + number :]
    path.write_bytes(
        cut if rng.random() < 0.5 else content[:place] + bytes(number) + content[place:]
    )


def _data_sets(file):
    found = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return sorted(found)


def replace_data(path, rng):
    """Other values, another shape, another type, or nothing."""
    with h5py.File(path, "r+") as file:
        name = str(rng.choice(_data_sets(file)))
        values = file[name][:]
        del file[name]
        odd = [np.nan, np.inf, -1, 0, 1e30, -1e-30]
        changed = values.astype(float) * 1.0
        changed.flat[rng.integers(changed.size)] = odd[rng.integers(len(odd))]
        choices = [changed, values[:-1], values.astype("S8"), values[..., None], np.float32(3),
                   values.astype(">f8"), values.astype("i2"), np.zeros((0, 3)), None]  # fmt: skip
        chosen = choices[rng.integers(len(choices))]
        if chosen is not None:
            file[name] = chosen


def replace_attribute(path, rng):
    with h5py.File(path, "r+") as file:
        attributes = file["Header"].attrs if "Header" in file else file.attrs
        names = sorted(attributes) or ["Redshift"]
        odd = [
            "much",
            np.nan,
            np.inf,
            -1,
            0,
            2**40,
            [1, 2, 3],
            [],
            np.zeros((2, 2)),
            h5py.Empty("f"),
        ]
        name = names[rng.integers(len(names))]
        if rng.random() < 0.2 and name in attributes:
            del attributes[name]
        else:
            attributes[name] = odd[rng.integers(len(odd))]


def remove(path, rng):
    with h5py.File(path, "r+") as file:
        names = [*file, *_data_sets(file)]
        del file[names[rng.integers(len(names))]]


def another_form(path, rng):
    """The same numbers as another machine, another precision, or a table has them."""
    with h5py.File(path, "r+") as file:
        name = str(rng.choice(_data_sets(file)))
        values = file[name][:]
        del file[name]
        kinds = [">f4", ">f8", "f2", "g", ">i8"]
        file[name] = values.astype(kinds[rng.integers(len(kinds))])


def rescale(path, rng):
    """A column in units of its own: without h, in Mpc, in Msun."""
    with h5py.File(path, "r+") as file:
        name = str(rng.choice(_data_sets(file)))
        values = file[name][:]
        del file[name]
        file[name] = values * np.array([0.6711, 1 / 0.6711, 0.8146, 1e3, 1e-3, 1e10])[
            rng.integers(6)
        ].astype(values.dtype if values.dtype.kind == "f" else float)


def cut_in_two(path, rng):
    """Some rows of all data sets; the header may say so, or not, or not know."""
    with h5py.File(path, "r+") as file:
        for kind in [name for name in file if len(file[name])]:
            names = list(file[kind])
            number = rng.integers(1, len(file[kind][names[0]]))
            for name in names:
                values = file[kind][name][:number]
                del file[kind][name]
                file[kind][name] = values
            if kind.startswith("PartType") and rng.random() < 0.8:
                numbers = file["Header"].attrs["NumPart_ThisFile"]
                numbers[int(kind[-1])] = number
                file["Header"].attrs["NumPart_ThisFile"] = numbers
            if kind == "Group" and rng.random() < 0.8:
                file["Header"].attrs["Ngroups_ThisFile"] = number


DAMAGE = (flip_bits, flip_structure, overwrite, truncate, shift, replace_data, replace_attribute,
          remove, another_form, rescale, cut_in_two)  # fmt: skip


# --- outcome --------------------------------------------------------------------------------


def outcome_of_part(sim):
    """A part isn't the whole, whatever its header says."""
    try:
        gas, table = len(sim.gas()), len(sim.halos(1e11))
    except CGMError as error:
        return f"error: {' '.join(str(error).split())[:150]}"
    if gas == NUMBER and table == HALOS:
        return "right"
    return f"WRONG: {gas} of {NUMBER} elements and {table} of {HALOS} halos passed as the whole"


def outcome(folder, cut=False):
    """Read all that the library reads, and hold it against the file."""
    sim = simulation.Simulation.from_files(folder / "snapshot.hdf5", folder / "groups.hdf5")
    if cut:
        return outcome_of_part(sim)
    try:
        gas = sim.gas([*simulation.GAS_COLUMNS, "velocity", "neutral_hydrogen_abundance"])
        dark, table = sim.particles("dark_matter"), sim.halos(1e11)
    except CGMError as error:
        return f"error: {' '.join(str(error).split())[:150]}"
    for part, number in ((gas, sim.number("gas")), (dark, sim.number("dark_matter"))):
        for name, values in part.items():
            low, high = dialects.BOUNDS[name]
            if name in ("position", "smoothing_length"):
                low, high = low * sim.header.box_size, high * sim.header.box_size
            if len(values) != number or not ((values >= low) & (values <= high)).all():
                return f"WRONG: {name} passed, {values.min()} to {values.max()}"
    if not np.isfinite(table[["x", "y", "z", "m200c", "r200c"]].to_numpy()).all():
        return "WRONG: a halo that isn't finite passed"
    header = sim.header
    expansion = header.omega_matter * (1 + header.redshift) ** 3 + 1 - header.omega_matter
    critical = 277.53663 * header.hubble**2 * expansion  # 3 H^2 / (8 pi G) [Msun/kpc^3]
    mean = table["m200c"] / (4 / 3 * np.pi * table["r200c"] ** 3)
    if not np.allclose(mean, 200 * critical, rtol=2e-3 + 1e-4 * header.redshift):
        return f"WRONG: halos of {mean.iloc[0] / critical:.1f} times the critical density passed"
    with h5py.File(sim.snapshot_path) as file:
        for name in file["PartType0"]:
            try:
                with faults_named(sim.snapshot_path):
                    plain = file["PartType0"][name][()]
                    ours = hdf5.read(file["PartType0"][name])
            except CGMError:  # in a column that nobody asked for
                continue
            # More than double precision is rounded to it.
            plain = plain.astype(float) if plain.dtype.char == "g" else plain
            if not np.array_equal(plain, ours, equal_nan=True):
                return f"WRONG: {name} isn't what h5py reads"
    return "right"


def main(folder, seed, number):
    """Damage and read, case by case."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("error")
    np.seterr(all="ignore")
    for case in range(number):
        rng = np.random.default_rng([seed, case])
        write(folder, rng)
        damage = DAMAGE[case % len(DAMAGE)]
        path = folder / ("snapshot.hdf5" if rng.random() < 0.8 else "groups.hdf5")
        damage(path, rng)
        print(f"{case} {damage.__name__} {path.stem}", end=" ", flush=True)
        try:
            print(outcome(folder, damage is cut_in_two), flush=True)
        except Exception as error:
            print(f"WRONG: {type(error).__name__}: {' '.join(str(error).split())}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
