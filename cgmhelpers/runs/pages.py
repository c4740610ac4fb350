"""Pages made from executed notebooks: chapters, the first page's cards, the gallery of figures."""

import ast
import base64
import io
import json
import re
import shlex

import nbformat
import pandas as pd

from cgmhelpers import figures
from cgmhelpers.system import files

FOLDED = 12
"""Lines of a code cell that a page shows; longer ones are folded."""
COLUMNS = 75
"""Characters of code in a line of a page."""
THUMBNAIL = (480, 300)
SMALL = 900  # width of a picture of the gallery [pixels]
NOT_MEASURED = "% not measured"
FIRST_NUMBERS = "first_numbers.csv"
"""Name of the table of the first page's numbers, in a run's folder."""
INLINE = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"')
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
RERUN = """\
:::{{admonition}} Run this chapter again{cost}
:class: tip dropdown

```bash
{command}
```

It makes what the run lacks. Another `-p name value` overrides a parameter of the profile.
:::
"""


def as_page(notebook, name, data):
    """Make a page of an executed notebook: plumbing folded, and how to run it again.

    A caption names the run's data in place of ``{data}``, ends with what the cell says by
    `cgmhelpers.figures.words.caption`, and is the figure's alternative text.

    Widgets that have a plain form too (HTML beside the widget) show that one: their scripts are
    JupyterLab's, and a page hasn't got them.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Executed by papermill.
    name : str
        Its name, without ending.
    data : str
        Such as "the mock suite".

    Returns
    -------
    nbformat.NotebookNode
        The same, changed.
    """
    cells = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            continue  # the command says them
        if _continues(cells, cell):
            cells[-1].source += f"\n\n{cell.source}"
            continue
        cells.append(cell)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            figure["caption"] = " ".join([figure["caption"].replace("{data}", data), *_said(cell)])
            cell.metadata["mystnb"]["image"] = {"alt": plain(figure["caption"])}
        if cell.cell_type == "code" and "parameters" not in tags and _is_plumbing(cell.source):
            folded = "hide-cell" if "hide-output" in tags else "hide-input"
            cell.metadata["tags"] = [*(one for one in tags if one != "hide-output"), folded]
        if "parameters" in tags:
            cell.metadata["tags"] = [*tags, "hide-input"]
            given = notebook.metadata.get("papermill", {}).get("parameters", {})
            seconds = notebook.metadata.get("processor_seconds")
            cost = f" ({_minutes(seconds)} in this build)" if seconds else ""
            text = RERUN.format(command=rerun_command(name, given), cost=cost)
            cells.append(nbformat.v4.new_markdown_cell(text, id="run-again"))
    notebook.cells = cells
    _drop_kernel_widgets(notebook)
    return notebook


def _said(cell):
    """Take what a cell says for its figure's caption out of its outputs."""
    said = [one for one in cell.outputs if one.get("metadata", {}).get("caption")]
    cell.outputs = [one for one in cell.outputs if one not in said]
    return ["".join(one["data"]["text/markdown"]) for one in said]


def _continues(cells, cell):
    """Tell whether a cell only imports, after another one: a page folds both at once."""
    if not cells or cells[-1].cell_type != "code" or cell.cell_type != "code" or cell.outputs:
        return False
    return all(_only_imports(one.source) for one in (cells[-1], cell))


def _only_imports(source):
    """Tell whether a cell imports, and at most starts the run and sets options."""
    return "import " in source and "def " not in source and _is_plumbing(source)


def _is_plumbing(source):
    """Tell whether a cell only imports and starts the run, or is too long to teach."""
    if source.count("\n") >= FOLDED:
        return True
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a magic
        return False
    return any(isinstance(one, ast.Import | ast.ImportFrom) for one in body)


def plain(text):
    """Take marks of Markdown, HTML and mathematics out of a text.

    Parameters
    ----------
    text : str
        Such as a caption.

    Returns
    -------
    str
        For alternative texts.
    """
    text = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<sup>(.*?)</sup>", r"^\1", text)
    text = re.sub(r"<[^>]+>|\\(?:mathrm|odot|log)?|[$*`{}]", "", text)
    return " ".join(text.split())


