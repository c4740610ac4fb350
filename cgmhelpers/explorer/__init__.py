"""Interactive explorer of halos: live, with a kernel, and on a page without one.

The same script draws both. A *scene* has the levels of the images, profiles, and the inference of a
network. The kernel of :class:`cgmhelpers.explorer.live.Explorer` computes each scene on request;
:func:`cgmhelpers.explorer.static.page` computes the scenes of a few halos beforehand and puts them
into the page.

Its files, each of which imports only those above it:

- `collection`: the halos to explore, with their maps and networks
- `choice`: what a reader chooses
- `changed`: maps as a reader changed them
- `scene`: the numbers behind a view of a halo
- `description`: fields, properties and halos, described for the script
- `export`: maps to FITS, pictures and tables
- `computing`: networks and maps as scripts that a page runs
- `static`: a page without a kernel
- `live`: the widget
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "changed",
        "choice",
        "collection",
        "computing",
        "description",
        "export",
        "live",
        "scene",
        "static",
    ],
    submod_attrs={
        "collection": ["Collection", "collect"],
        "live": ["explore"],
        "static": ["page"],
    },
)
