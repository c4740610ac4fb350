"""Tables and captions for readers: names in words, units, no more digits than are known."""

import numbers

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from cgmhelpers.figures.style import SUITE_COLOURS, limit_name, suite_name
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.paper.notation import html

COLUMNS = {
    "suite_train": "trained on",
    "suite_test": "tested on",
    "halo_class": "class",
    "log_mass": "log <i>M</i><sub>200c</sub> [M<sub>☉</sub>]",
    "n": "halos",
    "rmse": "RMSE",
    "relative_error": "relative error <i>ε</i>",
    "reduced_chi2": "reduced <i>χ</i>²",
    "chi2": "<i>χ</i>²",
    "chi2_worst": "worst <i>χ</i>²",
    "crps": "CRPS",
    "coverage_68": "68% cover",
    "coverage_95": "95% cover",
    "unbounded_68": "68% unbounded",
    "unbounded_95": "95% unbounded",
    "rmse_home": "RMSE at home",
    "error_usable": "error, not flagged",
    "error_flagged": "error, flagged",
    "q16": "16%",
    "q50": "median",
    "q84": "84%",
    "auc": "area under the curve",
    "alike": "like single suites",
    "alike_change": "change",
    "inner": "share within 200 kpc",
    "inner_change": "change of the share",
    "r200c": "<i>R</i><sub>200c</sub> [kpc]",
    "group": "number",
    "std": "error",
    "std_network": "own error",
    "std_aleatoric": "from the map",
    "std_epistemic": "from the training",
    "p_value": "p value",
    "p_adjusted": "adjusted p value",
    "validation_loss": "validation loss",
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "best_epoch": "best epoch",
    "size": "values",
    "50%": "median",
}
"""Names of columns that differ from what a reader calls them; underscores become spaces."""
ABBREVIATIONS = {name: name.upper() for name in ("mmd", "coral", "dann", "rmse", "crps")}
"""Methods and metrics whose names are abbreviations."""
CLASSES = {one.name: one.label for one in HALO_CLASSES}
NO_BREAK = ",\u00a0"
"""Between the ends of an interval, which stay in one line."""
SENTENCE = 30
"""Characters beyond which a cell is more than a name."""
SMALL, LARGE = 0.01, 1e7
"""Columns whose largest number is beyond these have powers of ten."""


def tabulate(table, caption=None, source=None, percent=(), by_row=False):
    """Format a table for readers.

    Parameters
    ----------
    table : pandas.DataFrame or pandas.Series
        With the names that the library uses.
    caption : str, optional
        Says what the numbers are.
    source : str, optional
        Name of the data, which marks mock suites and ends the caption.
    percent : sequence
        Columns of shares, to be written in percent.
    by_row : bool
        True if each row has a quantity, and not each column.

    Returns
    -------
    pandas.io.formats.style.Styler
        Properties, suites, fields, limits and classes in words; numbers with the digits of the
        largest of their quantity, without a negative zero; plain row numbers are hidden.
    """
    table = table.to_frame() if isinstance(table, pd.Series) else table.copy()

    def _name(value):
        return _in_words(value, source)

    def _title(value):
        return COLUMNS[value] if value in COLUMNS else _name(value)

    plain = isinstance(table.index, pd.RangeIndex) or (
        table.index.name is None and is_numeric_dtype(table.index)
    )
    for names in (table.index, table.columns):
        names.names = [name if name is None else _title(name) for name in names.names]
    styler, alike = table.style, None
    if any(table.columns.names):  # values of one quantity have the same digits
        alike = pd.Series(table.select_dtypes("number").to_numpy(float).ravel())
    for place, column in enumerate(table.columns):
        values = table.iloc[:, place]
        if is_numeric_dtype(values) and not is_bool_dtype(values):
            scale, unit = (100, "\u202f%") if column in percent else (1, "")
            write = _writer((values if alike is None else alike) * scale, unit)
            styler.format(lambda v, w=write, s=scale: w(v * s), subset=[column])
        else:
            styler.format(_name, subset=[column])
    if by_row:
        columns = table.select_dtypes("number").columns
        for row, values in table[columns].iterrows():
            styler.format(_writer(values), subset=pd.IndexSlice[[row], columns])
    for level, name in enumerate(table.columns.names):  # a level with a name has values
        styler.format_index(_name if name else _title, axis="columns", level=level)
    styler.format_index(_name, axis="index")
    if plain:
        styler.hide(axis="index")
    if _is_wordy(table):
        styler.set_table_attributes('class="wordy"')
    if caption or source:
        said = html(caption or "") + (
            ". " if caption and source and caption[-1] not in ".?" else " "
        )
        styler.set_caption(f"{said}{source or ''}".strip())
    return styler


def _is_wordy(table):
    """Tell whether a table has columns of sentences: a telephone shows them one below another."""
    texts = [table[one].astype(str) for one in table.select_dtypes(exclude="number")]
    return sum(one.str.len().max() > SENTENCE for one in texts if len(one)) > 1