def _minutes(seconds):
    minutes = seconds / 60
    return (
        f"{minutes:.1f} processor minutes" if minutes < 10 else f"{minutes:.0f} processor minutes"
    )


def cost(chapters, run_folder):
    """Say what a run took, as measured while its notebooks were executed.

    Parameters
    ----------
    chapters : dict of str to nbformat.NotebookNode
        Executed notebooks by name.
    run_folder : Path
        The run.

    Returns
    -------
    str
        In Markdown.
    """
    seconds = [one.metadata.get("processor_seconds") for one in chapters.values()]
    if not seconds or None in seconds:
        return NOT_MEASURED
    disk = sum(one.stat().st_size for one in run_folder.rglob("*") if one.is_file()) / 1e9
    return f"This build took **{_minutes(sum(seconds))}** and **{disk:.1f} GB** of disk."


def numbers(run_folder):
    """Show the numbers that a run puts on the first page.

    Parameters
    ----------
    run_folder : Path
        The run; the chapter of the claims writes the table.

    Returns
    -------
    str
        Cards in Markdown.
    """
    path = run_folder / FIRST_NUMBERS
    if not path.exists():
        return NOT_MEASURED
    cards = [
        f":::{{grid-item-card}} {row.value}\u00a0{row.unit} "
        f"<small>[{row.low}, {row.high}]</small>\n{row.meaning}\n:::"
        for row in pd.read_csv(path, dtype=str, keep_default_na=False).itertuples()
    ]
    return "\n".join(["::::{grid} 1 1 3 3", ":class-container: numbers", "", *cards, "::::"])


def cards(chapters, folder):
    """Show each chapter as a card: its title, its question, and a small picture.

    Parameters
    ----------
    chapters : dict of str to nbformat.NotebookNode
        Pages from :func:`as_page`, by name.
    folder : Path
        Where the pictures go: ``figures``, beside the page.

    Returns
    -------
    str
        Cards in Markdown.
    """
    lines = ["::::{grid} 1 2 3 3", ":gutter: 3", ":class-container: chapters", ""]
    for name, notebook in chapters.items():
        first = notebook.cells[0].source
        title = re.match(r"# (.*)", first)
        question = re.search(r"^\*\*(.*\?)\*\*", first, re.M)
        lines += [
            f":::{{grid-item-card}} {title.group(1) if title else name}",
            f":link: ../executed/{name}",
            ":link-type: doc",
        ]
        drawn = drawings(notebook)
        chosen = [one for one in drawn if one["is_cover"]] or drawn or _inline(notebook)
        if chosen:
            picture = _small(chosen[0]["png"], folder / f"cover_{name}.png", THUMBNAIL)
            lines += [f":img-top: figures/{picture}", f":img-alt: {chosen[0]['alt'][:200]}"]
        lines += ["", question.group(1) if question else "", ":::"]
    return "\n".join([*lines, "::::"])


def gallery(chapters, folder):
    """Show every figure that has a caption, with the code that drew it.

    Parameters
    ----------
    chapters : dict of str to nbformat.NotebookNode
        Pages from :func:`as_page`, by name.
    folder : Path
        Where the pictures go: ``figures``, beside the page.

    Returns
    -------
    str
        Markdown, a section for each chapter.
    """
    lines = []
    for name, notebook in chapters.items():
        drawn = drawings(notebook)
        title = re.match(r"# (.*)", notebook.cells[0].source)
        if drawn:
            lines += [
                f"## [{title.group(1) if title else name}](../executed/{name}.ipynb)",
                "",
                ":::::{grid} 1 1 2 2",
                ":gutter: 3",
                "",
            ]
        for one in drawn:
            picture = _small(one["png"], folder / f"gallery_{one['name']}.png", (SMALL, None))
            lines += [
                "::::{grid-item-card}",
                f":img-top: figures/{picture}",
                f":img-alt: {one['alt'][:300]}",
                "",
                f"{one['caption'].partition('. ')[0].rstrip('.')}.",
                f"Drawn by {one['function']}.",
                "",
                ":::{dropdown} The code",
                "```python",
                one["source"],
                "```",
                ":::",
                "::::",
            ]
        lines += [":::::", ""] if drawn else []
    return "\n".join(lines) or NOT_MEASURED


