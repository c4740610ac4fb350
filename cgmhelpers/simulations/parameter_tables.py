"""Tables of the parameters of a set, of every suite, read by name into one tidy table.

The parameters of a set stand in a text file, ``CosmoAstroSeed_<Suite>_<Volume>_<Set>.txt``, that
differs from suite to suite: with or without a header, its order of columns, its names, relative or
physical values.
"""

import math
import re
from pathlib import Path

import pandas as pd

from cgmhelpers.errors import DataNotFoundError, FormatError

COLUMNS = (
    "suite", "volume", "set_name", "name", "realisation", "parameter", "value", "kind",
    "cosmology", "seed",
)  # fmt: skip
"""Columns of the tidy table."""

_TNG = (
    "Omega0 sigma8 WindEnergyIn1e51erg RadioFeedbackFactor VariableWindVelFactor "
    "RadioFeedbackReorientationFactor OmegaBaryon HubbleParam n_s MaxSfrTimescale "
    "FactorForSofterEQS IMFslope SNII_MinMass_Msun ThermalWindFraction VariableWindSpecMomentum "
    "WindFreeTravelDensFac MinWindVel WindEnergyReductionFactor WindEnergyReductionMetallicity "
    "WindEnergyReductionExponent WindDumpFactor SeedBlackHoleMass BlackHoleAccretionFactor "
    "BlackHoleEddingtonFactor BlackHoleFeedbackFactor BlackHoleRadiativeEfficiency "
    "QuasarThreshold QuasarThresholdPower"
)
_CROCODILE = (
    "Omega0 sigma8 SNMomentumBoostFactor TwindMassLoadingBoostFactor BondiAccretionBoostFactor "
    "AGNFeedbackTemperature OmegaBaryon HubbleParam n_s SFEfficiency CritPhysDensity Nspawn "
    "SNIIEnergyBoostFactor SNIaEnergyBoostFactor HNfrac ZHN SNIIEventNumber DesNumNgbFB "
    "TwindCsndBoostFactor TwindVwindBoostFactor EddingtonAccretionBoostFactor Cvisc "
    "BHRadiativeEfficiency AGNFeedbackEfficiency SeedBlackHoleMass MinFoFMassForNewSeed"
)
_SIX = "Omega_m sigma_8 A_SN1 A_AGN1 A_SN2 A_AGN2"
_HEADERLESS = {
    ("IllustrisTNG", 28): _TNG,  # BE and SB28, in the order of the 1P set's header
    ("CROCODILE", 26): _CROCODILE,
    ("IllustrisTNG", 6): _SIX,  # the tables of all sets, before March 2024
    ("SIMBA", 6): _SIX,
}
"""Names of the columns, in order, of tables without a header, by (suite, number of parameters)."""

_SPELLINGS = {
    "Omega_m": "Omega_m", "Omega0": "Omega_m", "OmegaMatter": "Omega_m",
    "sigma_8": "sigma_8", "sigma8": "sigma_8",
    "Omega_b": "Omega_b", "OmegaBaryon": "Omega_b", "OmegaB": "Omega_b",
    "HubbleParam": "h", "h": "h", "n_s": "n_s", "ns": "n_s",
    **{f"A{underscore}{name}": f"A_{name}"
       for name in ("SN1", "SN2", "AGN1", "AGN2") for underscore in ("", "_")},
    "RadioFeedbackReiorientationFactor": "RadioFeedbackReorientationFactor",
}  # fmt: skip
"""Names in the tables -> ours; other names stay as they are."""

COSMOLOGY = ("Omega_m", "sigma_8", "Omega_b", "h", "n_s")
"""Parameters of the cosmology, which mean the same in each suite; no others do."""

