"""Which rows of a table of predictions a figure of the paper shows."""

from cgmhelpers.figures.style import field_names, limit_name


def choose(predictions, item, fields, limits, across=False, suite=None):
    """Take the predictions that a figure of the paper shows, and say what they are.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``.
    item : str
        Figure or table, for the sentence.
    fields : sequence of str
        Inputs that it shows, such as ``["xray", "hi"]`` or ``["xray+hi"]``.
    limits : str
        Limits of the maps that it shows.
    across : bool
        Whether networks are tested on every suite, or on their own only.
    suite : str, optional
        The only suite that it shows; where the run hasn't got it, its first one.

    Returns
    -------
    rows : pandas.DataFrame
        Empty where the run has nothing of the figure.
    said : str
        A sentence: what is shown, and what this run lacks of it.
    """
    have = [name for name in fields if name in set(predictions["fields"])]
    chosen = predictions["fields"].isin(have) & (predictions["limits"] == limits)
    if not across:
        chosen &= predictions["suite_train"] == predictions["suite_test"]
    if suite is not None:
        present = list(dict.fromkeys(predictions["suite_test"]))
        suite = suite if suite in present else present[0]
        chosen &= predictions["suite_test"] == suite
    rows = predictions[chosen]
    wanted = ", ".join(map(field_names, fields))
    if rows.empty:
        inputs = ", ".join(map(field_names, dict.fromkeys(predictions["fields"])))
        maps = ", ".join(map(limit_name, dict.fromkeys(predictions["limits"])))
        several = " and " in item or " to " in item
        verbs = "are left out: they need" if several else "is left out: it needs"
        return rows, (
            f"{item} {verbs} {wanted} with {limit_name(limits)}, and this run has "
            f"{inputs} with {maps}."
        )
    halos = len(rows.drop_duplicates(["suite_test", "realisation", "group"]))
    shown = ", ".join(map(field_names, dict.fromkeys(have)))
    said = f"{item}: {shown}, {limit_name(limits)}, {halos} test halos"
    said += f" of {suite}." if suite else "."
    lacking = [field_names(name) for name in fields if name not in have]
    return rows, said + (f" This run has no {', no '.join(lacking)}." if lacking else "")
