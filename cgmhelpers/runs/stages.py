"""The tasks of a run's stages: functions of plain arguments, so that any process can run them.

Each writes one thing, and skips it where it is there and was made from the same things. With
``check=True`` it only tells whether that is so.
"""

import json

import pandas as pd

from cgmhelpers.halos import properties
from cgmhelpers.maps import making
from cgmhelpers.maps.store import stored_fingerprint, verify
from cgmhelpers.simulations import consistency
from cgmhelpers.system import files, provenance


def write_mock(root, suites, realisations, cells, seed, set_name, snapshot, check=False):
    """Write mock simulations.

    Parameters
    ----------
    root : path
        Data root.
    suites, realisations, cells, seed, set_name, snapshot
        As for :func:`cgmhelpers.mock.writing.write`.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.mock import writing

    if check:
        return all(
            writing.is_written(root, suite, realisation, cells, seed, set_name, snapshot)
            for suite in suites
            for realisation in realisations
        )
    writing.write(
        root,
        suites=suites,
        realisations=realisations,
        cells=cells,
        seed=seed,
        set_name=set_name,
        snapshot=snapshot,
        progress=False,
        overwrite=True,  # the run's own folder: other settings mean that the user changed them
    )
    return True


def measure_halos(sim, path, minimum_log_mass, maps=None, check=False):
    """Measure the six properties of a simulation's halos, and write the table.

    Maps that lack are made in the same pass over the snapshot, after the table is written.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    path : Path
        Parquet file to write.
    minimum_log_mass : float
        Lower limit of log10 M200c [Msun].
    maps : tuple, optional
        Fields, store and options as for :func:`make_maps`.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    depends = provenance.fingerprint(
        snapshot=provenance.file_identity(sim.snapshot_path),
        catalogue=provenance.file_identity(sim.catalogue_path),
        minimum_log_mass=minimum_log_mass,
    )
    written = is_written(path, depends)
    if check or written:
        return written
    consistency.check_simulation(sim)
    table = sim.halos(10**minimum_log_mass)

    def _keep(measured):
        consistency.check_halos(sim, table, measured["log_m_halo"])
        write_table(measured, path, depends)

    if maps is None or table.empty or make_maps(sim, *maps, check=True):
        _keep(table.join(properties.compute(sim, table, progress=False)))
    else:
        fields, store, options = maps
        making.make(sim, fields, store, when_measured=_keep, progress=False, **options)
    return True


def make_maps(sim, fields, store, options, table=None, check=False):
    """Make the maps of a simulation.

    Parameters
    ----------
    sim : Simulation
        The simulation.
    fields : sequence of str
        Names of the fields.
    store : path
        Map store to write.
    options : dict
        Further arguments of :func:`cgmhelpers.maps.making.make`.
    table : Path, optional
        Its halos with their properties, as :func:`measure_halos` wrote them.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    if check:
        return making.is_made(sim, fields, store, **options)
    measured = None if table is None else pd.read_parquet(table)
    making.make(sim, fields, store, measured=measured, progress=False, **options)
    return True


def train(stores, fields, limits, folder, arguments, check=False):
    """Train one network.

    Parameters
    ----------
    stores, fields, limits, folder
        As for :func:`cgmhelpers.network.training.train`.
    arguments : dict
        ``settings`` (of `TrainingSettings`), ``size`` and ``split_by``, perhaps ``properties``.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.network import training
    from cgmhelpers.network.settings import TrainingSettings

    settings = TrainingSettings(**arguments["settings"])
    options = {name: value for name, value in arguments.items() if name != "settings"}
    if check:
        return training.is_trained(stores, fields, limits, folder, settings, **options)
    for store in stores:
        verify(store)
    training.train(stores, fields, limits, folder, settings, progress=False, **options)
    return True


