"""Kinds of stages of a run: small objects that any process can run.

Each stage makes one thing at its ``path``. ``is_done()`` tells whether it is there and was made
from the same things; ``run()`` makes it. ``needs()`` lists the paths of stages that it is made
from, and ``choices()`` what it depends on beside them and the files of simulations, so that one can
say why it isn't done.
"""

import json

import pandas as pd

from cgmhelpers.errors import DataNotFoundError
from cgmhelpers.system import files, provenance


class Stage:
    """A stage that no other stage comes before, and that nothing is left of if it's interrupted."""

    def needs(self):
        """List the paths of the stages that it is made from."""
        return []

    def choices(self):
        """Return what it depends on beside `needs` and the files of simulations: plain values."""
        return []

    def begun(self):
        """Say how far an interrupted one came; empty if it starts anew."""
        return ""


class Noted(Stage):
    """A stage that notes, beside what it makes at `path`, what it made that from."""

    def note(self):
        """Read the note, which is empty if there is none."""
        try:
            return json.loads(self.path.with_suffix(".json").read_text())
        except (OSError, ValueError):
            return {}

    def write_note(self, **entries):
        """Write the note.

        Parameters
        ----------
        **entries
            Plain values.
        """
        with files.whole(self.path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(entries))


class Table(Noted):
    """A stage that writes a table, and the note that makes it count.

    Its ``parts()`` are what the table depends on; ``table()`` makes it.
    """

    def fingerprint(self):
        """Digest what the table depends on."""
        return provenance.fingerprint(**self.parts())

    def is_done(self):
        """Tell whether the table is there, and was made from the same things."""
        fingerprint = self.fingerprint()  # first, as it names an input that lacks
        return self.path.is_file() and self.note().get("fingerprint") == fingerprint

    def run(self):
        """Make and write the table."""
        fingerprint = self.fingerprint()
        self.write(self.table(), fingerprint=fingerprint)

    def write(self, table, **note):
        """Write the table, and then its note.

        Parameters
        ----------
        table : pandas.DataFrame
            The table.
        **note
            Entries of the note.
        """
        # Never the note of one table beside another.
        self.path.with_suffix(".json").unlink(missing_ok=True)
        if "realisation" in table and table["realisation"].dtype == object:
            # Numbers and, in the set 1P, names: Parquet has one type a column.
            table = table.astype({"realisation": str})
        with files.whole(self.path) as temporary:
            table.to_parquet(temporary)
        self.write_note(**note)


def run(stage):
    """Run a stage, in whatever process.

    Parameters
    ----------
    stage : Stage
        The stage.
    """
    stage.run()


def read_table(path):
    """Read a table that a stage wrote.

    Parameters
    ----------
    path : path
        Of the table.

    Returns
    -------
    pandas.DataFrame
        Realisations that are numbers are whole numbers, also beside the names of the set 1P.
    """
    table = pd.read_parquet(path)
    if "realisation" in table and table["realisation"].dtype.kind not in "iu":
        numbers = [int(one) if str(one).isdigit() else one for one in table["realisation"]]
        table["realisation"] = pd.Series(numbers, table.index, dtype=object)
    return table


class OfSimulation:
    """A stage that reads a simulation, and that is done without it once it was done with it."""

    def choices(self):
        """Return its settings and the snapshot."""
        return [_plain(self.settings()), self.simulation.snapshot]

    def is_done(self):
        """Tell whether the result is there, and was made from these files, or from lost ones."""
        note = self.note()
        if is_there(self.simulation):
            provenance.remember(note.get("files", ()))
            return super().is_done()
        done = self.path.exists() and note.get("settings") == _plain(self.settings())
        if not done and isinstance(self.source, str):
            self.entries()  # says which file lacks, before anything is made
        return done

    def entries(self):
        """Return what the note says of files and settings."""
        sim = self.simulation
        known = provenance.digests(*sim.snapshot_files, *sim.catalogue_files)
        about = {"mock": sim.is_mock, "box_size": float(sim.header.box_size)}
        return {"settings": _plain(self.settings()), "files": known, **about}


def is_there(sim):
    """Tell whether the files of a simulation are there.

    Parameters
    ----------
    sim : Simulation
        The simulation.

    Returns
    -------
    bool
    """
    try:
        return bool(sim.snapshot_files and sim.catalogue_files)
    except DataNotFoundError:
        return False


def _plain(values):
    return json.loads(json.dumps(values, default=str))