FIDUCIAL = {
    "IllustrisTNG": {
        "A_SN1": ("WindEnergyIn1e51erg", 3.6),
        "A_AGN1": ("RadioFeedbackFactor", 1.0),
        "A_SN2": ("VariableWindVelFactor", 7.4),
        "A_AGN2": ("RadioFeedbackReorientationFactor", 20.0),
    },
    "SIMBA": {
        "A_SN1": ("GALSF_SUBGRID_DAA_LOADFACTOR", 1.0),
        "A_AGN1": ("BH_BAL_KICK_MOMENTUM_FLUX", 20.0),
        "A_SN2": ("GALSF_SUBGRID_FIREVEL", 1.6),
        "A_AGN2": ("BH_QUENCH_JET", 7000.0),
    },
    "CROCODILE": {
        "A_SN1": ("SNMomentumBoostFactor", 1.0),
        "A_SN2": ("TwindMassLoadingBoostFactor", 1.0),
        "A_AGN1": ("BondiAccretionBoostFactor", 1.0),
        "A_AGN2": ("AGNFeedbackTemperature", 3.16e8),
    },
    "Ramses": {
        "A_SN1": ("A_SN1", 1.0),
        "A_SN2": ("A_SN2", 0.5),
        "A_AGN1": ("A_AGN1", 4.0),
        "A_AGN2": ("A_AGN2", 2.0),
    },
}
"""Relative parameter -> the physical one that it multiplies, and that one's fiducial value (from
CAMELS' ``Info_*`` tables)."""
_SIMULATION = re.compile(r"(?P<set>LH|CV|EX|BE|1P|SB\d+)_(?P<realisation>\w+)")
_FILE = re.compile(
    r"CosmoAstroSeed_(?P<suite>.+?)_((?P<volume>L\d+n\d+)_)?(?P<set>LH|CV|EX|BE|1P|SB\d+)"
)


def file_name(suite, set_name, volume="L25n256"):
    """Return the present name of the table of a set's parameters.

    Parameters
    ----------
    suite, set_name, volume : str
        Which set.

    Returns
    -------
    str
    """
    suite = suite.removesuffix("_DM").replace("-", "")
    return f"CosmoAstroSeed_{suite}_{volume}_{set_name}.txt"


def find(root, suite, set_name, volume="L25n256"):
    """Find the table of a set's parameters.

    Parameters
    ----------
    root : path
        Data root.
    suite, set_name, volume : str
        Which set.

    Returns
    -------
    Path or None
        In the set's folder, in that of its suite, or below ``Parameters``; under the present name,
        also as CSV, or, for the small boxes, one of the older names: without the volume, or
        without the set in tables of all sets of a suite.
    """
    root, suite = Path(root), suite.removesuffix("_DM")
    spellings = dict.fromkeys((suite.replace("-", ""), suite))
    stems = [f"{one}_{volume}_{set_name}" for one in spellings]
    levels = [f"{volume}/{set_name}", volume]
    if volume == "L25n256":
        stems += [f"{one}_{set_name}" for one in spellings]
        stems += [*spellings, *(f"params_{one}" for one in spellings), "params"]
        levels += [set_name]
    files = [f"CosmoAstroSeed_{stem}.{ending}" for stem in stems for ending in ("txt", "csv")]
    places = [
        root / top / name / level
        for top in ("Sims", "FOF_Subfind", "Parameters", "")
        for name in (suite, f"{suite}_DM", suite.removeprefix("Swift-"))
        for level in (*levels, "")
    ]
    # Without its suite's folder, only a name that tells the suite is taken.
    shared = [root / "Parameters" / file for file in files if "Seed_params." not in file]
    places = [place for place in places if place.is_dir()]  # network file systems are slow
    candidates = [place / file for file in files for place in places]
    return next((path for path in (*candidates, *shared) if path.is_file()), None)


def parameters(root, suite, set_name, volume="L25n256"):
    """Read the parameters of a set.

    Parameters
    ----------
    root : path
        Data root.
    suite, set_name, volume : str
        Which set.

    Returns
    -------
    pandas.DataFrame
        As of `read`, of this set alone.

    Raises
    ------
    DataNotFoundError
        If the table isn't there.
    FormatError
        If it isn't a table of parameters, or lacks the set.
    """
    path = find(root, suite, set_name, volume)
    if path is None:
        raise DataNotFoundError(
            f"The table of parameters of {suite} {volume} {set_name} isn't there.",
            expected=f"{file_name(suite, set_name, volume)} in the set's folder, in that of its "
            f"suite or in Parameters, below {root}",
            remedy="Download it: cgm files writes the list of files that a profile needs.",
        )
    table = read(path, suite)
    chosen = table[[set_name.startswith(one) for one in table["set_name"]]]
    if chosen.empty:
        raise FormatError(
            f"{path} doesn't list the set {set_name}.",
            found=sorted(set(table["set_name"])),
            expected=set_name,
        )
    return chosen.reset_index(drop=True)


