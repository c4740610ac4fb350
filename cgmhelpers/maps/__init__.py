"""Halos of a simulation to maps, maps on disk, and maps with limits.

Its files, each of which imports only those above it:

- `projection`: kernel-smoothed deposit onto pixels: a slow obvious backend, a fast one, and one
  of yt
- `gathering`: what the gas about each halo deposits, in one pass over the file
- `store`: maps on disk: xarray on zarr
- `making`: halos of a simulation to maps
- `limits`: limits of a survey, and coarser pixels
- `summaries`: numbers that summarise each map: totals, core, quantiles
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["gathering", "limits", "making", "projection", "store", "summaries"],
    submod_attrs={
        "limits": ["apply_limits", "coarsen"],
        "making": ["is_made", "make"],
        "projection.frame": ["AXES", "Frame"],
        "projection.images": ["project", "project_many"],
        "store": ["open", "verify"],
        "summaries": [
            "EVALUATION_AXIS",
            "features",
            "map_statistics",
            "map_totals",
            "maps_of",
            "mass_from_total",
            "suite_totals",
        ],
    },
)
