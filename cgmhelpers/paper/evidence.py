"""Statistics of a run that test statements, with their bootstrap draws.

All functions return arrays of ``1 + draws`` values: the first is that of the halos, the others are
those of resampled halos. Networks are compared on the same draws, so the common part of their
errors cancels.
"""

from functools import cached_property

import numpy as np

from cgmhelpers.errors import ResultError
from cgmhelpers.halos.populations import FEW
from cgmhelpers.statistics import metrics, resampling

UNIT = ("realisation", "group")
"""Columns that name a halo within a suite."""


class Sample:
    """Halos of a suite, columns of them, and the weights of the bootstrap draws.

    Parameters
    ----------
    halos : pandas.DataFrame
        Columns realisation, group, log_mass, halo_class.
    columns : dict of hashable to array (H,)
        Values of the halos; NaN for missing ones.
    draws, seed : int
        Number and seed of the draws of the bootstrap.
    doubts : dict of hashable to str, optional
        Columns that decide nothing -> the reason.
    """

    def __init__(self, halos, columns, draws, seed, doubts=None):
        self.halos, self.columns, self.doubts = halos, columns, doubts or {}
        self.weights = np.ones((1, len(halos)))
        if len(halos) >= FEW:
            drawn = resampling.resample(halos, UNIT, draws, seed)
            self.weights = np.concatenate([self.weights, drawn])

    def take(self, *keys, where=None):
        """Return columns of the halos that have a value in all of them.

        Parameters
        ----------
        *keys : hashable
            Columns.
        where : str, optional
            Condition on the columns of `halos`, for ``DataFrame.eval``.

        Returns
        -------
        tuple of array (N,)
            The columns.
        weights : array (1 + draws, N)
            How often each halo counts.

        Raises
        ------
        ResultError
            If a column is missing or decides nothing, or too few halos have all of them.
        """
        missing = [key for key in keys if key not in self.columns]
        if missing:
            raise ResultError(f"the run has no {_words(missing[0])}")
        for key in keys:
            if key in self.doubts:
                raise ResultError(f"the {_words(key)} isn't finished: {self.doubts[key]}")
        chosen = np.all([np.isfinite(self.columns[key]) for key in keys], axis=0)
        if where is not None:
            chosen &= self.halos.eval(where).to_numpy(dtype=bool)
        if chosen.sum() < FEW:
            condition = f" with {where}" if where else ""
            raise ResultError(f"too few halos: {chosen.sum()} of at least {FEW}{condition}")
        return tuple(self.columns[key][chosen] for key in keys), self.weights[:, chosen]


