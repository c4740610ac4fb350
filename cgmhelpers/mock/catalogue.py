"""Writes group catalogues in the form of CAMELS, from arrays in physical units."""

from pathlib import Path

import numpy as np

from cgmhelpers.mock.files import SnapshotHeader, check_dialect, whole_file, write_attributes


def write_catalogue(path, dialect, header=None, groups=None, subhalos=None, member_ids=None):
    """Write one catalogue of groups and subhalos.

    Parameters
    ----------
    path : path-like
        File to write.
    dialect : str
        A key of `cgmhelpers.mock.files.DIALECTS`; all catalogues are in kpc/h, SWIFT's too.
    header : SnapshotHeader, optional
        The CV volume at redshift zero by default.
    groups : mapping of str to array, optional
        Physical units. Needed: ``position`` (H, 3) kpc, ``m200c`` Msun, ``r200c`` kpc. Optional:
        ``velocity`` km/s, ``mass_type`` (H, 6) Msun, ``length_type`` (H, 6), ``first_subhalo`` (-1:
        none), ``number_of_subhalos``, ``star_formation_rate`` Msun/yr. None: a catalogue without a
        halo.
    subhalos : mapping of str to array, optional
        ``position``, ``group``; optional ``velocity``, ``mass_type``, ``length_type``. By default
        one at the centre of each group.
    member_ids : array, optional
        Identifiers of members in halo order (no TNG catalogue has them).

    Returns
    -------
    Path
    """
    check_dialect(dialect)
    header = header or SnapshotHeader()
    number = 0 if groups is None else len(groups["m200c"])
    if number and subhalos is None:
        subhalos = {"position": groups["position"], "group": np.arange(number)}
        groups = {"first_subhalo": np.arange(number), **groups}
    subhalo_number = 0 if not number else len(subhalos["group"])

    with whole_file(path) as file:
        attributes = {
            "BoxSize": header.box_size * header.length,
            "Redshift": header.redshift,
            "Time": header.scale_factor,
            "HubbleParam": header.hubble,
            "Omega0": header.omega_matter,
            "OmegaLambda": header.omega_lambda,
            "Ngroups_ThisFile": np.int32(number),
            "Ngroups_Total": np.int32(number),
            "Nsubgroups_ThisFile": np.int32(subhalo_number),
            "Nsubgroups_Total": np.int32(subhalo_number),
            "NumFiles": np.int32(1),
        }
        if header.mock:
            attributes["Mock"] = header.mock
        if header.settings:
            attributes["MockSettings"] = header.settings
        write_attributes(file.create_group("Header"), attributes, arrays=dialect == "Astrid")
        group, subhalo = file.create_group("Group"), file.create_group("Subhalo")
        if number:
            _write(group, "Group", _group_table(header, groups))
            _write(subhalo, "Subhalo", _subhalo_table(header, subhalos))
        if dialect != "IllustrisTNG":
            identifiers = np.zeros(0) if member_ids is None else member_ids
            file.create_group("IDs").create_dataset("ID", data=np.asarray(identifiers, np.uint64))
    return Path(path)


def _write(group, prefix, table):
    for name, values in table.items():
        group.create_dataset(f"{prefix}{name}", data=values)


def _shared_table(header, columns, number):
    zeros = np.zeros((number, 6))
    lengths = np.asarray(columns.get("length_type", zeros), dtype=np.int32)
    masses = np.asarray(columns.get("mass_type", zeros)) * header.mass
    position = np.mod(columns["position"], header.box_size) * header.length
    return {
        "Pos": position.astype(np.float32),
        "Vel": (np.asarray(columns.get("velocity", np.zeros((number, 3))))).astype(np.float32),
        "LenType": lengths,
        "Len": lengths.sum(axis=1, dtype=np.int32),
        "MassType": masses.astype(np.float32),
        "Mass": masses.sum(axis=1).astype(np.float32),
        "SFR": np.asarray(columns.get("star_formation_rate", np.zeros(number)), np.float32),
    }


def _group_table(header, groups):
    number = len(groups["m200c"])
    table = _shared_table(header, groups, number)
    offsets = np.cumsum(table["LenType"], axis=0, dtype=np.int64) - table["LenType"]
    # Subfind stores the group's velocity as v/a, not in the snapshot's units.
    table["Vel"] = (table["Vel"] / header.scale_factor).astype(np.float32)
    table |= {
        "_M_Crit200": np.asarray(groups["m200c"] * header.mass, np.float32),
        "_R_Crit200": np.asarray(groups["r200c"] * header.length, np.float32),
        "FirstSub": np.asarray(groups.get("first_subhalo", np.full(number, -1)), np.int32),
        "Nsubs": np.asarray(groups.get("number_of_subhalos", np.ones(number)), np.int32),
        "OffsetType": offsets,
    }
    return table


def _subhalo_table(header, subhalos):
    number = len(subhalos["group"])
    table = _shared_table(header, subhalos, number)
    table["GrNr"] = np.asarray(subhalos["group"], np.int32)
    return table
