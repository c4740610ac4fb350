"""Tables of parameters of every shape that CAMELS has; names of simulations; seeds."""

import logging
import re

import pytest

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError
from cgmhelpers.simulations import parameter_tables, sets

TNG = (
    "Omega0 sigma8 WindEnergyIn1e51erg RadioFeedbackFactor VariableWindVelFactor "
    "RadioFeedbackReiorientationFactor OmegaBaryon HubbleParam n_s "
    + " ".join(f"Other{number}" for number in range(19))
)
TNG_VALUES = "0.1 0.8 3.6 1 7.4 20 0.049 0.6711 0.9624 " + " ".join(["5e-05"] * 19)
SIX = "Omega_m sigma_8 A_SN1 A_AGN1 A_SN2 A_AGN2"
# File name -> its text, and what the table must say: (name, parameter, value, kind, seed).
SHAPES = {
    "CosmoAstroSeed_IllustrisTNG_L25n256_LH.txt": (
        f"#Name  {SIX}  seed\n  LH_0 0.309 0.979   3.1 1.12 0.67 0.53 0\nLH_12 0.3 0.8 1 2 3 4 12\n",
        [("LH_0", "A_AGN1", 1.12, "relative", 0), ("LH_12", "A_SN2", 3, "relative", 12)],
    ),
    "CosmoAstroSeed_Astrid_L25n256_1P.txt": (  # Omega_b is the seventh; the last line isn't ended
        f"#Name {SIX} Omega_b seed\n1P_p1_n2 0.1 0.8 1 1 1 1 0.049 67\n1P_p7_2 0.3 0.8 1 1 1 1 0.09 67",
        [("1P_p1_n2", "Omega_m", 0.1, "physical", 67), ("1P_p7_2", "Omega_b", 0.09, "physical", 67)],
    ),
    "CosmoAstroSeed_Ramses_L25n256_SB5.txt": (  # another order, and a blank before Name
        "# Name Omega_m sigma_8 ASN1 ASN2 AAGN1 AAGN2 seed\nSB5_0 0.4 0.68 0.16 0.08 2 1 45000\n",
        [("SB5_0", "A_SN2", 0.08, "physical", 45000), ("SB5_0", "A_AGN1", 2, "physical", 45000)],
    ),
    "CosmoAstroSeed_SIMBA_L25n256_1P.txt": (
        "# sim_name Omega0 sigma8 BH_QUENCH_JET OmegaBaryon HubbleParam ns seed\n"
        "1P_p1_0     0.3   0.8   7000    0.049   0.6711  0.9624   67        \n",
        [("1P_p1_0", "BH_QUENCH_JET", 7000, "physical", 67), ("1P_p1_0", "n_s", 0.9624, "physical", 67)],
    ),
    "CosmoAstroSeed_CROCODILE_L25n256_1P.txt": (
        "#Name\tOmega0\tsigma8\tAGNFeedbackTemperature\tSeed\n1P_p16_n2\t0.3\t0.8\t3.16e8\t67\n",
        [("1P_p16_n2", "AGNFeedbackTemperature", 3.16e8, "physical", 67)],
    ),
    "CosmoAstroSeed_SwiftEAGLE_L25n256_LH.txt": (
        f"#Name {SIX} seed\nLH_3 0.2336 0.75 0.7 1.68 1.69 1.75 30003 \n",
        [("LH_3", "A_AGN2", 1.75, "relative", 30003)],
    ),
    "CosmoAstroSeed_IllustrisTNG_L25n256_1P.txt": (
        f"#Name {TNG} seed\n1P_p1_n2 {TNG_VALUES} 67\n1P_p15_4 {TNG_VALUES} 67\n",
        [("1P_p15_4", "RadioFeedbackReorientationFactor", 20, "physical", 67)],
    ),
    "CosmoAstroSeed_IllustrisTNG_L25n256_SB28.txt": (  # no header
        f"   SB28_0 {TNG_VALUES}  20000\n",
        [("SB28_0", "WindEnergyIn1e51erg", 3.6, "physical", 20000), ("SB28_0", "h", 0.6711, "physical", 20000)],
    ),
    "CosmoAstroSeed_IllustrisTNG_L25n256_BE.txt": (
        f"BE_0     {TNG_VALUES}    67\n",
        [("BE_0", "n_s", 0.9624, "physical", 67)],
    ),
    "CosmoAstroSeed_CROCODILE_L25n256_SB26.txt": (
        "SB26_0 0.35 0.69 1.07 1.52 1.51 1.6e+08 0.045 " + "2 " * 19 + "35000\n",
        [("SB26_0", "A_none", None, None, None), ("SB26_0", "BondiAccretionBoostFactor", 1.51, "physical", 35000)],
    ),
    "CosmoAstroSeed_IllustrisTNG_L50n512_SB35.txt": (
        f"#Name {TNG} {' '.join(f'More{n}' for n in range(7))} seed\n"
        f"SB35_0 {TNG_VALUES} 1 2 3 4 5 6 7 25000\nSB35_2047 {TNG_VALUES} 1 2 3 4 5 6 7 27047\n",
        [("SB35_2047", "More6", 7, "physical", 27047)],
    ),
    "CosmoAstroSeed_Magneticum_CV.txt": (  # in 2024: without the volume
        f"#Name {SIX} seed\nCV_4 0.3 0.8 1 1 1 1 5\n",
        [("CV_4", "A_AGN2", 1, "relative", 5)],
    ),
    "CosmoAstroSeed_IllustrisTNG_1P.txt": (  # likewise, and without a header
        f"1P_p3_2 {TNG_VALUES} 67\n",
        [("1P_p3_2", "VariableWindVelFactor", 7.4, "physical", 67)],
    ),
    "CosmoAstroSeed_IllustrisTNG.txt": (  # before March 2024: all sets in one
        f"#Name {SIX} seed\n  LH_0 0.3 0.9 1 2 3 4 0\n 1P_62 0.3 0.8 1 1 1 1.3 67\n  CV_2 0.3 0.8 1 1 1 1 3\n",
        [("1P_62", "A_AGN2", 1.3, "relative", 67), ("CV_2", "sigma_8", 0.8, "physical", 3)],
    ),
    "CosmoAstroSeed_params_SIMBA.txt": (  # the same, without a header
        "  LH_0 0.3 0.9 1 2 3 4 5000\n",
        [("LH_0", "A_SN2", 3, "relative", 5000)],
    ),
    "CosmoAstroSeed_Magneticum_L25n256_LH.csv": (  # as spreadsheets save it
        f"#Name,{SIX.replace(' ', ',')},seed\r\nLH_0,0.224,0.972,3.4,3.2,1.4,0.6,15000\r\n",
        [("LH_0", "A_AGN1", 3.2, "relative", 15000)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("file", SHAPES)
def test_tables_of_every_shape_are_read_by_name(file, tmp_path):
    text, expected = SHAPES[file]
    (tmp_path / file).write_text(text, newline="")
    table = parameter_tables.read(tmp_path / file)
    assert tuple(table.columns) == parameter_tables.COLUMNS
    assert not table.duplicated(["name", "parameter"]).any()
    assert set(table["suite"]) == {re.split("_(?:params_)?", file)[1].removesuffix(".txt")
                                   .replace("SwiftEAGLE", "Swift-EAGLE")}  # fmt: skip
    assert set(table["volume"]) == {"L50n512" if "L50n512" in file else "L25n256"}
    assert set(table.loc[table["cosmology"], "parameter"]) <= set(parameter_tables.COSMOLOGY)
    for name, parameter, *values in expected:
        rows = table[(table["name"] == name) & (table["parameter"] == parameter)]
        found = rows[["value", "kind", "seed"]].to_numpy().tolist()
        assert found == ([] if values[0] is None else [values])
    assert set(table["realisation"].map(type)) <= {int, str}


def test_physical_values_become_multiples_of_the_fiducial_ones(tmp_path):
    path = tmp_path / "CosmoAstroSeed_IllustrisTNG_L25n256_1P.txt"
    values = TNG_VALUES.replace("3.6", "14.4", 1).replace("7.4", "3.7", 1)
    path.write_text(f"#Name {TNG} seed\n1P_p1_0 {TNG_VALUES} 67\n1P_p3_2 {values} 67\n")
    table = parameter_tables.relative(parameter_tables.read(path)).pivot(
        index="name", columns="parameter", values="value"
    )
    assert set(table.columns) == {*parameter_tables.COSMOLOGY, "A_SN1", "A_SN2", "A_AGN1", "A_AGN2"}
    astrophysics = table[["A_SN1", "A_SN2", "A_AGN1", "A_AGN2"]]
    assert astrophysics.loc["1P_p1_0"].tolist() == [1, 1, 1, 1]
    assert astrophysics.loc["1P_p3_2"].tolist() == [4, 0.5, 1, 1]


GOOD = f"#Name {SIX} seed\nLH_0 0.3 0.8 1 1 1 1 0\n"
BAD = {
    "a field too few": (f"{GOOD}LH_1 0.3 0.8 1 1 1 1\n", "line 3.*7 fields.*8"),
    "a blank in the header": (GOOD.replace("A_SN1", "A SN1"), "line 2.*8 fields.*9"),
    "a word for a number": (f"{GOOD}LH_1 0.3 0.8 one 1 1 1 1\n", "line 3.*A_SN1 'one'.*a number"),
    "not a number": (f"{GOOD}LH_1 0.3 nan 1 1 1 1 1\n", "line 3.*sigma_8 'nan'"),
    "a broken seed": (f"{GOOD}LH_1 0.3 0.8 1 1 1 1 1.5\n", "line 3.*seed 1.5.*whole number"),
    "a negative seed": (f"{GOOD}LH_1 0.3 0.8 1 1 1 1 -1\n", "line 3.*seed -1"),
    "a simulation twice": (f"{GOOD}\nLH_0 0.3 0.8 1 1 1 1 0\n", "line 4.*LH_0.*line 2"),
    "another set": (f"{GOOD}CV_1 0.3 0.8 1 1 1 1 2\n", "line 3.*CV_1.*a simulation of LH"),
    "a column twice": (GOOD.replace("A_SN2", "ASN1"), "column appears twice"),
    "a web page": ("<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n", "no header"),
    "a pointer of git": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "no header"),
    "an Info table": ("ParamName,LogFlag\nOmega0,0\n", "no header"),
    "nothing": ("", "no simulation"),
    "a header alone": (f"#Name {SIX} seed\n", "no simulation"),
    "no header, columns unknown": ("LH_0 0.3 0.8 1\n", "no header.*2 parameters"),
    "not text": (b"\x89HDF\r\n\x1a\n\xff\xfe", "isn't a text file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_a_table_is_refused_with_file_and_line(case, tmp_path):
    content, message = BAD[case]
    path = tmp_path / "CosmoAstroSeed_IllustrisTNG_L25n256_LH.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FormatError, match=message) as error:
        parameter_tables.read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "place",
    [
        "Sims/Swift-EAGLE/L25n256/LH/CosmoAstroSeed_SwiftEAGLE_L25n256_LH.txt",
        "Sims/Swift-EAGLE/CosmoAstroSeed_SwiftEAGLE_L25n256_LH.txt",
        "Parameters/Swift-EAGLE/L25n256/CosmoAstroSeed_SwiftEAGLE_L25n256_LH.txt",
        "Parameters/EAGLE/CosmoAstroSeed_SwiftEAGLE_L25n256_LH.txt",
        "Parameters/EAGLE/CosmoAstroSeed_SwiftEAGLE_LH.txt",
        "Sims/Swift-EAGLE/L25n256/LH/CosmoAstroSeed_SwiftEAGLE_L25n256_LH.csv",
        "Parameters/CosmoAstroSeed_Swift-EAGLE_L25n256_LH.txt",
        "Sims/Swift-EAGLE/CosmoAstroSeed_params.txt",
    ],
)
def test_tables_are_found_in_each_place(place, tmp_path):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    table = parameter_tables.parameters(tmp_path, "Swift-EAGLE", "LH")
    assert set(table["suite"]) == {"Swift-EAGLE"}
    assert parameter_tables.find(tmp_path, "Swift-EAGLE", "LH", "L50n512") is None
    assert parameter_tables.find(tmp_path, "SIMBA", "LH") is None
    if path.name == "CosmoAstroSeed_params.txt":
        with pytest.raises(FormatError, match="doesn't list the set CV"):
            parameter_tables.parameters(tmp_path, "Swift-EAGLE", "CV")
    else:
        with pytest.raises(DataNotFoundError, match=r"SwiftEAGLE_L25n256_CV.txt"):
            parameter_tables.parameters(tmp_path, "Swift-EAGLE", "CV")


@pytest.mark.parametrize(
    ("suite", "volume", "set_name", "number"),
    [  # the numbers of the documentation's tables, June 2026
        ("IllustrisTNG", "L25n256", "1P", 113), ("IllustrisTNG", "L50n512", "1P", 141),
        ("SIMBA", "L25n256", "1P", 113), ("Astrid", "L25n256", "1P", 25),
        ("Swift-EAGLE", "L25n256", "1P", 25), ("IllustrisTNG", "L25n256", "SB28", 2048),
        ("IllustrisTNG", "L50n512", "SB35", 1024), ("Astrid", "L25n256", "SB7", 1024),
        ("SIMBA", "L25n256", "LH", 1000), ("IllustrisTNG", "L25n256", "BE", 27),
        ("Astrid", "L25n256", "EX", 4), ("Magneticum", "L25n256", "CV", 27),
    ],
)  # fmt: skip
def test_sets_have_as_many_simulations_as_documented(suite, volume, set_name, number):
    found = sets.names(suite, set_name, volume)
    assert len(set(found)) == len(found) == number
    assert all(re.fullmatch(r"(\w+?)_(\d+|p\d+_n?\d)", name) for name in found)


def test_steps_of_one_parameter_are_spelled_as_on_disk():
    found = sets.names("IllustrisTNG", "1P", "L50n512")
    assert [one for one in found if "_p14_" in one][:2] == ["1P_p14_n2", "1P_p14_n1"]
    assert [one for one in found if "_p15_" in one] == [f"1P_p15_{step}" for step in (1, 2, 3, 4)]
    assert [one for one in found if "_p30_" in one] == [f"1P_p30_n{step}" for step in (4, 3, 2, 1)]
    with pytest.raises(ParameterError, match=r"SIMBA L25n256 SB28.*one of CV, 1P"):
        sets.names("SIMBA", "SB28")
    with pytest.raises(ParameterError, match=r"no Simba .* Did you mean SIMBA"):
        sets.names("Simba", "CV")


def write_table(root, suite, set_name, text, volume="L25n256"):
    folder = root / "Sims" / suite / volume / set_name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"CosmoAstroSeed_{suite.replace('-', '')}_{volume}_{set_name}.txt"
    path.write_text(text)
    return path


def test_parameters_of_a_simulation_are_physical_and_feedback_relative(tmp_path, caplog):
    values = TNG_VALUES.replace("3.6", "14.4", 1)
    write_table(
        tmp_path,
        "IllustrisTNG",
        "1P",
        f"#Name {TNG} seed\n1P_p1_0 {TNG_VALUES} 67\n1P_p3_2 {values} 67\n",
    )
    found = sets.parameters(tmp_path, "IllustrisTNG", "1P", "p3_2")
    assert found["A_SN1"] == 4
    assert found["WindEnergyIn1e51erg"] == 14.4
    assert (found["Omega_m"], found["h"]) == (0.1, 0.6711)
    fiducial = sets.parameters(tmp_path, "IllustrisTNG", "1P", "p1_0")
    # The fiducial simulation has many names, and the table lists one.
    assert sets.parameters(tmp_path, "IllustrisTNG", "1P", "p15_0") == fiducial
    assert fiducial["A_SN1"] == 1
    write_table(tmp_path, "Ramses", "SB5", "# Name Omega_m sigma_8 ASN1 ASN2 AAGN1 AAGN2 seed\n"
                "SB5_0 0.4 0.68 0.5 1.0 2 1 45000\n")  # fmt: skip
    found = sets.parameters(tmp_path, "Ramses", "SB5", 0)
    assert found == {
        "Omega_m": 0.4,
        "sigma_8": 0.68,
        "A_SN1": 0.5,
        "A_SN2": 2.0,
        "A_AGN1": 0.5,
        "A_AGN2": 0.5,
    }
    assert not caplog.records
    assert sets.parameters(tmp_path, "Ramses", "SB5", 1) == {}
    assert "SB5_1: its parameters aren't known" in caplog.text
    assert "doesn't list it" in caplog.text
    assert sets.parameters(tmp_path, "SIMBA", "LH", 1) == {}
    assert sets.parameters(tmp_path, "SIMBA", "LH", 2) == {}
    assert caplog.text.count("SIMBA L25n256 LH: the parameters of its simulations") == 1
    caplog.clear()
    assert sets.parameters(tmp_path, "SIMBA", "CV", 1) == {}  # varies no parameters
    assert not caplog.records


def test_seeds_come_from_the_table_then_from_the_rules_then_not_at_all(tmp_path, caplog):
    caplog.set_level(logging.INFO, "cgmhelpers")
    path = tmp_path / "Sims/SIMBA/L25n256/LH/CosmoAstroSeed_SIMBA_L25n256_LH.txt"
    path.parent.mkdir(parents=True)
    path.write_text(f"#Name {SIX} seed\nLH_17 0.3 0.8 1 1 1 1 5017999999\n")
    assert sets.seed(tmp_path, "SIMBA", "LH", 17) == 5017999999
    assert sets.seed(tmp_path, "SIMBA", "LH", 18) == 5018  # not in this table
    assert sets.seed(tmp_path, "IllustrisTNG", "LH", 18) == 18
    # The same in each suite: twins. Three of the first volume have another seed than the rest.
    for suite in ("IllustrisTNG", "SIMBA", "Swift-EAGLE"):
        assert [sets.seed(tmp_path, suite, "CV", k) for k in (0, 2, 26)] == [1, 3999666, 27]
    assert (
        sets.seed(tmp_path, "Astrid", "1P", "p1_n2") == sets.seed(tmp_path, "SIMBA", "BE", 3) == 67
    )
    assert sets.seed(tmp_path, "IllustrisTNG", "1P", "p1_n2", "L50n512") == 18
    assert not caplog.records
    assert sets.seed(tmp_path, "Mine", "LH", 4) == sets.UNKNOWN_SEED
    assert "Mine LH_4" in caplog.text
    path.write_text(f"#Name {SIX} seed\nLH_17 0.3 0.8 1 1 1 1 5\nLH_18 0.3 0.8 1 1 1 1 6\n")
    assert sets.seed(tmp_path, "SIMBA", "LH", 17) == 5  # a table that changed is read again
