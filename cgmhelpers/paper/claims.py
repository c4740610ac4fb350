"""Verdicts on the paper's claims, from a run.

A statement is a number with a threshold. It holds if the bootstrap interval of the number lies on
the stated side, and fails if it lies on the other. If the interval contains the threshold, if the
run lacks the data, or if the training of a network behind the number is unfinished, the statement
can't be decided.
"""

import numpy as np
import pandas as pd

from cgmhelpers.errors import ResultError
from cgmhelpers.paper.notation import html, of_mock, with_interval
from cgmhelpers.paper.statements import BESIDE, CLAIMS
from cgmhelpers.statistics import resampling

HOLDS, FAILS, OPEN = "holds", "does not hold", "can't be decided"
VERDICTS = (HOLDS, FAILS, OPEN)
SYMBOLS = {HOLDS: "✔", FAILS: "✘", OPEN: "?"}
IN_THE_MOCK = {"yes": "built in", "in part": "partly built in", "no": "not built in"}
"""What a reader sees of `Claim.built_in`: words that need no title of a column."""
LEVEL = 0.95
"""Probability of the intervals."""


def verdict(low, high, threshold, above):
    """Judge an interval by its side of a threshold.

    Parameters
    ----------
    low, high : float
        Ends of the interval; NaN if there is none.
    threshold : float
        The threshold of the statement.
    above : bool
        True if the statement says that the number is above the threshold.

    Returns
    -------
    str
        One of `VERDICTS`; decided only if the interval excludes the threshold.
    """
    if low > threshold:
        return HOLDS if above else FAILS
    if high < threshold:
        return FAILS if above else HOLDS
    return OPEN


def judge(evidence, claims=CLAIMS):
    """Test statements on a run.

    Parameters
    ----------
    evidence : Evidence
        The run's tables.
    claims : sequence of Claim
        Statements.

    Returns
    -------
    pandas.DataFrame
        A row for each statement: number, statement, section, quantity, claimed (such as
        ``"> 1"``), value, low and high (the 95% bootstrap interval), verdict, reason (of a missing
        number, or empty), built_in, items, threshold.
    """
    rows = []
    for claim in claims:
        value = low = high = np.nan
        reason = ""
        try:
            draws = claim.measure(evidence)
            value, (low, high) = float(draws[0]), map(float, resampling.interval(draws[1:], LEVEL))
        except ResultError as error:
            reason = str(error)
        rows.append(
            {
                "number": claim.number,
                "statement": claim.statement,
                "section": claim.section,
                "quantity": claim.quantity,
                "claimed": f"{'>' if claim.above else '<'} {claim.threshold:g}",
                "value": value,
                "low": low,
                "high": high,
                "verdict": verdict(low, high, claim.threshold, claim.above),
                "reason": reason,
                "built_in": claim.built_in,
                "items": ", ".join(claim.items),
                "threshold": claim.threshold,
            }
        )
    return pd.DataFrame(rows)


def beside(evidence, item, mock=False):
    """Write the verdicts on the statements about a figure or table of the paper.

    Parameters
    ----------
    evidence : Evidence
        The run's tables.
    item : str
        Figure or table, such as ``"Fig. 3"``.
    mock : bool
        Name the mock suites that a quantity was measured on, and the statements that the mock
        suite was built to show.

    Returns
    -------
    str
        A list in Markdown, an entry for each statement.
    """
    chosen = [claim for claim in (*BESIDE, *CLAIMS) if item in claim.items]
    return "\n".join(_entry(row, mock) for row in judge(evidence, chosen).itertuples())


def readable(table, mock=False):
    """Condense a table of verdicts to the width of a page.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`judge`.
    mock : bool
        Name the mock suites that a quantity was measured on.

    Returns
    -------
    pandas.DataFrame
        A row for each statement, all text: number, statement with its section, quantity, result
        (value, interval and claim, or the reason of a missing number), verdict, and whether the
        mock suite was built to show it.
    """
    return pd.DataFrame(
        {
            "number": table["number"],
            "statement": table["statement"] + " (Section " + table["section"] + ")",
            "quantity": table["quantity"].map(of_mock) if mock else table["quantity"],
            "result": [_result(row) for row in table.itertuples()],
            "verdict": table["verdict"].map(SYMBOLS) + " " + table["verdict"],
            "in the mock": table["built_in"].map(IN_THE_MOCK),
        }
    )


def _result(row):
    return row.reason or f"{with_interval(row.value, row.low, row.high)}, claimed {row.claimed}"


def _entry(row, mock):
    built = {
        "yes": " The mock was built so as to show this.",
        "in part": " This rests in part on how the mock was built.",
    }
    measured = of_mock(row.quantity) if mock else row.quantity
    statement, quantity = (one.replace("*", r"\*") for one in (row.statement, measured))
    return html(
        f"- {SYMBOLS[row.verdict]} **{row.verdict}** on this run: {statement}. "
        f"*{quantity}:* {_result(row)}."
        f"{built.get(row.built_in, '') if mock else ''}"
    )
