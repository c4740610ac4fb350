"""The rows of a table of predictions that a figure of the paper shows."""

from cgmhelpers.figures.style import field_names, limit_name, suite_name


def choose(predictions, item, fields, limits, across=False, suite=None, source=None):
    """Select the predictions that a figure of the paper shows, and describe them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        From ``Run.predictions``.
    item : str
        Figure or table, for the description.
    fields : sequence of str
        Its inputs, such as ``["xray", "hi"]`` or ``["xray+hi"]``.
    limits : str
        Limits of its maps.
    across : bool
        Include networks that are tested on other suites.
    suite : str, optional
        The only suite of the figure; the first suite of a run that lacks it.
    source : str, optional
        Name of the data, which marks mock suites.

    Returns
    -------
    rows : pandas.DataFrame
        Empty if the run lacks the inputs.
    said : str
        A sentence that names inputs, limits and halos, and inputs that the run lacks.
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
    said += f" of {suite_name(suite, source)}." if suite else "."
    lacking = [field_names(name) for name in fields if name not in have]
    return rows, said + (f" This run has no {', no '.join(lacking)}." if lacking else "")
