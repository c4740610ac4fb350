"""Kernel-smoothed deposit of gas elements onto images, along the three axes.

Its files, each of which imports only those above it:

- `frame`: lines of sight, pixels and depth of an image
- `kernel`: the cubic-spline kernel, seen from the side
- `tables`: tables of the kernel: its integral image, and products that stand for it
- `reference`: the slow, obvious backend that the fast one is tested against
- `stamps`: stamps of single elements
- `pyramid`: grids for large elements, and their prolongation to the image
- `surroundings`: how faint an image is about each element, which decides on its stamp
- `bounds`: how wrong stamps may be
- `faint`: pixels that stamps may get wrong, which are done again
- `numba_backend`: the fast backend
- `yt_backend`: what a user of yt would do: pencil beams, so that mass is not conserved
- `images`: `project`: the same images from each backend
- `arriving`: how much of what lies in the frame arrives on a map
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "arriving",
        "bounds",
        "faint",
        "frame",
        "images",
        "kernel",
        "numba_backend",
        "pyramid",
        "reference",
        "stamps",
        "surroundings",
        "tables",
        "yt_backend",
    ],
    submod_attrs={
        "arriving": ["arriving_fraction"],
        "frame": ["AXES", "Frame", "other_axes"],
        "images": ["BACKENDS", "project", "project_many"],
    },
)
