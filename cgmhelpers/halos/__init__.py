"""Halos: classes, particles near them, and their properties.

Its files, each of which imports only those above it:

- `classes`: the columns that name a halo, classes by mass, centres
- `cosmology`: the CAMELS cosmology, mass functions and power spectra (Colossus)
- `cells`: a coarse grid whose cells list the halos that are near
- `selection`: the particles near each of many halos, in a periodic box
- `overdensity`: spherical-overdensity masses and radii from profiles of enclosed mass
- `reading`: one pass over a snapshot for all measurements
- `measuring`: sums over the particles of halos, and their overdensity
- `properties`: the six properties, equations 1 to 6, from the sums
- `populations`: mass functions, trends with mass, and the order of the suites
- `twins`: halos of the same initial conditions in several suites
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cells",
        "classes",
        "cosmology",
        "measuring",
        "overdensity",
        "populations",
        "properties",
        "reading",
        "selection",
        "twins",
    ],
    submod_attrs={
        "classes": ["HALO", "HALO_CLASSES", "centres", "halo_class"],
        "measuring": ["Measured", "Measuring", "measure"],
        "overdensity": ["critical_density", "spherical_overdensity"],
        "populations": ["expected_mass_function", "mass_function", "ranking", "trend", "verdicts"],
        "properties": ["PROPERTIES"],
        "selection": ["in_frames"],
    },
)
