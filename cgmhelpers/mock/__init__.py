"""A mock suite in the exact formats of CAMELS: halos, gas of each feedback model, files.

Its files, each of which imports only those above it:

- `profiles`: spherical profiles, and sampling from them
- `chemistry`: elements, hydrogen and electrons
- `web`: the large-scale density field
- `files`: attributes, dialects and settings of the files
- `sets`: parameters, seeds and boxes of the sets CV, LH and 1P
- `tables`: the table of parameters beside each set
- `initial`: halos drawn from the mass function, placed in the web
- `feedback`: the feedback model of each suite
- `responses`: answers of the models to other strengths of feedback
- `outcomes`: what a model makes of each halo
- `budget`: numbers of gas elements for each halo and each phase
- `gas`: columns of gas elements
- `background`: gas and dark matter between halos
- `hot`: hot atmospheres and winds
- `clouds`: cool clouds in bent strands, some along streams
- `discs`: cool gas of galaxies: discs, and satellites with their tails
- `collisionless`: dark matter, stars, wind and black holes
- `overdensity`: halos measured from the particles
- `catalogue`: group catalogues
- `swift`: contents of SWIFT's files besides the particles
- `columns`: columns of each dialect, from physical quantities
- `snapshot`: snapshots
- `suite`: one simulation of the suite
- `alike`: two halos that look alike and have other masses
- `writing`: `write`: the simulations of a suite, with their tables
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "alike",
        "background",
        "budget",
        "catalogue",
        "chemistry",
        "clouds",
        "collisionless",
        "columns",
        "discs",
        "feedback",
        "files",
        "gas",
        "hot",
        "initial",
        "outcomes",
        "overdensity",
        "profiles",
        "responses",
        "sets",
        "snapshot",
        "suite",
        "swift",
        "tables",
        "web",
        "writing",
    ],
    submod_attrs={
        "writing": ["SUITES", "file_paths", "is_written", "write"],
    },
)