def _in_words(value, source):
    """Return what a reader calls a value of a table."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return _plain(value, 0)
    if isinstance(value, numbers.Number):
        return _writer(pd.Series([float(value)]))(value)
    if value is None or value is pd.NaT:
        return "–"
    if isinstance(value, dict):
        value = ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list | tuple | set):
        value = ", ".join(_in_words(one, source) for one in value)
    text = str(value)
    known = {
        **CLASSES,
        **ABBREVIATIONS,
        "ideal": limit_name("ideal"),
        "survey": limit_name("survey"),
    }
    if text in known:
        return known[text]
    return html(suite_name(text, source) if text in SUITE_COLOURS else text).replace("_", " ")


def _writer(values, unit=""):
    """Return a function that writes the numbers of a column alike."""
    known = values[np.isfinite(values.astype(float))].astype(float)
    largest = known.abs().max() if len(known) else 0
    powers = 0 < largest < SMALL or largest >= LARGE
    if (known == known.round()).all():
        digits = 0
    elif unit:
        digits = 1
    else:
        digits = 3 if largest < 1 else 2 if largest < 100 else 1 if largest < 1000 else 0

    def _write(value):
        if pd.isna(value):
            return "–"
        if np.isinf(value):
            return "∞" if value > 0 else "−∞"
        if powers and value:
            base, power = f"{value:.1e}".split("e")
            return f"{base}\u202f×\u202f10<sup>{int(power)}</sup>".replace("-", "−") + unit
        return _plain(value, digits) + unit

    return _write


def _plain(value, digits):
    """Write a number with a real minus, thin spaces between thousands, and no negative zero."""
    text = f"{value:,.{digits}f}".replace(",", "\u202f")
    return (text if text.strip("-0.") else text.lstrip("-")).replace("-", "−")


def caption(text):
    """Show what a run found beside a figure; a page has it in the figure's caption.

    Parameters
    ----------
    text : str
        Markdown; empty shows nothing.
    """
    from IPython.display import Markdown, display

    if text:
        display(Markdown(html(text)), metadata={"caption": True})


def with_intervals(table, columns, digits=3):
    """Write numbers and their intervals into one column.

    Parameters
    ----------
    table : pandas.DataFrame
        With intervals from ``<column>_low`` to ``<column>_high``.
    columns : sequence of str
        Columns that have intervals.
    digits : int
        After the decimal point.

    Returns
    -------
    pandas.DataFrame
        Such as "0.095 [0.093, 0.097]" in each of the columns, without those of the intervals; a
        number alone if its interval isn't known, or has no width.
    """
    table = table.copy()
    for name in columns:
        low, high = f"{name}_low", f"{name}_high"
        table[name] = [
            _in_words(None, None) if pd.isna(value) else _with_interval(value, *interval, digits)
            for value, *interval in table[[name, low, high]].to_numpy(float)
        ]
        table = table.drop(columns=[low, high])
    return table


def ends(table, value, names, source=None, digits=2):
    """Say where a quantity is lowest and highest.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each case.
    value : str
        Column of the quantity; intervals in ``<value>_low`` and ``<value>_high``, if there.
    names : sequence of str
        Columns that name a case.
    source : str, optional
        Name of the data, which marks mock suites.
    digits : int
        After the decimal point.

    Returns
    -------
    str
        Such as "from 0.31 (HI, mock SIMBA) to 0.92 (X-ray, mock TNG)".
    """
    rows = table[np.isfinite(table[value].astype(float))].reset_index(drop=True)
    if rows.empty:
        return "not measured"

    def _case(row):
        interval = (row.get(f"{value}_{end}", np.nan) for end in ("low", "high"))
        text = _with_interval(row[value], *interval, digits)
        return f"{text} ({', '.join(_in_words(row[name], source) for name in names)})"

    low, high = (rows.loc[place] for place in (rows[value].idxmin(), rows[value].idxmax()))
    return _case(low) if len(rows) == 1 else f"from {_case(low)} to {_case(high)}"


def method_name(name):
    """Name a method, or a penalty, as readers know it.

    Parameters
    ----------
    name : str
        Such as "mmd".

    Returns
    -------
    str
        Such as "MMD"; other names stay.
    """
    return ABBREVIATIONS.get(name, name)


def _with_interval(value, low, high, digits):
    """Write a number and its interval, if that is known and has a width."""
    text = _plain(value, digits)
    if pd.isna(low) or low == high:
        return text
    return f"{text} [{NO_BREAK.join(_plain(one, digits) for one in (low, high))}]"


def tally(values, plural=None):
    """Say how often each value occurs, the most frequent first.

    Parameters
    ----------
    values : iterable
        Such as verdicts.
    plural : dict of str to str, optional
        How to say a value of several; then the number comes first.

    Returns
    -------
    str
        Such as "better 12 times, undecided twice, worse once", or "10 hold, 1 does not hold".
    """
    counted = pd.Series(list(values)).value_counts()
    if plural is not None:
        return ", ".join(f"{n} {plural.get(name, name) if n > 1 else name}"
                         for name, n in counted.items())  # fmt: skip
    often = {1: "once", 2: "twice"}
    return ", ".join(f"{name} {often.get(n, f'{n} times')}" for name, n in counted.items())
