"""Simulations on disk: where files lie, what their codes call things, physical units.

Its files, each of which imports only those above it:

- `opening`: HDF5 files opened for reading, their faults named
- `hdf5`: columns of HDF5 files, inflated by all cores at once
- `conversions`: from what a code stores to physical quantities
- `dialects`: what each simulation code calls its columns, and in which units
- `layout`: where files lie below a data root, today and before
- `parameter_tables`: the parameters of a set, read by name into one tidy table
- `sets`: which simulations each set holds, and the seeds of their initial conditions
- `attributes`: attributes of a snapshot's file, by Gadget's names in every dialect
- `header`: the header of one file in physical units
- `parts`: the files of one snapshot, which must be whole together
- `particles`: columns of equal length in physical units
- `particle_reader`: rows of one kind of particle from a file, checked
- `reading`: particles of all files of a snapshot, piece by piece
- `catalogue`: positions, masses and radii of halos, checked against the snapshot
- `consistency`: whether snapshot, catalogue and suite belong together, and their units are right
- `locating`: `SimulationFiles`: the files of a simulation
- `simulation`: `Simulation`: gas, particles and halos in physical units
- `discovery`: the simulations of a data root
- `distribution`: files that simulations need from CAMELS' public data, and which are here
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "attributes",
        "catalogue",
        "consistency",
        "conversions",
        "dialects",
        "discovery",
        "distribution",
        "hdf5",
        "header",
        "layout",
        "locating",
        "opening",
        "parameter_tables",
        "particle_reader",
        "particles",
        "parts",
        "reading",
        "sets",
        "simulation",
    ],
    submod_attrs={
        "dialects": ["COLUMN_UNITS"],
        "discovery": ["SUITES", "discover"],
        "simulation": ["GAS_COLUMNS", "Simulation"],
    },
)
