"""The static explorer: a few halos within a page, which needs neither kernel nor network."""

import base64
import html
import json
import uuid
import zlib
from dataclasses import asdict, replace

import numpy as np

from cgmhelpers.errors import ParameterError
from cgmhelpers.explorer import export
from cgmhelpers.explorer.computing import write_computing
from cgmhelpers.explorer.description import along_masses, describe, script, start
from cgmhelpers.explorer.scene import estimate, scene
from cgmhelpers.maps.projection.frame import AXES

DEPTHS = (-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Limits to choose from whose inferences are in the page, in decades above the survey's."""


class Page:
    """An explorer within a page.

    Parameters
    ----------
    markup : str
        HTML of the explorer.
    """

    def __init__(self, markup):
        self.markup = markup

    def _repr_html_(self):
        return self.markup


def chosen_halos(collection, masses=6):
    """Choose halos evenly over the masses of the first suite, and the same halos in the others.

    Parameters
    ----------
    collection : Collection
        Halos of one or several suites.
    masses : int
        Steps in log mass, from the lightest halo to the heaviest.

    Returns
    -------
    list of int
        Rows of the collection's table, each once.
    """
    numbers = along_masses(collection, masses)
    twins = [twin for number in numbers for twin in collection.twins(number).values()]
    return list(dict.fromkeys([*numbers, *twins]))


def page(collection, halos=None, folder=None):
    """Put some halos of a collection onto a page.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    halos : sequence of int, optional
        Rows of its table; :func:`chosen_halos` by default. A halo takes about 60 kB.
    folder : path, optional
        Where to write the networks and maps that the page loads when its reader asks it to
        compute; without it, the page shows what was computed before.

    Returns
    -------
    Page
        A notebook shows the explorer, or a plain figure if scripts don't run.

    Raises
    ------
    ParameterError
        If there is no halo.
    """
    halos = chosen_halos(collection) if halos is None else sorted({int(n) for n in halos})
    if not halos:
        raise ParameterError("There is no halo to put onto the page.", expected="at least one")
    first = start(collection, halos)
    about = describe(collection, halos)
    sets = [one for one in about["fieldSets"] if len(one) in (1, len(collection.fields))]
    computing = folder and write_computing(collection, halos, sets, folder)
    about |= {"fieldSets": sets, "depths": DEPTHS, "links": True, "computing": computing}
    about["networks"] = list(about["suites"]) if computing else []
    content = {"about": about, "start": asdict(first), "tiles": {}, "scenes": {}, "moments": {}}
    for number in halos:
        tiles = []
        for axis in AXES:
            chosen = replace(first, halo=number, axis=axis)
            found = scene(collection, chosen)
            tiles += [picture.pop("levels") for picture in found["images"]]
            twins = {suite: twin for suite, twin in found["twins"].items() if twin in halos}
            content["scenes"][f"{number}/{axis}"] = {"images": found["images"], "twins": twins}
            content["moments"] |= _moments(collection, chosen, sets)
        content["tiles"][number] = _packed(tiles, collection.pixels)
    return Page(_markup(content, export.picture(collection, first), collection.name(first.halo)))


def _moments(collection, chosen, sets):
    """Return what the networks infer with every limit and set of fields."""
    found = {}
    for names in map(tuple, sets):
        for limits, depth in (("ideal", 0.0), *(("own", depth) for depth in DEPTHS)):
            one = replace(chosen, fields=names, limits=limits, depth=depth)
            which = limits if limits == "ideal" else DEPTHS.index(depth)
            key = f"{one.halo}/{one.axis}/{which}/{'+'.join(names)}"
            inferred = estimate(collection, one)
            del inferred["why"], inferred["blank"]
            for name in ("mean", "std"):
                inferred[name] = inferred[name] and [round(value, 5) for value in inferred[name]]
            found[key] = inferred
    return found


def _packed(tiles, pixels):
    """Pack all tiles of a halo, axis by axis and field by field, with zlib, as base64.

    Each row is what it adds to the last. It isn't a picture: browsers that guard against
    fingerprints change the pixels that a script reads from a canvas.
    """
    levels = np.frombuffer(b"".join(tiles), dtype=np.uint8).reshape(-1, pixels)
    added = np.diff(levels, axis=0, prepend=np.zeros((1, pixels), np.uint8))
    return base64.b64encode(zlib.compress(added.tobytes(), 9)).decode()


def _markup(content, picture, name):
    """Write the HTML of the explorer: data, script, and the figure that the script replaces."""
    identity = f"explorer-{uuid.uuid4().hex[:12]}"
    # "</" would end the script element early.
    data = json.dumps(content, separators=(",", ":")).replace("</", "<\\/")
    figure = base64.b64encode(picture).decode()
    words = html.escape(f"Maps of {name}. With scripts, this figure is an explorer of halos.")
    return (
        f'<div class="cgm-explorer" id="{identity}">'
        f'<img src="data:image/png;base64,{figure}" alt="{words}"></div>'
        f'<script type="application/json" id="{identity}-content">{data}</script>'
        f"<script>(() => {{\n{script('page.js')}\n"
        f'openPage("{identity}");\n}})();</script>'
    )
