"""Files, provenance, processes and progress: the ground of every other package.

Its files, each of which imports only those above it:

- `files`: files that are whole or absent, checksums, the cache folder
- `provenance`: fingerprints of what a result depends on, and the record of what made it
- `compiling`: functions compiled by numba, cached where a folder can be written
- `progress`: progress bars, and the rule that decides whether they show
- `heartbeat`: signs of life, for processes that share a folder
- `parallel`: tasks on a Dask cluster, and work in threads
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["compiling", "files", "heartbeat", "parallel", "progress", "provenance"],
)
