"""Trident without its first-use dialogue, for comparisons."""

import os
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from cgmhelpers.emission import hydrogen


def import_trident():
    """Import Trident without its first-use dialogue.

    Without a complete configuration ``import trident`` asks questions on standard input, downloads
    a table and writes ``~/.trident/config.tri``. Here Trident is then imported as for the build of
    its documentation, which touches nothing, and takes the table of this library as its default.

    Returns
    -------
    module
        ``trident``.
    """
    if is_configured():
        import trident

        return trident
    switch, before = "READTHEDOCS", os.environ.get("READTHEDOCS")
    os.environ[switch] = "True"
    try:
        import trident
        from trident import config, ion_balance, ray_generator, spectrum_generator
    finally:
        if before is None:
            del os.environ[switch]
        else:
            os.environ[switch] = before
    if config.on_rtd:
        table = hydrogen.table_path()
        config.ion_table_dir, config.ion_table_file = str(table.parent), table.name
        # Each of these copied the name when it was imported.
        for module in (config, ion_balance, ray_generator, spectrum_generator):
            module.ion_table_filepath = str(table)
    return trident


def is_configured():
    """Tell whether Trident would find a configuration and the ion table that it names."""
    local, user = Path.cwd() / "config.tri", Path.home() / ".trident" / "config.tri"
    parser = ConfigParser()
    try:
        parser.read(local if local.exists() else user)
        folder, name = (parser.get("Trident", f"ion_table_{part}") for part in ("dir", "file"))
    except (ConfigError, UnicodeDecodeError):
        return False
    return (Path(folder).expanduser() / name).is_file()
