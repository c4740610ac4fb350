"""Maps of halos: making, storing and limiting them.

Its files, each of which imports only those above it:

- `projection`: kernel-smoothed deposits on pixels: a slow reference, a fast backend, and yt's
- `gathering`: the deposits of the gas about each halo, in one pass over the file
- `decoding`: the content of a store's file, checked and decoded
- `lazy`: images that stay in their stores until they are read
- `store`: maps on disk: xarray on zarr
- `making`: maps of the halos of a simulation
- `limits`: the limits of a survey, and coarser pixels
- `corruption`: maps spoiled as observations go wrong
- `summaries`: numbers that summarise each map: totals, core, quantiles
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "corruption",
        "decoding",
        "gathering",
        "lazy",
        "limits",
        "making",
        "projection",
        "store",
        "summaries",
    ],
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
