"""Explore halos by hand: live, with a kernel, and on a page without one.

Both look the same, since one script draws them. They differ in whom it asks for a *scene* (levels
of the images, profiles, what a network infers): :class:`cgmhelpers.explorer.live.Explorer` has
the kernel compute each, :func:`cgmhelpers.explorer.static.page` computes those of a few halos
beforehand and puts them into the page.

Its files, each of which imports only those above it:

- `collection`: the halos to explore, with their maps and networks
- `scene`: what one view of a halo shows
- `description`: what the script needs to know of fields, properties and halos
- `export`: maps to FITS, pictures and tables
- `computing`: networks and maps as scripts that a page runs
- `static`: a page without a kernel
- `live`: the widget
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["collection", "computing", "description", "export", "live", "scene", "static"],
    submod_attrs={
        "collection": ["Collection", "collect"],
        "live": ["explore"],
        "static": ["page"],
    },
)
