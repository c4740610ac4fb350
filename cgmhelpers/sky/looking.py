"""Files of an observation to what a network is given, or a refusal that says why."""

import numpy as np
import torch
import xarray as xr

from cgmhelpers.errors import ParameterError
from cgmhelpers.sky import hi_reduction, images, xray_reduction
from cgmhelpers.sky.files import sky_wcs
from cgmhelpers.sky.observing import MASKED, softened
from cgmhelpers.sky.views import View
from cgmhelpers.system.files import sha256


def look(
    observation,
    pixel_kpc,
    pixels,
    *,
    ra,
    dec,
    redshift,
    xray=(),
    exposure=(),
    background=(),
    hi=None,
    cut=(),
    beam=None,
    column_density=None,
    xray_unit=None,
    hi_unit=None,
    emitted_at=0.0,
    seed=1,
):
    """Bring the files of one object to the channels of a network.

    Parameters
    ----------
    observation : Observation
        That the network was trained with.
    pixel_kpc : float
        Side of a pixel of the network's frame [kpc].
    pixels : int
        Along a side of the frame.
    ra, dec : float
        Of the object [deg, ICRS].
    redshift : float
        Of the object.
    xray : sequence of path or Image
        Images of counts, whose bands add up to the instrument's; or one event list.
    exposure : sequence of path, Image or float
        Exposure maps [s], corrected for vignetting: one for each image, or one for all.
    background : sequence of path, Image or float
        Background maps [counts per pixel], one for each image; or one number, in counts per second
        and arcmin2. By default the instrument's.
    hi : path or Image, optional
        Moment-0 map.
    cut : sequence of path
        Regions, sources and masks; see `cgmhelpers.sky.cutting.cut_out`.
    beam : tuple of float, optional
        Of the HI map, where its header lacks it [arcsec, arcsec, deg].
    column_density : float, optional
        Galactic hydrogen in front of the object [cm-2]; by default the instrument's.
    xray_unit, hi_unit : str, optional
        Units that replace those of the headers.
    emitted_at : float
        Redshift of the maps that the network was trained with, whose dimming they have.
    seed : int
        Of the places of counts within their pixels.

    Returns
    -------
    xarray.Dataset
        ``input`` (channel, y, x), what the network is given; ``value`` and ``noise`` (field, y, x)
        in the units of the fields, and ``seen`` (field, y, x); ``counts``, ``exposure`` and
        ``background`` (y, x) with X-rays. Attributes: position, redshift, ``pixel_arcsec``,
        ``cautions`` (list of str), ``inputs`` as given, and
        ``sha256`` of the files by path.

    Raises
    ------
    ParameterError
        If the object, or what is given of it, isn't what the network was trained for.
    DataNotFoundError, FormatError
        If a file isn't there, or can't be used.
    """
    xray, exposure, background = (_listed(one) for one in (xray, exposure, background))
    low, high = observation.redshift
    if not low * (1 - 1e-9) <= redshift <= high * (1 + 1e-9):
        raise ParameterError(
            "The redshift is outside of the network's training.",
            found=redshift,
            expected=f"{low:g}" if low == high else f"{low:g} to {high:g}",
            remedy="Use a network trained at this redshift, or train one.",
        )
    given = {"xray": bool(xray), "hi": hi is not None}
    wanted = {name: name in observation.instruments for name in given}
    if given != wanted:
        raise ParameterError(
            "The network needs other images.",
            found=", ".join(name for name, there in given.items() if there) or "none",
            expected=", ".join(name for name, there in wanted.items() if there),
            remedy="Give these, or use a network trained with the fields that you have.",
        )
    if column_density is not None and "xray" in wanted:
        changed = observation.instruments["xray"].model_copy(
            update={"column_density": column_density}
        )
        observation = observation.model_copy(
            update={"instruments": observation.instruments | {"xray": changed}}
        )
    view = View(observation, redshift, pixel_kpc, pixels, emitted_at)
    frame = sky_wcs(ra, dec, view.pixel, pixels)
    parts, more, cautions = {}, {}, []
    for name in observation.instruments:
        if name == "xray":
            parts[name], more = xray_reduction.reduce(
                view, frame, xray, exposure, background, cut, xray_unit, seed, cautions
            )
        else:
            parts[name] = hi_reduction.reduce(view, frame, hi, beam, hi_unit, [] if xray else cut)
    fields = list(observation.instruments)
    value, noise, seen = (np.stack([parts[name][which] for name in fields]) for which in range(3))
    inputs = _channels(observation, value, noise, seen, redshift)
    used = [*xray, *exposure, *background, *([hi] if hi is not None else []), *cut]
    paths = [one for one in map(images.path_of, used) if one and one.is_file()]
    inputs_given = {
        "xray": xray, "exposure": exposure, "background": background, "hi": _listed(hi),
        "cut": list(cut), "beam": _listed(beam), "column_density": _listed(column_density),
        "xray_unit": _listed(xray_unit), "hi_unit": _listed(hi_unit), "seed": [seed],
    }  # fmt: skip
    return xr.Dataset(
        {
            "input": (("channel", "y", "x"), inputs),
            "value": (("field", "y", "x"), value),
            "noise": (("field", "y", "x"), noise),
            "seen": (("field", "y", "x"), seen),
            **{name: (("y", "x"), one) for name, one in more.items()},
        },
        coords={"channel": observation.channels, "field": fields},
        attrs={
            "ra": ra, "dec": dec, "redshift": redshift, "pixel_arcsec": view.pixel,
            "pixel_size_kpc": pixel_kpc, "cautions": cautions,
            "inputs": {
                name: [str(getattr(one, "path", one)) for one in some]
                for name, some in inputs_given.items()
                if some
            },
            "sha256": {str(one): sha256(one) for one in paths},
        },
    )  # fmt: skip


def _listed(given):
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _channels(observation, value, noise, seen, redshift):
    """What a network is given; see `Observation.draw`."""
    noise = np.broadcast_to(noise, value.shape)
    soft = softened(torch.from_numpy(np.nan_to_num(value)), torch.from_numpy(noise.copy())).numpy()
    soft = np.where(seen, soft, noise)
    planes = [*soft, *np.where(seen, noise, MASKED * noise)]
    if "redshift" in observation.channels:
        planes.append(np.full(value.shape[1:], redshift))
    return np.stack(planes).astype(np.float32)
