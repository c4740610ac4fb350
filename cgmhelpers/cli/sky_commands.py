"""Commands for observed images: write them, learn from them, infer from them."""

from pathlib import Path
from typing import Annotated

import typer

Instruments = Annotated[
    list[str] | None,
    typer.Option(help="Name or YAML file; one for X-rays, one for HI. Can be repeated."),
]
QUANTILES = {"q16": "16%", "q50": "median", "q84": "84%", "std": "standard deviation"}
Distance = Annotated[
    float | None, typer.Option(help="Angular-diameter distance [Mpc] instead of redshift's.")
]


def observe(
    store: Annotated[Path, typer.Argument(help="Map store with the halo.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    redshift: Annotated[float, typer.Option(help="Of the halo.")],
    ra: Annotated[float, typer.Option(help="Right ascension of the halo [deg].")],
    dec: Annotated[float, typer.Option(help="Declination of the halo [deg].")],
    instrument: Instruments = None,
    halo: Annotated[int, typer.Option(help="Number of the halo in the store.")] = 0,
    axis: Annotated[str, typer.Option(help="Line of sight.")] = "x",
    distance: Distance = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 1,
):
    """Observe a halo: write the files that an X-ray telescope and a radio interferometer give."""
    from cgmhelpers import maps
    from cgmhelpers.sky import files, instruments, observing

    looks = observing.observation(
        [instruments.load(name) for name in instrument or instruments.DEFAULT], redshift, distance
    )
    written = files.write(
        maps.open(store), looks, out, ra=ra, dec=dec, halo=halo, axis=axis, seed=seed
    )
    for path in written.values():
        typer.echo(path)


def prepare(
    stores: Annotated[list[Path], typer.Argument(help="Map stores to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder for the network.")],
    redshift: Annotated[tuple[float, float], typer.Option(help="Lowest and highest.")],
    instrument: Instruments = None,
    depth: Annotated[
        tuple[float, float], typer.Option(help="Range of exposures, in those of the instrument.")
    ] = (0.5, 2.0),
    sources: Annotated[float, typer.Option(help="Masked point sources in a map, on average.")] = 1,
    distance: Distance = None,
    size: Annotated[int | None, typer.Option(help="Pixels along a side; all by default.")] = None,
    epochs: Annotated[int, typer.Option(help="Epochs of the training.")] = 100,
    channels: Annotated[int, typer.Option(help="Width of the network.")] = 12,
):
    """Train a network for files of these instruments, at these redshifts and depths."""
    from cgmhelpers.network.settings import TrainingSettings
    from cgmhelpers.sky import instruments, observing, preparing

    looks = observing.observation(
        [instruments.load(name) for name in instrument or instruments.DEFAULT],
        redshift, distance, depth=depth, sources=sources,
    )  # fmt: skip
    settings = TrainingSettings(epochs=epochs, channels=channels)
    typer.echo(preparing.prepare(stores, out, looks, settings, size=size))


def infer(
    network: Annotated[Path, typer.Option(help="Folder that cgm prepare wrote.")],
    ra: Annotated[float, typer.Option(help="Right ascension of the object [deg].")],
    dec: Annotated[float, typer.Option(help="Declination of the object [deg].")],
    redshift: Annotated[float, typer.Option(help="Of the object.")],
    out: Annotated[Path, typer.Option(help="Folder for samples, table and report.")],
    xray: Annotated[
        list[str] | None,
        typer.Argument(help="Images of X-ray counts, one for each band, or an event list."),
    ] = None,
    exposure: Annotated[
        list[str] | None, typer.Option(help="Exposure maps in the same order, or seconds.")
    ] = None,
    background: Annotated[
        list[str] | None,
        typer.Option(help="Background maps in the same order, or counts/s/arcmin2."),
    ] = None,
    hi: Annotated[str | None, typer.Option(help="Moment-0 map.")] = None,
    cut: Annotated[
        list[Path] | None, typer.Option(help="Regions, sources or masks to cut out.")
    ] = None,
    column_density: Annotated[
        float | None, typer.Option(help="Galactic hydrogen in front of the object [cm-2].")
    ] = None,
    xray_unit: Annotated[str | None, typer.Option(help="Replaces the header's.")] = None,
    hi_unit: Annotated[str | None, typer.Option(help="Replaces the header's.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
):
    """Infer the properties of an object from its images, or say why that can't be done."""
    from cgmhelpers.sky import inferring

    found = inferring.infer(
        network, ra=ra, dec=dec, redshift=redshift, xray=xray, hi=hi, cut=cut or (),
        exposure=_numbers(exposure), background=_numbers(background), seed=seed,
        column_density=column_density, xray_unit=xray_unit, hi_unit=hi_unit,
    )  # fmt: skip
    table = inferring.summary(found).rename(columns=QUANTILES)
    typer.echo(table.to_string(index=False, float_format="{:.3g}".format))
    for caution in found.attrs["cautions"]:
        typer.echo(caution)
    typer.echo(f"Verdict: {found.attrs['verdict']}. See {inferring.write(found, out)}.")


def stack(
    folders: Annotated[list[Path], typer.Argument(help="Folders that cgm infer wrote.")],
    network: Annotated[Path, typer.Option(help="Network of all of them.")],
    mass: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Range of log10 halo mass [Msun] that the objects are known to be in."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
):
    """Infer the mean and the scatter of each property in the population of many objects."""
    from cgmhelpers.sky import stacking

    samples, prior = stacking.read(folders, network)
    found = stacking.stack(samples, prior, mass=mass, seed=seed)
    typer.echo(f"{found.attrs['objects']} objects")
    for name in found["property"].values:
        one = found.sel(property=name)
        told = [
            f"{kind} {one[kind].mean():.3g} +- {one[kind].std():.2g}"
            for kind in ("mean", "scatter")
        ]
        typer.echo(f"{name}: {', '.join(told)}")


def _numbers(given):
    """Take words that are numbers as numbers, and others as paths."""
    found = []
    for one in given or ():
        try:
            found.append(float(one))
        except ValueError:
            found.append(one)
    return found
