"""Explore halos by hand: live, with a kernel, and on a page without one.

Both look the same, since one script draws them. They differ in whom it asks for a *scene* (levels
of the images, profiles, what a network infers): :class:`cgmhelpers.explorer.live.Explorer` has
the kernel compute each, :func:`cgmhelpers.explorer.static.page` computes those of a few halos
beforehand and puts them into the page.
"""

from cgmhelpers.explorer.collection import Collection, collect
from cgmhelpers.explorer.static import page

__all__ = ["Collection", "collect", "explore", "page"]


def explore(collection, folder="."):
    """Explore a collection live, in JupyterLab.

    Parameters
    ----------
    collection : Collection
        From :func:`collect`.
    folder : path
        Where exported files go.

    Returns
    -------
    cgmhelpers.explorer.live.Explorer
        A widget.
    """
    from cgmhelpers.explorer.live import Explorer

    return Explorer(collection, folder)
