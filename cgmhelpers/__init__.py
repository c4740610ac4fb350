"""Properties of the circum-galactic medium from X-ray and HI maps of CAMELS simulations.

Its packages, in the order of the data; each imports only those above it:

- `errors`: `CGMError` and its few kinds; each says what was found and what was expected
- `system`: files that are whole or absent, provenance, processes, progress
- `halos`: classes, selection of particles, the six properties, populations, overdensity
- `emission`: what an element of gas emits or absorbs, and the fields that maps show
- `simulations`: snapshots and catalogues of many codes, in physical units
- `maps`: halos of a simulation to maps, maps on disk, limits
- `statistics`: how good predictions are, and how sure one can be of that
- `mock`: writes a mock CAMELS tree: halos, gas of each feedback model, files
- `network`: the moment network, its training and tuning
- `paper`: the tables and statements of the paper, and how a run stands to them
- `inference`: predictions, ensembles, joint posteriors, baselines, attribution
- `figures`: the figures of the book, one function each
- `explorer`: halos to explore by hand: live, and on a page without a kernel
- `sky`: what an observatory sees of a halo, its files, and what a network says of them
- `runs`: a run: its parameters, stages, notebooks and book
- `cli`: the command `cgm`

Importing it costs nothing: packages are loaded when they are first used.
"""

from importlib import metadata

import lazy_loader

try:
    __version__ = metadata.version(__name__)
except metadata.PackageNotFoundError:  # a checkout in the path, where nothing is installed
    __version__ = "0+unknown"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cli",
        "errors",
        "emission",
        "explorer",
        "figures",
        "halos",
        "inference",
        "maps",
        "mock",
        "network",
        "paper",
        "runs",
        "simulations",
        "sky",
        "statistics",
        "system",
    ],
    submod_attrs={"runs.run": ["Run"], "simulations.simulation": ["Simulation"]},
)
