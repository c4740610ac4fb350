"""The static explorer: a few halos that travel with a page, no kernel and no network needed."""

import base64
import html
import io
import json
import uuid
from dataclasses import asdict, replace

import numpy as np
from PIL import Image

from cgmhelpers.errors import ParameterError
from cgmhelpers.explorer import export
from cgmhelpers.explorer.description import describe, script
from cgmhelpers.explorer.scene import Choice, estimate, scene
from cgmhelpers.maps.projection.frame import AXES

DEPTHS = (-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0)
"""The reader's own limits that are computed beforehand, in decades above the survey's."""


class Page:
    """An explorer that a page can hold.

    Parameters
    ----------
    markup : str
        What the notebook shows.
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
        Rows of its table, each once.
    """
    table = collection.table
    first = table[table["suite"] == table["suite"].iloc[0]]
    steps = np.linspace(first["log_mass"].min(), first["log_mass"].max(), masses)
    numbers = [int((first["log_mass"] - step).abs().idxmin()) for step in steps]
    twins = [twin for number in numbers for twin in collection.twins(number).values()]
    return list(dict.fromkeys([*numbers, *twins]))


def page(collection, halos=None):
    """Put some halos of a collection onto a page.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    halos : sequence of int, optional
        Rows of its table; :func:`chosen_halos` by default. A halo takes about 60 kB.

    Returns
    -------
    Page
        Shows itself in a notebook: the explorer, or where scripts don't run a plain figure.

    Raises
    ------
    ParameterError
        If there is no halo.
    """
    halos = chosen_halos(collection) if halos is None else sorted({int(n) for n in halos})
    if not halos:
        raise ParameterError("There is no halo to put onto the page.", expected="at least one")
    table = collection.table.loc[halos]
    own = table[table["suite"] == table["suite"].iloc[0]]
    first = Choice(int(own["log_mass"].idxmax()), fields=collection.fields)
    about = describe(collection, halos)
    sets = [one for one in about["fieldSets"] if len(one) in (1, len(collection.fields))]
    about |= {"fieldSets": sets, "depths": DEPTHS, "networks": []}
    content = {"about": about, "start": asdict(first), "tiles": {}, "scenes": {}, "moments": {}}
    for number in halos:
        tiles = []
        for axis in AXES:
            for limits, depth in (("ideal", 0.0), *(("own", depth) for depth in DEPTHS)):
                chosen = replace(first, halo=number, axis=axis, limits=limits, depth=depth)
                found = scene(collection, chosen)
                levels = [picture.pop("levels") for picture in found["images"]]
                tiles += levels if limits == "ideal" else []
                key = f"{number}/{axis}/{limits if limits == 'ideal' else DEPTHS.index(depth)}"
                content["moments"] |= _moments(collection, chosen, sets, key)
                for name in ("network", "mean", "std"):
                    del found[name]
                found["twins"] = {s: n for s, n in found["twins"].items() if n in halos}
                content["scenes"][key] = found
        content["tiles"][number] = _png(tiles, collection.pixels)
    return Page(_markup(content, export.picture(collection, first), collection.name(first.halo)))


def _moments(collection, chosen, sets, key):
    """What the networks of every set of fields infer: [network, mean, std]."""
    found = {}
    for names in sets:
        network, moments = estimate(collection, replace(chosen, fields=tuple(names)))
        mean, std = moments if moments is not None else (None, None)
        found[f"{key}/{'+'.join(names)}"] = [network, mean, std]
    return found


def _png(tiles, pixels):
    """One grey picture of all tiles of a halo, axis by axis and field by field, as base64."""
    levels = np.frombuffer(b"".join(tiles), dtype=np.uint8).reshape(-1, pixels)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _markup(content, picture, name):
    """HTML of the explorer: the figure, which the script replaces, data and script."""
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
