"""Nothing that is read runs code, and nothing that is named leaves its folder."""

import ast
import io
from pathlib import Path

import numpy as np
import papermill.translators
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from cgmhelpers.errors import FormatError, ParameterError
from cgmhelpers.maps import store as map_store
from cgmhelpers.runs import profiles

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for folder in ("cgmhelpers", "notebooks", "tools")
    for path in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "imp"}
CALLS = {
    "eval", "exec", "compile", "os.system", "os.popen", "torch.load", "torch.hub.load",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "pd.read_pickle",
    "pandas.read_pickle", "np.fromregex", "subprocess.getoutput", "subprocess.getstatusoutput",
}  # fmt: skip
ARGUMENTS = {"shell": True, "allow_pickle": True, "weights_only": False}


def dangers(tree):
    """What in a parsed source could run code that somebody else wrote."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.module
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in CALLS or name.endswith(
                (".read_pickle", ".to_pickle", ".load_from_checkpoint")
            ):
                yield name
            for one in node.keywords:
                given = one.value.value if isinstance(one.value, ast.Constant) else None
                if given is not None and given is ARGUMENTS.get(one.arg):
                    yield f"{name}({one.arg}={given})"


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from joblib import load", "eval(x)", "torch.load(path)", "yaml.load(text)",
     "np.load(path, allow_pickle=True)", "subprocess.run(x, shell=True)", "frame.to_pickle(x)"],
)  # fmt: skip
def test_dangers_are_recognised(code):
    assert list(dangers(ast.parse(code)))


def test_nothing_that_is_read_runs_code():
    assert len(SOURCES) > 60
    found = {
        str(path.relative_to(ROOT)): list(dangers(ast.parse(path.read_text()))) for path in SOURCES
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_np_load_is_told_not_to_unpickle():
    """Its default is no, and stays no."""
    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    stream.seek(0)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(stream)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_store_that_would_unpickle_is_refused(tmp_path):
    """Format 2 of zarr has a codec for objects that is pickle."""
    import numcodecs

    store, bomb = tmp_path / "maps.zarr", tmp_path / "exploded"
    group = zarr.open_group(store, mode="w", zarr_format=2)
    array = group.create_array("image", shape=(1,), chunks=(1,), dtype="i4")
    array.attrs["_ARRAY_DIMENSIONS"] = ["halo"]
    metadata = store / "image" / ".zarray"
    text = metadata.read_text()
    metadata.write_text(text.replace('"filters": null', '"filters": [{"id": "pickle"}]'))
    assert "pickle" in metadata.read_text()
    content = np.empty(1, dtype=object)
    content[0] = Bomb(bomb)
    (store / "image" / "0").write_bytes(numcodecs.Pickle().encode(content))
    with pytest.raises(FormatError, match=r"maps\.zarr"):
        map_store.open(store)
    assert not bomb.exists()


@pytest.mark.parametrize(
    "text",
    [
        "run: !!python/object/apply:os.system ['touch exploded']",
        "run: !!python/name:os.system",
        "fields: !!python/object/new:os.system ['touch exploded']",
    ],
)
def test_a_profile_holds_values_only(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yml").write_text(text)
    with pytest.raises(ParameterError, match=r"mine\.yml"):
        profiles.read(str(tmp_path / "mine.yml"))
    assert not (tmp_path / "exploded").exists()


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.text(st.sampled_from("./\\~ab0-_\x00\n %$`'\""), min_size=1, max_size=12))
def test_whatever_a_run_is_called_it_stays_in_its_folder(name):
    try:
        run = profiles.read("smoke", run=name).run
    except ParameterError:
        return
    runs = Path("/runs")
    assert (runs / run).resolve().parent == runs


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.text(max_size=30))
def test_parameters_reach_a_notebook_as_values(text):
    """Papermill writes them into a cell of code."""
    code = papermill.translators.PythonTranslator.codify({"profile": text})
    tree = ast.parse(code)
    assert [type(node) for node in tree.body] == [ast.Assign]
    assert ast.literal_eval(tree.body[0].value) == text