def read(path, suite=None):
    """Read a table of parameters into a tidy one.

    Parameters
    ----------
    path : path
        A text file with lines ``name parameter1 ... parameterN seed``, with or without a header.
    suite : str, optional
        By default from the file's name.

    Returns
    -------
    pandas.DataFrame
        One row for each simulation and parameter, in the file's order: suite, volume, set_name,
        name (``LH_3``), realisation (3, or ``"p1_n2"``), parameter (in one spelling for all
        suites), value, kind (``"relative"`` to the fiducial model, which has 1, or
        ``"physical"``), cosmology (whether it is a parameter of the cosmology) and seed.
        ``table.pivot(index="name", columns="parameter", values="value")`` has one row each.

    Raises
    ------
    FormatError
        If it isn't such a table; the message has the line.
    """
    path = Path(path)
    named = _FILE.fullmatch(path.stem)
    volume = (named and named["volume"]) or "L25n256"
    set_name = named and named["set"]
    if suite is None:
        suite = named["suite"] if named else re.sub("^CosmoAstroSeed_(params_)?", "", path.stem)
    suite = {"SwiftEAGLE": "Swift-EAGLE"}.get(suite, suite)
    columns, lines = _lines(path)
    if columns is None:
        columns = _HEADERLESS.get((suite.removesuffix("_DM"), len(lines[0][1]) - 2))
        if columns is None:
            raise FormatError(
                f"{path} has no header, and its columns aren't known.",
                found=f"{len(lines[0][1]) - 2} parameters of {suite}",
                expected=f"a header '#Name ... seed', or one of {sorted(_HEADERLESS)}",
            )
        columns = ["name", *columns.split(), "seed"]
    spelled = [_SPELLINGS.get(name, name) for name in columns[1:-1]]
    if len(set(spelled)) < len(spelled):
        raise FormatError(f"{path}: a column appears twice in the header.", found=columns)
    relative = "physical" if suite == "Ramses" else "relative"
    kinds = [relative if one.startswith(("A_SN", "A_AGN")) else "physical" for one in spelled]
    rows, seen = [], {}
    for number, fields in lines:
        if len(fields) != len(columns):
            raise _wrong(path, number, f"{len(fields)} fields", f"{len(columns)}: {columns}")
        name = _SIMULATION.fullmatch(fields[0])
        if not name or not (set_name or name["set"]).startswith(name["set"]):
            raise _wrong(path, number, fields[0], f"a simulation of {set_name or 'CAMELS'}")
        if seen.setdefault(fields[0], number) != number:
            first = f"{fields[0]}, which line {seen[fields[0]]} has already"
            raise _wrong(path, number, first, "each simulation once")
        values = [_number(path, number, *one) for one in zip(columns[1:], fields[1:], strict=True)]
        seed = values.pop()
        if seed < 0 or seed != int(seed):
            raise _wrong(path, number, f"seed {fields[-1]}", "a whole number, not negative")
        realisation = name["realisation"]
        realisation = int(realisation) if realisation.isdigit() else realisation
        start = (suite, volume, set_name or name["set"], fields[0], realisation)
        rows += [
            (*start, parameter, value, kind, parameter in COSMOLOGY, int(seed))
            for parameter, value, kind in zip(spelled, values, kinds, strict=True)
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def relative(table):
    """Express physical values of feedback as multiples of the fiducial ones.

    Parameters
    ----------
    table : pandas.DataFrame
        As of `read`, of one suite or several.

    Returns
    -------
    pandas.DataFrame
        The rows of A_SN1, A_SN2, A_AGN1 and A_AGN2, all of kind ``"relative"``, and of the
        cosmology. A parameter of one name means other physics in each suite.
    """
    parts = [table[table["cosmology"] | (table["kind"] == "relative")]]
    for suite, names_of in FIDUCIAL.items():
        for name, (physical, fiducial) in names_of.items():
            chosen = table[
                (table["suite"] == suite)
                & (table["parameter"] == physical)
                & (table["kind"] == "physical")
            ]
            value = chosen["value"] / fiducial
            parts.append(chosen.assign(parameter=name, value=value, kind="relative"))
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def _lines(path):
    """Columns that the header names, or None; and the number and the fields of each other line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} isn't a text file.", found=str(error)) from None
    columns, lines = None, []
    for number, line in enumerate(text.splitlines(), 1):
        fields = [field for field in re.split(r"[,\s]+", line.strip().lstrip("#")) if field]
        if not fields:
            continue
        if fields[-1].lower() == "seed" and columns is None and not lines:
            columns = fields
        elif not line.lstrip().startswith("#"):
            lines.append((number, fields))
    if not lines:
        raise FormatError(
            f"{path} holds no simulation.",
            found=f"{len(text)} characters",
            expected="lines 'name parameter1 ... parameterN seed'",
            remedy="Download it again.",
        )
    return columns, lines


def _number(path, line, column, text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _wrong(path, line, f"{column} {text!r}", "a number")
    return value


def _wrong(path, line, found, expected):
    return FormatError(
        f"{path}, line {line}, isn't a simulation's parameters.",
        found=found,
        expected=expected,
        remedy="Download the table again, or mend the line.",
    )
