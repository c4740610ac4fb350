"""Pictures to leaf through on a page that has no kernel."""

import io

from cgmhelpers.errors import ParameterError


def leaf_through(pictures, description, dpi=60):
    """Put figures behind a slider that works in JupyterLab and on a static page alike.

    Slider and pictures are linked in the browser, so that no kernel is asked. All pictures travel
    with the page: keep them few and small.

    Parameters
    ----------
    pictures : dict of str to matplotlib.figure.Figure
        Label of each step and its picture, in order. The figures are closed.
    description : str
        What the slider changes. Plain text: widgets don't render LaTeX.
    dpi : float
        Resolution of the pictures.

    Returns
    -------
    ipywidgets.VBox
        Slider above picture, at the first step.

    Raises
    ------
    ParameterError
        If there is no picture.
    """
    import ipywidgets as widgets
    from matplotlib import pyplot as plt

    if not pictures:
        raise ParameterError("There is nothing to leaf through.", expected="at least one picture")
    images = []
    for figure in pictures.values():
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", dpi=dpi, bbox_inches="tight", facecolor=figure.get_facecolor()
        )
        plt.close(figure)
        images.append(
            widgets.Image(value=buffer.getvalue(), format="png", layout={"width": "100%"})
        )
    stack = widgets.Stack(images, selected_index=0)
    slider = widgets.SelectionSlider(
        options=list(pictures), description=description, layout={"width": "24em"}
    )
    widgets.jslink((slider, "index"), (stack, "selected_index"))
    return widgets.VBox([slider, stack])
