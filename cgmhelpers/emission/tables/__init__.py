"""The making of the tables that are shipped; each can be made again.

Its files, each of which imports only those above it:

- `archives`: releases of other projects, fetched once and checked
- `apec`: X-ray bands, folded from pyXSIM spectra
- `uvb`: the UV background, and the table of neutral hydrogen
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["apec", "archives", "uvb"],
)
