"""Profiles, overrides, paths, and what a notebook's cells mean."""

import json
import os
from pathlib import Path

import nbclient
import nbformat
import pytest

from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.runs import notebooks, parameters, profiles, project

BOOK = project.project_root() / "book" / "parameters"
PROFILES = sorted(path.stem for path in BOOK.glob("*.yml"))


def test_the_five_profiles_are_there():
    assert PROFILES == ["camels", "mock", "quick", "robust", "smoke"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid(profile):
    read = profiles.read(profile)
    assert read.run == read.profile == profile
    assert read.suites[:3] == ["IllustrisTNG", "SIMBA", "Astrid"]


def test_overrides_win_and_an_ellipsis_leaves_the_profile():
    read = profiles.read("quick", epochs=3, fields=...)
    assert read.epochs == 3
    assert read.fields == profiles.read("quick").fields


def test_none_is_a_value(tmp_path):
    """Of a profile with a data root, the mock suite can be asked for."""
    assert profiles.read("camels").data_root == "/path/to/camels"
    assert profiles.read("camels", data_root=None).data_root is None
    with pytest.raises(
        ParameterError, match=r"Found: epochs = None. Expected: epochs: a valid integer.*ellipsis"
    ):
        profiles.read("camels", epochs=None)


def test_field_sets_are_each_alone_and_all_together():
    assert profiles.read("quick").field_sets == [("xray",), ("hi",), ("xray", "hi")]
    assert profiles.read("quick", fields=["hi"]).field_sets == [("hi",)]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"epoch": 3}, r"epoch: .* Did you mean epochs\?"),
        ({"epochs": "three"}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"epochs": 0}, "epochs"),
        ({"seed": "1:30"}, "seed"),  # 90 in YAML 1.1
        ({"seed": 20241129093000}, "seed: .* 2147483647"),
        ({"mock_seed": 2**31}, "mock_seed"),
        ({"run": 1.1}, "run"),  # 1.10, perhaps
        ({"run": True}, "run"),
        ({"run": "../x"}, "run"),
        ({"augmentation": "yes"}, "augmentation"),
        ({"realisations": 0}, "realisations"),
        ({"realisations": [1, -1]}, "realisations"),
        ({"realisations": "a/b"}, "realisations"),
        ({"fields": ["radio"]}, "radio"),
        ({"fields": 3}, "fields"),
        ({"limits": ["none"]}, "limits"),
        ({"map_size": 48}, "map_size"),
        ({"split_by": "galaxy"}, "split_by"),
        ({"data_root": ""}, "data_root"),
        ({"ranges": {"f_cgm": [0, 0.1]}}, "Table 1"),
        ({"ranges": {"f_gas": [0, 1]}}, "f_gas"),
        ({"ranges": {"f_cgm": [0]}}, "ranges"),
    ],
)
def test_unknown_and_wrong_parameters_are_named_once(wrong, named):
    with pytest.raises(ParameterError, match=named) as error:
        profiles.read("quick", **wrong)
    (name,) = wrong
    told = str(error.value)
    assert told.count("Found:") == 1
    if name in parameters.Parameters.model_fields:
        others = set(parameters.Parameters.model_fields) - {name, "pixels", "fields", "profile"}
        assert not [one for one in others if f" {one}:" in told]


def test_several_wrong_parameters_are_named_together():
    with pytest.raises(ParameterError, match=r"depth: .*; epochs: ") as error:
        profiles.read("quick", epochs=0, depth=-1)
    assert "depth = -1, epochs = 0" in str(error.value)


def test_what_a_profile_says_twice_is_refused(mine):
    mine.write_text(mine.read_text() + "\nseed: 3\n")
    with pytest.raises(ParameterError, match="seed"):
        profiles.read(mine)


def test_an_unknown_profile_names_the_nearest_or_lists_the_known_ones():
    with pytest.raises(DataNotFoundError, match=r"quickly.*Did you mean quick"):
        profiles.read("quickly")
    with pytest.raises(DataNotFoundError, match=r"paper.*camels, mock, quick, robust, smoke"):
        profiles.read("paper")


def test_paths_start_where_they_are_typed(mine, tmp_path, monkeypatch):
    mine.write_text(mine.read_text().replace("data_root: null", "data_root: ../camels"))
    monkeypatch.chdir(mine.parent.parent)
    read = profiles.read("my prüfung/mine.yml", runs="here")
    assert read.profile == str(mine)
    assert read.run == "mine"
    assert read.data_root == str(tmp_path / "camels")
    assert read.runs == str(tmp_path / "here")
    assert profiles.read(mine).runs == str(project.project_root() / "runs")
    again = profiles.read(read.profile, runs=read.runs)
    monkeypatch.chdir("/")
    assert profiles.read(read.profile, runs=read.runs) == again == read
    assert profiles.read("quick", data_root=Path("~/x")).data_root == os.path.expanduser("~/x")


