"""Tables and captions for readers."""

import re

import numpy as np
import pandas as pd

from cgmhelpers import figures

ROWS = pd.DataFrame(
    {
        "suite_train": ["SIMBA", "IllustrisTNG"],
        "property": ["log_m_halo", "f_cgm"],
        "fields": ["xray+hi", "hi"],
        "halo_class": ["sub_l_star", "group"],
        "limits": ["ideal", "survey"],
        "rmse": [0.1234, -0.00001],
        "coverage": [0.683, np.nan],
        "n": [5300.0, 12.0],
        "learning_rate": [1e-4, 3e-3],
        "options": [{"method": "trident"}, ["a", "b"]],
        "mock": [True, False],
    }
)


def cells(text):
    """Give a table's columns: heading -> texts, without marks."""
    rows = [re.findall(r"<t[hd] .*?>(.*?)</t[hd]>", row) for row in text.split("<tr>")[1:]]
    return {re.sub("<.*?>", "", name): values for name, *values in zip(*rows, strict=True)}


def test_a_table_has_no_name_of_the_library_and_no_negative_zero():
    styler = figures.tabulate(ROWS, "RMSE of log_m_halo", "mock suite", percent=["coverage"])
    text = styler.to_html()
    for raw in ("log_m_halo", "xray", "sub_l_star", "suite_train", "{'", "-0", "True", "nan"):
        assert raw not in text.replace("data-", ""), raw
    table = cells(text)
    assert table["trained on"] == ["mock SIMBA", "mock TNG"]
    assert table["RMSE"] == ["0.123", "0.000"]
    assert table["halos"] == ["5\u202f300", "12"]
    assert table["coverage"] == ["68.3\u202f%", "–"]
    assert table["mock"] == ["yes", "no"]
    assert table["options"] == ["method trident", "a, b"]
    assert table["learning rate"][1] == "3.0\u202f×\u202f10<sup>−3</sup>"


def test_results_on_camels_are_not_called_mock():
    text = figures.tabulate(ROWS, "RMSE", "CAMELS CV set").to_html()
    assert "IllustrisTNG" in text
    assert "mock " not in text


def test_indices_are_named_too():
    wide = ROWS.pivot(index="property", columns="suite_train", values="rmse")
    text = figures.tabulate(wide, source="mock").to_html()
    assert "trained on" in text
    assert "mock TNG" in text
    assert "log <i>M</i><sub>halo</sub>" in text
    wide = ROWS.pivot(index="property", columns="halo_class", values="rmse")
    assert "Group" in figures.tabulate(wide).to_html()


def test_ends_name_both_cases_with_their_intervals():
    said = figures.ends(ROWS, "rmse", ["fields", "suite_train"], "mock")
    assert said == "from 0.00 (HI, mock TNG) to 0.12 (X-ray + HI, mock SIMBA)"
    bounds = ROWS.assign(rmse_low=0.1, rmse_high=0.2)
    assert "0.12 [0.10,\u00a00.20]" in figures.ends(bounds, "rmse", ["suite_train"])
    for end in (np.nan, 0.1):  # not known, or without a width
        bounds = ROWS.assign(rmse_low=end, rmse_high=end)
        assert "[" not in figures.ends(bounds, "rmse", ["suite_train"])
    twice = pd.concat([ROWS, ROWS])  # labels that aren't unique
    assert figures.ends(twice, "rmse", ["fields"]).startswith("from 0.00 (HI)")
    assert figures.ends(ROWS[:0], "rmse", ["fields"]) == "not measured"


def test_intervals_stand_beside_their_numbers():
    table = pd.DataFrame(
        {"method": ["one", "two", "mmd"], "bias": [0.1, -0.2, np.nan],
         "bias_low": [0.05, np.nan, np.nan], "bias_high": [0.15, np.nan, np.nan]}
    )  # fmt: skip
    found = figures.with_intervals(table, ["bias"], 2)
    assert found.columns.tolist() == ["method", "bias"]
    assert found["bias"].tolist() == ["0.10 [0.05,\u00a00.15]", "−0.20", "–"]
    assert table.columns.size == 4
    assert "MMD" in figures.tabulate(found).to_html()


def test_an_interval_without_a_width_is_none():
    table = pd.DataFrame({"bias": [0.1], "bias_low": [0.1], "bias_high": [0.1]})
    assert figures.with_intervals(table, ["bias"], 2)["bias"].tolist() == ["0.10"]


def test_rows_of_several_quantities_have_their_own_digits():
    table = pd.DataFrame({"min": [0.76, 5e5], "max": [0.7612, 3e9]}, index=["share", "mass"])
    found = cells(figures.tabulate(table, by_row=True).to_html())
    assert found["min"] == ["0.760", "5.0\u202f×\u202f10<sup>5</sup>"]
    assert found["max"] == ["0.761", "3.0\u202f×\u202f10<sup>9</sup>"]


def test_a_column_of_several_kinds_has_no_raw_number():
    header = pd.Series({"box": 37252.0, "masses": [0.0, 2703183616.0], "count": 300000, "h": 0.67})
    text = figures.tabulate(header).to_html()
    for raw in ("3.73e+04", "2703183616", "e+"):
        assert raw not in text, raw
    assert "37\u202f252" in text
    assert "300\u202f000" in text


def test_titles_above_a_named_level_are_in_words():
    table = pd.DataFrame(
        [[0.2, 0.3]], columns=pd.MultiIndex.from_product([["std_aleatoric"], ["own", "away"]],
                                                         names=[None, "suite"]))  # fmt: skip
    assert "from the map" in figures.tabulate(table).to_html()


def test_tally_counts():
    assert figures.tally(["worse", "better", "better"]) == "better twice, worse once"
    said = figures.tally(["does not hold", "holds", "holds"], {"holds": "hold"})
    assert said == "2 hold, 1 does not hold"


def test_caption_is_marked_for_the_page(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda text, **marks: shown.append((text, marks))
    )
    figures.caption("R2 is high")
    figures.caption("")
    ((text, marks),) = shown
    assert marks == {"metadata": {"caption": True}}
    assert text.data == "<i>R</i>² is high"


def test_a_table_of_sentences_is_marked_and_one_of_numbers_is_not():
    claims = pd.DataFrame({
        "statement": ["Gas fractions are harder to infer than masses"], "verdict": ["holds"],
        "quantity": ["R2 of the mass less that of the gas fraction"], "value": [0.2],
    })  # fmt: skip
    assert "wordy" in figures.tabulate(claims).to_html()
    assert "wordy" not in figures.tabulate(claims.drop(columns="quantity")).to_html()
    assert "wordy" not in figures.tabulate(claims.iloc[:0]).to_html()