def tune(stores, fields, limits, folder, arguments, check=False):
    """Work on a study until it has its trials; several processes may, each with its own `worker`.

    Parameters
    ----------
    stores, fields, limits, folder
        As for :func:`cgmhelpers.network.tuning.tune`.
    arguments : dict
        ``settings`` (of `TrainingSettings`), ``trials``, ``size``, ``split_by`` and ``worker``.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.network import tuning
    from cgmhelpers.network.settings import TrainingSettings

    if check:
        return tuning.is_tuned(folder, arguments["trials"])
    settings = TrainingSettings(**arguments["settings"])
    options = {name: value for name, value in arguments.items() if name != "settings"}
    tuning.tune(stores, fields, limits, folder, settings, progress=False, **options)
    return True


def predict(folder, stores, path, check=False):
    """Let one network infer the test halos of every suite, and write the table.

    Parameters
    ----------
    folder : Path
        Of the network.
    stores : dict of str to list of path
        Suite -> map stores.
    path : Path
        Parquet file to write.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.inference import prediction

    depends = provenance.fingerprint(
        # Written last, with the calibration that the widths get.
        network=provenance.file_identity(folder / "network.json"),
        columns=prediction.COLUMNS,
        stores=_fingerprints(stores),
    )
    written = is_written(path, depends)
    if check or written:
        return written
    table = pd.concat([prediction.predict(folder, paths) for paths in stores.values()])
    write_table(table, path, depends)
    return True


def fit_baselines(folders, stores, path, check=False):
    """Fit what several networks are compared with, and write what it infers.

    Parameters
    ----------
    folders : list of Path
        Of networks with the same limits.
    stores : dict of str to list of path
        Suite -> map stores.
    path : Path
        Parquet file to write.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.inference import baselines
    from cgmhelpers.network import checkpoint

    depends = provenance.fingerprint(
        networks=[checkpoint.read_description(folder)["fingerprint"] for folder in folders],
        stores=_fingerprints(stores),
    )
    written = is_written(path, depends)
    if check or written:
        return written
    write_table(baselines.predict(folders, stores), path, depends)
    return True


def flag(folders, stores, predictions, path, check=False):
    """Mark the predictions of several networks for halos unlike those of their trainings.

    Parameters
    ----------
    folders : list of Path
        Of networks with the same limits.
    stores : dict of str to list of path
        Suite -> map stores.
    predictions : list of Path
        Their tables.
    path : Path
        Parquet file to write.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.inference import unfamiliar

    notes = [one.with_suffix(".json").read_text() for one in predictions]
    depends = provenance.fingerprint(predictions=notes)
    written = is_written(path, depends)
    if check or written:
        return written
    tables = pd.concat([pd.read_parquet(one) for one in predictions], ignore_index=True)
    write_table(unfamiliar.flag(tables, folders, stores), path, depends)
    return True


def train_posterior(stores, folder, settings, check=False):
    """Fit the normalising flow of a trained network.

    Parameters
    ----------
    stores : list of path
        Map stores of the network's suite.
    folder : Path
        Of the network.
    settings : dict
        Of `cgmhelpers.inference.posterior.flow.PosteriorSettings`.
    check : bool
        Only tell whether it is done.

    Returns
    -------
    bool
        Whether it is there now.
    """
    from cgmhelpers.inference.posterior import flow
    from cgmhelpers.inference.posterior import training as posterior_training

    settings = flow.PosteriorSettings(**settings)
    if not check:
        posterior_training.train(stores, folder, settings)
    return posterior_training.is_trained(folder, settings)


def _fingerprints(stores):
    """List the fingerprints of map stores, suite by suite."""
    return {suite: [stored_fingerprint(one) for one in paths] for suite, paths in stores.items()}


def is_written(path, fingerprint):
    """Whether a table is there with its note, and was made from the same things.

    Parameters
    ----------
    path : Path
        Of the table.
    fingerprint : str
        Of what it depends on.

    Returns
    -------
    bool
    """
    note = path.with_suffix(".json")
    whole = path.is_file() and note.is_file()
    return whole and json.loads(note.read_text())["fingerprint"] == fingerprint


def write_table(table, path, fingerprint):
    """Write a table, and then the note that makes it count.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    path : Path
        Parquet file to write.
    fingerprint : str
        Of what it depends on.
    """
    note = path.with_suffix(".json")
    note.unlink(missing_ok=True)  # never the note of one table beside another
    with files.whole(path) as temporary:
        table.to_parquet(temporary)
    with files.whole(note) as temporary:
        temporary.write_text(json.dumps({"fingerprint": fingerprint}))


def file_name(sim):
    """Name a simulation's files in a run.

    Parameters
    ----------
    sim : Simulation
        The simulation.

    Returns
    -------
    str
        Like ``SIMBA_CV_3``.
    """
    return f"{sim.suite}_{sim.set_name}_{sim.realisation}"
