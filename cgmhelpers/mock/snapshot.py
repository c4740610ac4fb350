"""Writes snapshots in the dialects of the suites, from arrays in physical units."""

from pathlib import Path

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.mock import swift
from cgmhelpers.mock.columns import collisionless_table, gas_table
from cgmhelpers.mock.files import (
    DIALECTS,
    UNIT_LENGTH,
    UNIT_MASS,
    UNIT_VELOCITY,
    SnapshotHeader,
    check_dialect,
    whole_file,
    write_attributes,
)

CHUNK = 2**20
"""Rows converted at a time, as 16.8 million cells must not be copied whole."""
RAMSES_OMEGA_BARYON = 0.049
"""Header value of Ramses, whatever the cosmology."""


def _filters(compression):
    """Return h5py's options for a filter given by name or as a mapping (as hdf5plugin's)."""
    if compression is None:
        return {}
    if isinstance(compression, str):
        return {"compression": compression, "shuffle": True}
    return dict(compression)


def _write_type(group, dialect, header, columns, table, order, first_id, filters):
    number = len(columns["mass"])

    def coordinates(rows):
        box = header.box_size * header.length
        position = np.mod(columns["position"][rows] * header.length, box).astype(DIALECTS[dialect])
        # Rounding to float32 can land on the far wall, which is outside.
        return np.where(position >= box, 0, position)

    def velocities(rows):
        if "velocity" not in columns:
            return np.zeros((len(columns["mass"][rows]), 3))
        return columns["velocity"][rows] * (1 if dialect == "Ramses" else header.velocity)

    def identifiers(rows):
        if "particle_id" in columns:
            return columns["particle_id"][rows]
        rows = np.arange(number)[rows]
        return first_id + rows

    table = {
        "Coordinates": coordinates,
        "Velocities": velocities,
        "ParticleIDs": identifiers,
        **table,
    }
    if "Temperature" in table:
        del table["ParticleIDs"]  # cells of Ramses have none
    kinds = {"Coordinates": DIALECTS[dialect], "ParticleIDs": np.uint64, "AMR_level": np.int32}
    for name, function in table.items():
        kind = kinds.get(name, np.float32)
        dataset = None
        for start in range(0, max(number, 1), CHUNK):
            rows = slice(start, min(start + CHUNK, number))
            source = rows if order is None else order[rows]
            block = np.asarray(function(source), dtype=kind)
            if dataset is None:
                shape = (number, *block.shape[1:])
                options = dict(filters)
                if options and number:
                    options["chunks"] = (min(number, 2**16), *block.shape[1:])
                elif not number:
                    options = {}
                dataset = group.create_dataset(name, shape=shape, dtype=kind, **options)
            if number:
                dataset[rows] = block
    if dialect == "Swift-EAGLE":
        swift.describe(group)


