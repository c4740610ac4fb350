"""The command line: ``cgm``.

Its files, each of which imports only those above it:

- `options`: options that commands share
- `data_commands`: files of simulations
- `run_commands`: a run: maps, networks, notebooks, book
- `sky_commands`: observed images
- `command`: the command `cgm` itself
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["command", "data_commands", "options", "run_commands", "sky_commands"],
    submod_attrs={"command": ["app", "main"]},
)
