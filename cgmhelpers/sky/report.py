"""A page about one object: what was observed, what is inferred, and whether to trust it.

One HTML file that opens without a network: its pictures are inside.
"""

import base64
import html
import io

import numpy as np

from cgmhelpers.emission import fields
from cgmhelpers.figures.words import tabulate
from cgmhelpers.halos.properties import PROPERTIES
from cgmhelpers.paper import notation

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right}"
    "th{border-bottom:1px solid}td:first-child,th:first-child{text-align:left}"
    "img{max-width:100%}code{overflow-wrap:anywhere}"
)
SHOWN = {
    "xray": "X-ray surface brightness [erg/s/cm$^2$/arcmin$^2$]",
    "hi": "HI column density [cm$^{-2}$]",
}
GIVEN = {
    "xray": "X-ray images",
    "exposure": "exposure",
    "background": "background",
    "hi": "HI map",
    "cut": "cut out",
    "beam": "beam [arcsec, arcsec, deg]",
    "column_density": "Galactic column density [cm<sup>-2</sup>]",
    "xray_unit": "unit of the X-ray images",
    "hi_unit": "unit of the HI map",
    "seed": "seed",
}
"""What `cgmhelpers.sky.looking.look` is given, in words."""
LABELS = {one.name: one.axis_label for one in PROPERTIES}


def page(found, table):
    """Return the page.

    Parameters
    ----------
    found : xarray.Dataset
        From `cgmhelpers.sky.inferring.infer`.
    table : pandas.DataFrame
        Its summary.

    Returns
    -------
    str
        HTML.
    """
    told = found.attrs
    say = html.escape
    cautions = "".join(f"<li>{say(one)}</li>" for one in told["cautions"])
    inputs = "".join(
        f"<li>{say(name)}: <code>{digest}</code></li>" for name, digest in told["sha256"].items()
    )
    inputs += "".join(
        f"<li>{GIVEN[name]}: {say(', '.join(some))}</li>" for name, some in told["inputs"].items()
    )
    nearest = found[["nearest"]].to_dataframe().drop(columns=["nearest"])
    nearest["distance"] = found["nearest"].values
    checks = "".join(
        f"<li>{say(fields.get(name).title)}: halos with the inferred properties are brighter than "
        f"the object in {share:.0%} of cases.</li>"
        for name, share in zip(found["field"].values, found["brighter"].values, strict=True)
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Inferred from the sky</title>
<style>{STYLE}</style></head><body>
<h1>RA {told["ra"]:.4f}, Dec {told["dec"]:+.4f}, z = {told["redshift"]:g}</h1>
<p><strong>Verdict: {told["verdict"]}.</strong> {told["score"]:.0%} of halos like those of the
training look as strange to the network.</p><ul>{cautions}</ul>
<h2>Posterior</h2>
{_table(table.assign(unit=table["unit"].map(notation.html)))}
<img alt="Histograms of the posterior of each property" src="{_picture(_posterior(found))}">
<h2>Observed, and predicted</h2>
<p>Left: the maps. Grey pixels weren't observed, or were cut out. East is left, north is up. Right:
the mean of training halos with the inferred properties, as the instruments would see it without
noise.</p>
<img alt="Observed maps beside those that the posterior predicts" src="{_picture(_maps(found))}">
<h2>The training halos most like it</h2>
<p>Distances are in units of the largest between a training halo and the one most like it.</p>
{_table(nearest.reset_index(drop=True))}
<h2>Posterior-predictive check</h2><ul>{checks}</ul>
<h2>Made from</h2><ul>{inputs}<li>network: <code>{told["network"]}</code>, trained with
{say(told["suite_train"])}</li></ul>
</body></html>
"""


def _table(table):
    """A table in words; its numbers have the digits that their columns need."""
    return tabulate(table).to_html()


def _maps(found):
    from matplotlib.colors import AsinhNorm
    from matplotlib.figure import Figure

    fields = list(found["field"].values)
    figure = Figure(figsize=(9.5, 4.2 * len(fields)), layout="constrained")
    half = found.attrs["pixel_size_kpc"] * found.sizes["x"] / 2
    for row, name in enumerate(fields):
        one = found.sel(field=name)
        values = np.where(one["seen"].values, one["value"].values, np.nan)
        noise = float(np.nanmedian(one["noise"].values))
        # asinh: linear within the noise, logarithmic above
        norm = AsinhNorm(linear_width=noise, vmin=-3 * noise, vmax=max(np.nanmax(values), noise))
        for column, image in enumerate((values, one["expected"].values)):
            axes = figure.add_subplot(len(fields), 2, 2 * row + column + 1)
            axes.set_facecolor("0.7")
            drawn = axes.imshow(
                image, norm=norm, origin="lower", extent=[-half, half, -half, half], cmap="magma"
            )
            axes.set(xlabel="west of the object [kpc]", ylabel="" if column else "north [kpc]")
            axes.set_title("predicted" if column else "observed")
        figure.colorbar(drawn, ax=axes, label=SHOWN[name])
    return figure


def _posterior(found):
    from matplotlib.figure import Figure

    names = found["property"].values
    figure = Figure(figsize=(10, 2.6 * -(-len(names) // 3)), layout="constrained")
    for number, name in enumerate(names):
        axes = figure.add_subplot(-(-len(names) // 3), 3, number + 1)
        axes.hist(found["samples"].sel(property=name).values, bins=40, density=True)
        axes.set(xlabel=LABELS.get(name, name), yticks=[])
    return figure


def _picture(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
