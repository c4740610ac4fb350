"""The live explorer: a widget in JupyterLab that asks the kernel for every scene."""

from dataclasses import asdict
from pathlib import Path

import anywidget
import traitlets

from cgmhelpers.errors import CGMError, ParameterError, check_known
from cgmhelpers.explorer.choice import Choice
from cgmhelpers.explorer.description import describe, script, start
from cgmhelpers.explorer.export import file_stem, halos_to_csv, map_to_fits, picture
from cgmhelpers.explorer.scene import scene


def explore(collection, folder="."):
    """Explore a collection live, in JupyterLab.

    Parameters
    ----------
    collection : Collection
        From :func:`collect`.
    folder : path
        Folder of exported files.

    Returns
    -------
    cgmhelpers.explorer.live.Explorer
        A widget.
    """
    return Explorer(collection, folder)


FALLBACK = (
    '<p class="explorer-fallback">The live explorer needs a kernel: start JupyterLab with '
    "<code>make lab</code> and run this notebook.</p>"
)


class Explorer(anywidget.AnyWidget):
    """Explore the halos of a collection by hand.

    Parameters
    ----------
    collection : Collection
        Halos, maps and networks.
    folder : path
        Folder of exported files; the first export makes it.

    Attributes
    ----------
    selection : dict
        The page's request: the arguments of `Choice`, and ``request``, a number that the answer
        repeats.
    scene : dict
        The answer: from :func:`cgmhelpers.explorer.scene.scene`, or ``problem``, the reason why
        there is none.
    message : str
        Result of the last export.
    """

    about = traitlets.Dict().tag(sync=True)
    selection = traitlets.Dict().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, collection, folder="."):
        self.collection = collection
        self.folder = Path(folder)
        about = describe(collection) | {"exports": True}
        super().__init__(about=about, selection=asdict(start(collection)) | {"request": 0})
        self.on_msg(self._answer)

    @property
    def _esm(self):
        return script("live.js")

    @traitlets.observe("selection")
    def _ask(self, change):
        chosen = dict(change["new"])
        request = chosen.pop("request", 0)
        try:
            found = scene(self.collection, _selection(chosen))
        except CGMError as error:
            found = {"problem": str(error)}
        self.scene = found | {"request": request}

    def _answer(self, widget, content, buffers):
        """Answer the page's buttons."""
        try:
            self.export(content["export"], content.get("halos"))
        except (CGMError, OSError) as error:
            self.message = f"Not written: {error}"

    def export(self, kind, halos=None):
        """Write the shown maps, or the table of halos, to a file in `folder`.

        Parameters
        ----------
        kind : {"fits", "png", "csv"}
            Map with units and WCS, picture, or table of halos.
        halos : sequence of int, optional
            Rows of the collection's table for the table; all by default.

        Returns
        -------
        Path
            The file; `message` names it too.

        Raises
        ------
        ParameterError
            If the kind is unknown, or the shown map is the reader's own.
        """
        check_known([kind], ("fits", "png", "csv"), "Unknown export.")
        chosen = dict(self.selection)
        chosen.pop("request", None)
        selection = _selection(chosen)
        if selection.dropped and kind != "csv":
            raise ParameterError(
                "The shown map isn't a halo's.",
                found="a map of your own",
                remedy="Press As stored first.",
            )
        path = self.folder / f"{file_stem(self.collection, selection)}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "fits":
            map_to_fits(self.collection, selection, path)
        elif kind == "png":
            path.write_bytes(picture(self.collection, selection))
        else:
            path = path.with_name("halos.csv")
            numbers = range(len(self.collection)) if halos is None else halos
            halos_to_csv(self.collection, numbers, path)
        self.message = f"Written: {path}"
        return path

    def _repr_mimebundle_(self, **options):
        """Return a sentence for pages without a kernel."""
        bundle = super()._repr_mimebundle_(**options)
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        if data is None:
            return bundle
        data = {**data, "text/html": FALLBACK}
        return (data, *rest) if rest else data


def _selection(chosen):
    try:
        return Choice(**chosen)
    except TypeError as error:
        raise ParameterError("The selection is invalid.", found=sorted(chosen)) from error