class Evidence:
    """Statistics of the tables of a run, with their draws.

    Parameters
    ----------
    predictions : pandas.DataFrame, optional
        From ``Run.predictions``.
    halos : pandas.DataFrame, optional
        From ``Run.halos``.
    totals : pandas.DataFrame, optional
        From `cgmhelpers.maps.summaries.suite_totals`.
    unfinished : pandas.DataFrame, optional
        From :func:`cgmhelpers.statistics.quality.unfinished`: networks that decide nothing.
    draws : int
        Bootstrap draws.
    seed : int
        Seed of the draws.
    """

    def __init__(
        self, predictions=None, halos=None, totals=None, unfinished=None, draws=1000, seed=1
    ):
        self.predictions, self.halos, self.totals = predictions, halos, totals
        self.draws, self.seed = draws, seed
        rows = () if unfinished is None else unfinished.itertuples(index=False, name=None)
        self.doubts = {tuple(key): reason for *key, reason in rows}

    @cached_property
    def suites(self):
        """Return the suites of the tests in their order."""
        if self.predictions is None:
            raise ResultError("it needs networks: see the chapter of the claims")
        return list(dict.fromkeys(self.predictions["suite_test"]))

    @cached_property
    def tested(self):
        """Collect the test halos: suite -> sample.

        Keys of its columns are properties for truths, (suite_train, fields, limits, property) for
        posterior means, the same after ``"std"`` for posterior widths, and ``("line", field)`` for
        masses from the sum of a map.
        """
        samples = {}
        for number, suite in enumerate(self.suites):
            own = self.predictions[self.predictions["suite_test"] == suite]
            index = [*UNIT, "log_mass", "halo_class"]
            truths = own.drop_duplicates([*UNIT, "property"])
            truths = truths.pivot(index=index, columns="property", values="truth")
            network = ["suite_train", "fields", "limits", "property"]
            inferred = own.pivot(index=index, columns=network, values=["mean", "std"])
            inferred = inferred.reindex(truths.index)
            halos = truths.index.to_frame(index=False)
            columns = {"log_mass": halos["log_mass"].to_numpy()}
            columns |= {key: truths[key].to_numpy() for key in truths}
            for kind, *key in inferred:
                name = tuple(key) if kind == "mean" else (kind, *key)
                columns[name] = inferred[kind, *key].to_numpy()
            columns |= self._lines(suite, halos)
            samples[suite] = Sample(halos, columns, self.draws, self.seed + number, self.doubts)
        return samples

    def _lines(self, suite, halos):
        """Infer halo masses from a line in the log of a map's sum, fitted to other halos."""
        if self.totals is None:
            return {}
        own = self.totals[self.totals["suite"] == suite]
        known = own.merge(halos[list(UNIT)], how="left", indicator=True)["_merge"] == "both"
        here = halos[list(UNIT)].merge(own, how="left", on=list(UNIT))
        found = {}
        for field in self._fields():
            rest = own[~known.to_numpy() & (own[field] > 0).to_numpy()]
            if len(rest) < 3:
                continue
            fit = np.polynomial.Polynomial.fit(np.log10(rest[field]), rest["log_mass"], 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                found["line", field] = fit(np.log10(here[field].to_numpy()))
        return found

    def _fields(self):
        named = ("suite", "realisation", "group", "log_mass", "halo_class")
        return [name for name in self.totals if name not in named]

    def population(self, suite):
        """Return all halos of a suite, of test, validation and training.

        Parameters
        ----------
        suite : str
            Name of the suite.

        Returns
        -------
        Sample
            Columns: the properties, and the log of a map's sum under the name of its field.
        """
        if suite not in self._populations:
            raise ResultError(f"the run has no {suite}")
        return self._populations[suite]

    @cached_property
    def _populations(self):
        tables = [one for one in (self.halos, self.totals) if one is not None]
        samples = {}
        for number, suite in enumerate(dict.fromkeys(tables[0]["suite"]) if tables else ()):
            table = tables[0][tables[0]["suite"] == suite]
            if len(tables) > 1:
                totals = tables[1][tables[1]["suite"] == suite]
                table = table.merge(totals[[*UNIT, *self._fields()]], how="left", on=list(UNIT))
            columns = {
                name: table[name].to_numpy() for name in table.select_dtypes("number").columns
            }
            if self.totals is not None:
                with np.errstate(divide="ignore"):
                    columns |= {name: np.log10(columns[name]) for name in self._fields()}
            samples[suite] = Sample(table, columns, self.draws, self.seed + number)
        return samples

    # --- statistics of a network (train, fields, limits), of a property and a suite ------------

    def rmse(self, train, fields, limits, name, test=None, where=None):
        """Compute the root mean squared error.

        Parameters
        ----------
        train, fields, limits : str
            The network.
        name : str
            Property.
        test : str, optional
            Suite of the test halos; that of the training by default.
        where : str, optional
            Condition on the halos, as for `Sample.take`.

        Returns
        -------
        array (1 + draws,)
        """
        (truth, mean), weights = self._pair(train, fields, limits, name, test, where)
        with np.errstate(invalid="ignore"):  # draws without any of the halos
            return metrics.rmse(truth[:, None], mean[:, None], weights)[:, 0]

    def r2(self, train, fields, limits, name, test=None, where=None):
        """Compute the coefficient of determination.

        Parameters
        ----------
        train, fields, limits, name, test, where
            As for :meth:`rmse`.

        Returns
        -------
        array (1 + draws,)
        """
        (truth, mean), weights = self._pair(train, fields, limits, name, test, where)
        with np.errstate(invalid="ignore"):  # draws without any of the halos
            return metrics.r2(truth[:, None], mean[:, None], weights)[:, 0]

    def relative_error(self, train, fields, limits, name, where=None):
        """Compute epsilon, the relative error that a network claims in its own suite.

        Parameters
        ----------
        train, fields, limits, name, where
            As for :meth:`rmse`.

        Returns
        -------
        array (1 + draws,)
        """
        if train not in self.suites:
            raise ResultError(f"the run has no {train}")
        key = (train, fields, limits, name)
        (mean, std), weights = self.tested[train].take(key, ("std", *key), where=where)
        with np.errstate(invalid="ignore"):  # draws without any of the halos
            return metrics.relative_error(mean[:, None], std[:, None], weights)[:, 0]

    def offset(self, train, fields, limits, name, test, where=None):
        """Compute the median of inference minus truth.

        Parameters
        ----------
        train, fields, limits, name, test, where
            As for :meth:`rmse`.

        Returns
        -------
        array (1 + draws,)
        """
        (truth, mean), weights = self._pair(train, fields, limits, name, test, where)
        return weighted_median(mean - truth, weights)

    def correlation(self, train, fields, limits, name, test):
        """Compute the rank correlation of truth and inference.

        Parameters
        ----------
        train, fields, limits, name, test
            As for :meth:`rmse`.

        Returns
        -------
        array (1 + draws,)
        """
        (truth, mean), weights = self._pair(train, fields, limits, name, test, None)
        return weighted_correlation(*(one.argsort().argsort() for one in (truth, mean)), weights)

    def scatter_ratio(self, suite, fields, limits, name, where):
        """Divide the scatter of the inferences at fixed mass by that of the truths.

        Parameters
        ----------
        suite, fields, limits, name, where
            As for :meth:`rmse`; scatter as from
            :func:`cgmhelpers.statistics.metrics.scatter_at_fixed_mass`.

        Returns
        -------
        array (1 + draws,)
        """
        (truth, mean, log_mass), weights = self.tested[suite].take(
            name, (suite, fields, limits, name), "log_mass", where=where
        )
        values = np.column_stack([truth, mean])
        of_truth, of_mean = metrics.scatter_at_fixed_mass(values, log_mass, weights).T
        with np.errstate(invalid="ignore", divide="ignore"):  # draws without any of the halos
            return of_mean / of_truth

    def _pair(self, train, fields, limits, name, test, where):
        test = test or train
        if test not in self.suites:
            raise ResultError(f"the run has no {test}")
        return self.tested[test].take(name, (train, fields, limits, name), where=where)


def weighted_mean(values, weights):
    """Compute the weighted mean of values.

    Parameters
    ----------
    values : array (N,)
        Values.
    weights : array (draws, N)
        Numbers, not negative.

    Returns
    -------
    array (draws,)
        NaN for a draw without any of the values.
    """
    with np.errstate(invalid="ignore"):
        return weights @ values / weights.sum(axis=1)


def weighted_median(values, weights):
    """Compute the weighted median of values.

    Parameters
    ----------
    values : array (N,)
        Values.
    weights : array (draws, N)
        Whole numbers.

    Returns
    -------
    array (draws,)
        The lower median.
    """
    order = np.argsort(values)
    counted = np.cumsum(weights[:, order], axis=1)
    place = np.argmax(counted >= counted[:, -1:] / 2, axis=1)
    return np.asarray(values)[order][place]


def weighted_correlation(first, second, weights):
    """Compute Pearson's correlation coefficient with weights.

    Parameters
    ----------
    first, second : array (N,)
        Values.
    weights : array (draws, N)
        Numbers, not negative.

    Returns
    -------
    array (draws,)
    """
    first, second = first - np.mean(first), second - np.mean(second)
    means = [weighted_mean(one, weights) for one in (first, second)]
    product = weighted_mean(first * second, weights) - means[0] * means[1]
    spreads = [
        weighted_mean(one**2, weights) - mean**2
        for one, mean in zip((first, second), means, strict=True)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        return product / np.sqrt(spreads[0] * spreads[1])


def _words(key):
    """Name a column in a sentence."""
    if not isinstance(key, tuple):
        return f"{key} of its halos"
    if key[0] == "line":
        return f"total of the {key[1]} maps"
    train, fields, limits, _ = key[-4:]
    return f"network of {train} for {fields}, {limits} maps"
