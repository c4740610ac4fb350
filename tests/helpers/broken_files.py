"""Ways to break snapshots, catalogues and whole simulations, and the words that must name them.

A table's entry is a function that damages a file (or a data root), and the words, divided by ``|``,
that the error's message holds.
"""

import os
import shutil

import h5py
import numpy as np

from cgmhelpers.simulations.simulation import Simulation

NUMBER = 300
"""Gas elements of the snapshot that is broken."""
HALOS = 40


# --- snapshots ---


def truncated(share):
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


def edited(change):
    def damage(path):
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def attribute(name, value):
    return edited(lambda file: file["Header"].attrs.__setitem__(name, value))


def attributes(**values):
    """Set attributes of the header; None removes one."""

    def change(file):
        for name, value in values.items():
            file["Header"].attrs.pop(name, None)
            if value is not None:
                file["Header"].attrs[name] = value

    return edited(change)


def column(name, change):
    """Replace gas data by what `change` makes of it."""

    def replace(file):
        values = change(file["PartType0"][name][:])
        del file["PartType0"][name]
        file["PartType0"][name] = values

    return edited(replace)


def first(value):
    def put(values):
        values[5] = value
        return values

    return put


def elsewhere(path, link):
    """Move the masses to another file, and leave a link to it."""
    other = path.with_name("other.hdf5")
    with h5py.File(path, "r+") as file, h5py.File(other, "w") as outside:
        outside["Masses"] = file["PartType0/Masses"][:]
        del file["PartType0/Masses"]
    with h5py.File(path, "r+") as file:
        link(file["PartType0"], other)


def as_virtual(group, other):
    layout = h5py.VirtualLayout((NUMBER,), "f4")
    layout[:] = h5py.VirtualSource(str(other), "Masses", (NUMBER,))
    group.create_virtual_dataset("Masses", layout)


def as_external_storage(group, other):
    group.create_dataset("Masses", (NUMBER,), "f4", external=[(str(other), 0, 4 * NUMBER)])