def drawings(notebook):
    """List the figures with captions of a page.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        From :func:`as_page`.

    Returns
    -------
    list of dict
        name, caption, alt, png (bytes), source (code), function (a link) and is_cover.
    """
    found = []
    for cell in notebook.cells:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        pictures = [
            one["data"]["image/png"]
            for one in cell.get("outputs", ())
            if "image/png" in one.get("data", {})
        ]
        if "caption" in figure and pictures:
            called = re.search(r"figures\.(\w+)\(\n?", cell.source.partition("figure = ")[2])
            drawer = getattr(figures, called.group(1), None) if called else None
            link = f"{{func}}`~{drawer.__module__}.{drawer.__name__}`" if drawer else "this code"
            found.append(
                {
                    "name": figure.get("name", cell.id),
                    "caption": figure["caption"],
                    "alt": cell.metadata["mystnb"]["image"]["alt"],
                    "png": base64.b64decode(pictures[0]),
                    "source": cell.source,
                    "function": link,
                    "is_cover": "cover" in cell.metadata.get("tags", ()),
                }
            )
    return found


def _inline(notebook):
    """List the pictures within a page's HTML, such as the explorer's without scripts."""
    shown = (one.get("data", {}) for cell in notebook.cells for one in cell.get("outputs", ()))
    pictures = re.findall(INLINE, "".join("".join(one.get("text/html", "")) for one in shown))
    return [{"png": base64.b64decode(png), "alt": alt} for png, alt in pictures]


def _small(png, path, size):
    """Write a smaller copy of a picture, and return its name.

    With a height, a picture loses its lower part, or gets white margins if it is wide.
    """
    from PIL import Image, ImageOps

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    width, height = size
    if height:
        if picture.width * height > 1.5 * picture.height * width:  # its sides say what it shows
            picture = ImageOps.pad(picture, size, color="white")
        else:
            picture = ImageOps.fit(picture, size, centering=(0.5, 0))
    else:
        picture.thumbnail((width, 10 * width))
    with files.whole(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
    return path.name


def rerun_command(name, parameters):
    """Say how to execute a notebook again with the same parameters.

    Parameters
    ----------
    name : str
        Of the notebook, without ending.
    parameters : dict
        That papermill was given.

    Returns
    -------
    str
        For a shell.
    """
    lines = [shlex.join(["papermill", f"notebooks/{name}.ipynb", "out.ipynb"])]
    for key, value in sorted(parameters.items(), key=lambda one: one[0] != "profile"):
        # Lists as YAML; papermill must be told of a text that it would take for another value.
        plain = isinstance(value, str)
        text = value if plain else json.dumps(value) if isinstance(value, list) else str(value)
        option = "-r" if plain and _is_read_as_another(value) else "-p"
        said = shlex.join([option, key, text])
        if len(lines[-1]) + len(said) < COLUMNS - 2:
            lines[-1] += f" {said}"
        else:
            lines.append(f"  {said}")
    return " \\\n".join(lines)


def _is_read_as_another(text):
    try:
        return text in ("True", "False", "None") or bool(str(float(text)))
    except ValueError:
        return False


def _drop_kernel_widgets(notebook):
    """Drop widgets of other modules than ipywidgets' own where plain HTML says the same."""
    shown = False
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/html" in data:
                data.pop(WIDGET_VIEW, None)
            shown |= WIDGET_VIEW in data
    states = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for identity in [key for key, one in states.items() if one["model_module"] == "anywidget"]:
        del states[identity]
    if not shown:
        notebook.metadata.pop("widgets", None)