def write_snapshot(
    path,
    dialect,
    header=None,
    gas=None,
    dark_matter=None,
    stars=None,
    wind=None,
    black_holes=None,
    *,
    compression=None,
    order=None,
):
    """Write one snapshot in the dialect of a suite.

    Parameters
    ----------
    path : path-like
        File to write.
    dialect : str
        A key of `cgmhelpers.mock.files.DIALECTS`. Ramses stores the density of the AMR cell whose
        size is nearest to the element's, and no star-formation rate.
    header : SnapshotHeader, optional
        The CV volume at redshift zero by default.
    gas : mapping of str to array, optional
        Physical units. Needed: ``position`` (N, 3) kpc, ``mass`` Msun, ``density`` g/cm^3,
        ``temperature`` K. Optional: ``velocity`` (N, 3) km/s, ``metallicity``,
        ``hydrogen_fraction`` (mass fractions), ``electron_abundance``,
        ``neutral_hydrogen_abundance`` (per hydrogen nucleus), ``star_formation_rate`` Msun/yr,
        ``smoothing_length`` kpc (unless TNG), ``delay_time``, ``particle_id`` (may repeat).
    dark_matter, stars, wind, black_holes : mapping of str to array, optional
        ``position``, ``mass``; optional ``velocity``, ``particle_id``. Stars and wind also have
        ``formation_time`` (scale factor; negative for wind) and ``metallicity``; black holes
        ``black_hole_mass`` and ``accretion_rate``. Wind is TNG's: it is stored among the stars.
    compression : str or mapping, optional
        ``"gzip"``, or options of ``h5py.Group.create_dataset`` such as ``hdf5plugin.Blosc()``.
    order : mapping of str to array, optional
        Order in which the elements of ``gas``, ``dark_matter``, ``stars`` are written.

    Returns
    -------
    Path

    Raises
    ------
    ParameterError
        If the dialect is unknown, or wind is given for a suite that has no wind cells.
    """
    check_dialect(dialect)
    header = header or SnapshotHeader()
    if dialect == "Swift-EAGLE":
        header = swift.SwiftHeader.like(header)
    order = dict(order or {})
    if wind is not None and dialect != "IllustrisTNG":
        raise ParameterError(
            "wind cells stored among the stars",
            found=dialect,
            expected="IllustrisTNG",
            remedy="Give such gas as `gas`, with `delay_time`.",
        )
    if wind is not None:
        stars = _join(stars, wind)
    kinds = {0: ("gas", gas), 1: ("dark_matter", dark_matter), 4: ("stars", stars)}
    kinds[5] = ("black_holes", black_holes)
    numbers, mass_table = np.zeros(6, dtype=np.int64), np.zeros(6)
    for kind, (_, columns) in kinds.items():
        numbers[kind] = 0 if columns is None else len(columns["mass"])
    one_mass = (
        numbers[1]
        and dialect not in ("SIMBA", "Swift-EAGLE", "Ramses")
        and np.ptp(dark_matter["mass"]) == 0
    )
    if one_mass:
        mass_table[1] = float(dark_matter["mass"][0]) * header.mass

    with whole_file(path) as file:
        _write_header(file, dialect, header, numbers, mass_table)
        for kind, (name, columns) in kinds.items():
            if not numbers[kind]:
                continue
            if name == "gas":
                table = gas_table(dialect, header, columns)
            else:
                listed = not (kind == 1 and one_mass)
                table = collisionless_table(dialect, header, columns, listed)
            first_id = 1 + int(numbers[:kind].sum())
            _write_type(
                file.create_group(f"PartType{kind}"),
                dialect,
                header,
                columns,
                table,
                order.get(name),
                first_id,
                _filters(compression),
            )
    return Path(path)


def _join(first, second):
    if first is None:
        return second
    shared = [name for name in first if name in second]
    return {name: np.concatenate([first[name], second[name]]) for name in shared}


def _write_header(file, dialect, header, numbers, mass_table):
    if dialect == "Swift-EAGLE":
        swift.write_header(file, header, numbers)
        return
    ramses = dialect == "Ramses"
    attributes = {
        "BoxSize": header.box_size * header.length,
        "Redshift": header.redshift,
        "Time": header.scale_factor,
        "HubbleParam": header.hubble,
        "Omega0": header.omega_matter,
        "OmegaLambda": header.omega_lambda,
        "OmegaBaryon": RAMSES_OMEGA_BARYON if ramses else header.omega_baryon,
        "MassTable": mass_table,
        "NumPart_ThisFile": numbers.astype(np.int32),
        "NumPart_Total": numbers.astype(np.uint32),
        "NumPart_Total_HighWord": np.zeros(6, dtype=np.uint32),
        "NumFilesPerSnapshot": np.int32(1),
        "UnitLength_in_cm": UNIT_LENGTH,
        "UnitMass_in_g": UNIT_MASS,
        "UnitVelocity_in_cm_per_s": UNIT_VELOCITY,
        "Flag_Sfr": np.int32(1),
        "Flag_Cooling": np.int32(1),
        "Flag_Feedback": np.int32(1),
        "Flag_StellarAge": np.int32(1),
        "Flag_Metals": np.int32(1),
        "Flag_DoublePrecision": np.int32(0),
    }
    if header.mock:
        attributes["Mock"] = header.mock
    if header.settings:
        attributes["MockSettings"] = header.settings
    write_attributes(file.create_group("Header"), attributes, arrays=dialect == "Astrid")
    if dialect == "IllustrisTNG":
        # AREPO describes how it was compiled; yt knows AREPO by it.
        config = {"VORONOI": "", "COOLING": "", "GFM": "", "MHD": "", "PERIODIC": "", "USE_SFR": ""}
        write_attributes(file.create_group("Config"), config, arrays=False)
        parameters = {name: attributes[name] for name in ("Omega0", "OmegaLambda", "OmegaBaryon")}
        parameters |= {"HubbleParam": header.hubble, "BoxSize": attributes["BoxSize"]}
        write_attributes(file.create_group("Parameters"), parameters, arrays=False)