def broken_chunk(path):
    """Overwrite the inside of a compressed chunk."""
    with h5py.File(path) as file:
        place = file["PartType0/InternalEnergy"].id.get_chunk_info(0)
    with open(path, "r+b") as file:
        file.seek(place.byte_offset + place.size // 3)
        file.write(b"\xa5" * 40)


SNAPSHOTS = {
    "cut off": (truncated(0.5), "can't be opened as HDF5|cut off"),
    "cut off in the header": (truncated(0.01), "can't be opened as HDF5"),
    "empty": (truncated(0), "can't be opened as HDF5"),
    "text": (lambda path: path.write_text("404: not found"), "can't be opened as HDF5"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "it is a folder|HDF5 file"),
    "no header": (edited(lambda f: f.__delitem__("Header")), "header lacks|BoxSize"),
    "no box": (edited(lambda f: f["Header"].attrs.__delitem__("BoxSize")), "lacks|BoxSize"),
    "box in words": (attribute("BoxSize", "25 Mpc/h"), "can't be read|25 Mpc/h"),
    "box with three sides": (attribute("BoxSize", [25e3, 25e3, 50e3]), "BoxSize can't be used"),
    "negative box": (attribute("BoxSize", -25e3), "BoxSize can't be used|-25000"),
    "box without end": (attribute("BoxSize", np.inf), "BoxSize can't be used|inf"),
    "redshift not a number": (attribute("Redshift", np.nan), "Redshift can't be used|nan"),
    "H0 for h": (attribute("HubbleParam", 67.11), "HubbleParam can't be used|67.11|about 0.67"),
    "no unit of mass": (attribute("UnitMass_in_g", 0.0), "UnitMass_in_g can't be used"),
    "one part of eight": (
        attributes(NumFilesPerSnapshot=8, NumPart_Total=[8 * NUMBER] + [0] * 5),
        "one part of a snapshot|NumFilesPerSnapshot = 8|cutout=True",
    ),
    "one part that doesn't say so": (
        attributes(NumPart_Total=[2 * NUMBER] + [0] * 5),
        "one part of a snapshot|NumPart_Total = [600",
    ),
    "one part without totals": (
        attributes(NumFilesPerSnapshot=2, NumPart_Total=None),
        "one part of a snapshot|NumFilesPerSnapshot = 2",
    ),
    "one part of more than 2^32 particles": (
        attributes(NumPart_Total_HighWord=[1, 0, 0, 0, 0, 0]),
        "one part of a snapshot|4294967596",
    ),
    "a part without dark matter": (
        attributes(NumPart_Total=[NUMBER, 99, 0, 0, 0, 0]),
        "one part of a snapshot|99",
    ),
    "neither redshift nor time": (
        attributes(Redshift=None, Time=None),
        "lacks|Redshift",
    ),
    "a time that's no scale factor": (attributes(Redshift=None, Time=13.7), "lacks|Redshift"),
    "numbers negative": (attribute("NumPart_ThisFile", [-3] * 6), "particle numbers|-3"),
    "numbers too large": (attribute("NumPart_ThisFile", [10**6] + [0] * 5), "1000000"),
    "numbers zero": (attribute("NumPart_ThisFile", [0] * 6), "one part of a snapshot|[0, 0"),
    "numbers zero in the whole": (
        attributes(NumPart_ThisFile=[0] * 6, NumPart_Total=[0] * 6),
        "no gas",
    ),
    "more kinds than groups": (
        attributes(NumPart_ThisFile=[0, 5, 0, 0, 0, 0], NumPart_Total=None),
        "no gas",
    ),
    "no gas group": (edited(lambda f: f.__delitem__("PartType0")), "PartType0|300"),
    "no energies": (
        edited(lambda f: f["PartType0"].__delitem__("InternalEnergy")),
        "'temperature'|InternalEnergy",
    ),
    "no metals": (edited(lambda f: f["PartType0"].__delitem__("Metallicity")), "'metallicity'"),
    "flat positions": (
        column("Coordinates", lambda x: x[:, :2]),
        "Coordinates|wrong shape|(300, 2)",
    ),
    "masses with three columns": (
        column("Masses", lambda m: np.tile(m[:, None], 3)),
        "wrong shape",
    ),
    "too few masses": (column("Masses", lambda m: m[:7]), "Masses|wrong shape|(7,)|300"),
    "masses in words": (column("Masses", lambda m: np.array([b"1.0"] * len(m))), "Masses|numbers"),
    "a group for a column": (
        edited(
            lambda f: (f["PartType0"].__delitem__("Density"), f.create_group("PartType0/Density"))
        ),
        "Density",
    ),
    "a density not a number": (column("Density", first(np.nan)), "an invalid density|nan"),
    "a density of zero": (column("Density", first(0)), "an invalid density"),
    "an infinite energy": (column("InternalEnergy", first(np.inf)), "an invalid temperature"),
    "a negative energy": (column("InternalEnergy", first(-1)), "an invalid temperature"),
    "a negative mass": (column("Masses", first(-1e-3)), "an invalid mass|Masses"),
    "masses not numbers": (column("Masses", lambda m: m * np.nan), "an invalid mass|nan"),
    "metals beyond all mass": (
        column("Metallicity", lambda z: z[:, 0] + 1),
        "an invalid metallicity",
    ),
    "a table of metals in another order": (
        column("Metallicity", lambda z: np.column_stack([0.75 - z[:, 0], z[:, 1], z[:, 2:]])),
        "Metallicity has unknown columns|all metals, then helium",
    ),
    "a table of elements from helium on": (
        column("Metallicity", lambda z: np.roll(z, -1, axis=1)),
        "Metallicity has unknown columns",
    ),
    "positions in half precision": (
        column("Coordinates", lambda x: x.astype("f2")),
        "Coordinates is too coarse|float16",
    ),
    "metals as masses of elements": (
        column("Metallicity", lambda z: z + np.linspace(0, 1e-3, 11)),
        "Metallicity has unknown columns",
    ),
    "a table of five columns": (
        column("Metallicity", lambda z: z[:, :5]),
        "Metallicity has the wrong shape|(300, 5)",
    ),
    "many kernels wider than the box": (
        column("SmoothingLength", lambda h: np.where(np.arange(NUMBER) < 4, 1e6, h)),
        "an invalid smoothing_length",
    ),
    "a kernel without end": (
        column("SmoothingLength", first(np.inf)),
        "an invalid smoothing_length",
    ),
    "gas of no mass": (column("Masses", first(0)), "an invalid mass"),
    "all three sides of no length": (attribute("BoxSize", [0.0] * 3), "BoxSize can't be used"),
    "a box of two sides": (attribute("BoxSize", [25e3] * 2), "BoxSize can't be used"),
    "numbers of files negative": (attribute("NumFilesPerSnapshot", -1), "files can't be used|-1"),
    "totals in words": (attribute("NumPart_Total", "many"), "can't be read|many"),
    "a redshift without end": (
        attribute("Redshift", np.inf),
        "Redshift can't be used",
    ),
    "masses in Msun": (column("Masses", lambda m: m * 1e20), "an invalid mass|units"),
    "lengths in pc": (column("Coordinates", lambda x: x * 1000), "an invalid position|units"),
    "lengths without h": (column("Coordinates", lambda x: x / 0.6711), "an invalid position"),
    "kernels in pc": (column("SmoothingLength", lambda h: h * 1e3), "invalid smoothing_length"),
    "densities in g/cm3": (column("Density", lambda d: d * 6.8e-22), "an invalid density"),
    "a link to another file": (
        lambda p: elsewhere(
            p, lambda g, o: g.__setitem__("Masses", h5py.ExternalLink(o, "Masses"))
        ),
        "link to another file|other.hdf5",
    ),
    "a virtual column": (lambda p: elsewhere(p, as_virtual), "Masses|other files"),
    "a column in another file": (lambda p: elsewhere(p, as_external_storage), "Masses|other files"),
    "a link to nothing": (
        edited(
            lambda f: (
                f["PartType0"].__delitem__("Masses"),
                f["PartType0"].__setitem__("Masses", h5py.SoftLink("/nowhere")),
            )
        ),
        "mass of gas",
    ),
    "a broken chunk": (broken_chunk, "InternalEnergy can't be read"),
}


# --- catalogues ---


def group(name, change):
    def replace(file):
        values = change(file["Group"][name][:])
        del file["Group"][name]
        file["Group"][name] = values

    return edited(replace)


def own_header(**values):
    def write(file):
        file.create_group("Header").attrs.update(values)

    return edited(write)


def part_of(number, **values):
    """Keep the first groups of a catalogue, whose header says what the whole has."""

    def cut(file):
        for name in list(file["Group"]):
            values_of = file["Group"][name][:number]
            del file["Group"][name]
            file["Group"][name] = values_of
        file.create_group("Header").attrs.update({"Ngroups_Total": HALOS} | values)

    return edited(cut)


CATALOGUES = {
    "one part of two": (
        part_of(9, Ngroups_ThisFile=9, NumFiles=2),
        "one part of a catalogue|9 groups|Ngroups_Total 40",
    ),
    "one part that doesn't say so": (
        part_of(9, Ngroups_ThisFile=9, NumFiles=1),
        "one part of a catalogue",
    ),
    "cut short": (part_of(9, Ngroups_ThisFile=HALOS), "header says|9 groups|40"),
    "masses of another density": (
        group("Group_M_Crit200", lambda m: m * 0.8146),
        "contradicts itself|0.814|40 of 40|July 2025",
    ),
    "mean masses of another density": (
        edited(
            lambda f: f["Group"].update(
                Group_M_Mean200=f["Group/Group_M_Crit200"][:],
                Group_R_Mean200=f["Group/Group_R_Crit200"][:],
            )
        ),
        "contradicts itself|Group_M_Mean200",
    ),
    "one radius wrong": (
        group("Group_R_Crit200", first(210)),
        "contradicts itself|row 5|1 of 40",
    ),
    "a mass without a radius": (group("Group_R_Crit200", first(0)), "contradicts itself|row 5"),
    "masses in Msun/h": (group("Group_M_Crit200", lambda m: m * 1e10), "contradicts itself"),
    "cut off": (truncated(0.6), "can't be opened as HDF5"),
    "the snapshot again": (
        lambda path: shutil.copy(path.with_name("snapshot.hdf5"), path),
        "isn't a group catalogue",
    ),
    "no masses": (edited(lambda f: f["Group"].__delitem__("Group_M_Crit200")), "Group_M_Crit200"),
    "too few radii": (group("Group_R_Crit200", lambda r: r[:5]), "don't fit together|(5,)"),
    "flat positions": (group("GroupPos", lambda x: x[:, :2]), "don't fit together|(40, 2)"),
    "a position not a number": (group("GroupPos", first(np.nan)), "GroupPos|row 5"),
    "positions in half precision": (
        group("GroupPos", lambda x: x.astype("f2")),
        "GroupPos is too coarse|float16",
    ),
    "a negative mass": (group("Group_M_Crit200", first(-1)), "Group_M_Crit200|row 5"),
    "an infinite radius": (group("Group_R_Crit200", first(np.inf)), "Group_R_Crit200|row 5"),
    "lengths in pc": (group("GroupPos", lambda x: x * 1000), "outside the snapshot's box|kpc/h"),
    "lengths without h": (group("GroupPos", lambda x: x / 0.6711), "outside the snapshot's box"),
    "lengths in Mpc": (group("GroupPos", lambda x: x / 1000), "one corner|kpc/h"),
    "of a larger box": (own_header(BoxSize=50000.0), "another snapshot|BoxSize 50000"),
    "of another time": (own_header(Redshift=0.5), "another snapshot|Redshift 0.5"),
    "of another cosmology": (own_header(Omega0=[0.1]), "another snapshot|Omega0 0.1"),
    "a link to another file": (
        edited(lambda f: f.__setitem__("Header", h5py.ExternalLink("a.hdf5", "/"))),
        "link to another file",
    ),
}


# --- what doesn't belong together ---


def snapshot(root, suite="IllustrisTNG", realisation=0):
    return Simulation(root, suite, "CV", realisation).snapshot_path


def catalogue(root, suite="IllustrisTNG", realisation=0):
    return Simulation(root, suite, "CV", realisation).catalogue_path


def dark_mass(factor):
    def damage(root):
        with h5py.File(snapshot(root), "r+") as file:
            file["Header"].attrs["MassTable"] *= factor

    return damage


def halo(name, factor):
    def damage(root):
        group(name, lambda values: values * factor)(catalogue(root))

    return damage


TOGETHER = {
    "dark matter without h": (dark_mass(0.6711), "masses don't fit the box"),
    "dark matter off by 1000": (dark_mass(1000), "masses don't fit the box|1e10 Msun/h"),
    "halo masses without h": (halo("Group_M_Crit200", 1.49), "contradicts itself|1.49"),
    "halo radii in Mpc": (halo("Group_R_Crit200", 1e-3), "contradicts itself"),
    "halos of another simulation": (
        lambda root: (halo("Group_M_Crit200", 8)(root), halo("Group_R_Crit200", 2)(root)),
        "doesn't belong to",
    ),
    "halo positions without h": (halo("GroupPos", 0.6711), "doesn't belong to|same simulation"),
    "another realisation's catalogue": (
        lambda root: shutil.copy(catalogue(root, realisation=1), catalogue(root)),
        "doesn't belong to|same simulation",
    ),
    "a snapshot of another suite": (
        lambda root: shutil.copy(snapshot(root, "SIMBA"), snapshot(root)),
        "isn't a snapshot of IllustrisTNG|SmoothingLength",
    ),
    "no dark matter": (
        lambda root: edited(lambda f: f.__delitem__("PartType1"))(snapshot(root)),
        "PartType1",
    ),
}