def test_another_book_is_not_the_project(tmp_path, monkeypatch):
    thesis = tmp_path / "thesis"
    (thesis / "notebooks").mkdir(parents=True)
    (thesis / "_config.yml").write_text("title: My thesis\n")
    (thesis / "pyproject.toml").write_text('[project]\nname = "thesis"\n')
    here = project.project_root()
    monkeypatch.chdir(thesis)
    assert project.project_root() == here
    (thesis / "pyproject.toml").write_text("[project\n")
    assert project.project_root() == here


def test_notebooks_are_told_what_was_understood(tmp_path, mine, monkeypatch):
    """A kernel starts in another folder than the command that a path was typed in."""
    import papermill

    seen = []
    monkeypatch.setattr(
        papermill, "execute_notebook",
        lambda source, out, parameters, **_: seen.append(parameters) or nbformat.v4.new_notebook(),
    )  # fmt: skip
    monkeypatch.chdir(mine.parent)
    given = {"runs": "../runs", "run": "2024", "epochs": "010", "data_root": None, "seed": ...}
    folder = notebooks.run_notebooks("mine.yml", ["04_cnn"], **given)
    assert folder == tmp_path / "runs" / "2024" / "notebooks"
    told = {"profile": str(mine), "runs": str(tmp_path / "runs"), "run": "2024", "epochs": 10}
    assert seen == [told | {"data_root": None}]


def test_a_kernel_takes_the_parameters_cell_each_time_and_nothing_else(tmp_path):
    """Cells as a reader runs them: edited and run again, beside names of a start-up file."""
    opens = "this_run = runs.start(globals())"
    shows = "import json; print(json.dumps(this_run.parameters.model_dump()))"
    parameter = f"profile, runs_ = 'smoke', {str(tmp_path)!r}".replace("runs_", "_")
    cells = [
        "home, spark = '/home/me', object()",
        f"{parameter}\nfrom cgmhelpers import runs\nepochs = ...\ndata_root = None",
        "# Parameters\nepochs = 5\n",  # as papermill injects them
        f"import os\n{opens}",
        shows,
        f"{parameter}\nchannels = 6",
        "scratch = 3",
        opens.replace("this", "other"),
        f"{parameter}\nepoch = 50",
        opens,
        f"{parameter}\nchannels = 6",
        opens,
        "rows = 12",
        opens,
        shows,
        "epochs = 7",
        opens,
        shows,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    client = nbclient.NotebookClient(notebook, kernel_name="python3", allow_errors=True)
    client.execute(cwd=str(tmp_path))
    told = ["".join(o.get("text", o.get("evalue", "")) for o in c.outputs) for c in notebook.cells]
    first, second, third = (json.loads(told[n]) for n in (4, 14, 17))
    assert (first["epochs"], first["channels"], first["data_root"]) == (5, 4, None)
    assert "scratch: no such name" in told[7]  # between the cell and the call
    assert "Did you mean epochs?" in told[9]
    assert (second["epochs"], second["channels"]) == (3, 6)  # 3 is the profile's
    assert (third["epochs"], third["channels"]) == (7, 6)


def test_a_notebooks_namespace():
    namespace = {"profile": "quick", "epochs": 4, "fields": ..., "_hidden": 1}
    assert profiles.from_namespace(namespace).epochs == 4
    with pytest.raises(ParameterError, match="epcohs"):
        profiles.from_namespace(namespace | {"epcohs": 4})
    with pytest.raises(ParameterError, match="profile"):
        profiles.from_namespace({"epochs": 4})


def test_ranges_of_a_profile_and_of_a_command_line():
    assert profiles.read("camels").ranges == {}
    assert profiles.read("camels", ranges={"f_cgm": [0, 0.5]}).ranges == {"f_cgm": [0.0, 0.5]}


def test_the_text_none_is_no_folder(mine, monkeypatch):
    """Somebody who writes Python all day types None where YAML has null."""
    monkeypatch.chdir(mine.parent)
    with pytest.raises(ParameterError, match="Write null"):
        profiles.read("mine.yml", data_root="None")
    assert profiles.read("mine.yml", data_root="./None").data_root == str(mine.parent / "None")
    mine.write_text(mine.read_text().replace("data_root: null", "data_root: None"))
    with pytest.raises(ParameterError, match="Write null"):
        profiles.read("mine.yml")
