"""The command line: its commands, and its errors as messages."""

import signal
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from cgmhelpers import cli
from cgmhelpers.errors import ParameterError
from cgmhelpers.runs import described, parameters, profiles, run
from cgmhelpers.simulations import discovery

runner = CliRunner()


def test_commands_are_listed():
    shown = runner.invoke(cli.app, ["--help"]).output
    for command in ("mock", "maps", "files", "train", "tune", "run", "book", "status"):
        assert command in shown


@pytest.mark.parametrize("command", [one.__name__ for one in cli.command.COMMANDS])
def test_each_command_has_short_help(command):
    shown = runner.invoke(cli.app, [command, "-h"], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_parameters_are_described(tmp_path):
    shown = runner.invoke(cli.app, ["parameters", "--profile", "smoke", "--epochs", "77"]).output
    for name in parameters.Parameters.model_fields:
        assert f"\n{name} = " in f"\n{shown}"
    assert "epochs = 77  (int, at least 1)\n    Passes of each training over its maps." in shown
    assert "\ndata_root = null  (str or null)" in shown
    assert "\nlimits = [ideal, survey]  (list of str)" in shown
    one = runner.invoke(cli.app, ["parameters", "dropout", "--profile", "smoke"]).output
    assert one.splitlines()[0] == "dropout = 0.1  (float, at least 0, below 1)"
    assert len(one.splitlines()) == 2
    wrong = runner.invoke(cli.app, ["parameters", "droput"])
    assert "Did you mean dropout" in str(wrong.exception)


@pytest.mark.parametrize(
    "command", [["maps"], ["train"], ["tune"], ["run"], ["book"], ["results"], ["status"]]
)
def test_a_dry_run_says_what_would_be_made_and_writes_nothing(command, tmp_path):
    dry = [] if command == ["status"] else ["--dry-run"]
    arguments = [*command, *dry, "--profile", "smoke", "--set", f"runs={tmp_path}/runs"]
    shown = runner.invoke(cli.app, arguments, catch_exceptions=False)
    assert shown.exit_code == 0
    assert "Mock simulations             0 of 9" in shown.output
    assert ("Networks                     0 of 18" in shown.output) == (
        command not in (["maps"], ["tune"])
    )
    assert ("Notebooks" in shown.output) == (command in (["run"], ["book"], ["status"]))
    assert not list(tmp_path.iterdir())


def test_a_dry_run_lists_the_networks_of_a_share(tmp_path):
    arguments = ["robust", "--profile", "smoke", "--set", f"runs={tmp_path}/runs", "--seeds", "1"]
    arguments += ["--dry-run", "--kind", "mmd"]
    shown = runner.invoke(cli.app, arguments, catch_exceptions=False)
    # For each suite that is left out a pooled network, mmd blind and with its maps; three of
    # single suites, which are those of the nested networks too.
    assert "Networks                     0 of 12" in shown.output
    shown = runner.invoke(cli.app, [*arguments, "--part", "5/5"], catch_exceptions=False)
    assert "Networks                     0 of 2" in shown.output
    wrong = runner.invoke(cli.app, [*arguments, "--part", "half"])
    assert wrong.exit_code == 2
    assert "isn't k/n" in wrong.output
    assert not list(tmp_path.iterdir())


def test_a_dry_run_of_the_mock(tmp_path):
    arguments = ["mock", str(tmp_path / "root"), "--suite", "SIMBA", "--dry-run"]
    shown = runner.invoke(cli.app, arguments, catch_exceptions=False).output.replace("\n", "")
    assert shown.count("would be written") == 2
    assert not list(tmp_path.iterdir())


def test_an_option_and_a_pair_agree_or_are_refused():
    read = cli.options.overrides
    assert read(["epochs=08", "seed=4"], epochs=8, run=None) == {"epochs": "08", "seed": "4"}
    assert read(["run=2024"], run="2024") == {"run": "2024"}
    assert read([], epochs=8) == {"epochs": 8}
    with pytest.raises(ParameterError, match="--epochs 8 and --set epochs=9"):
        read(["epochs=9"], epochs=8)


def test_an_interruption_ends_with_how_to_go_on(monkeypatch, tmp_path):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Run, "maps", interrupted)
    arguments = ["maps", "--profile", "smoke", "--set", f"runs={tmp_path}"]
    monkeypatch.setattr("sys.argv", ["/nowhere/cgm", *arguments])
    ended = runner.invoke(cli.app, arguments)
    assert ended.exit_code == 130
    assert ended.stderr.splitlines() == [
        f"Interrupted. What is finished stays; go on with: /nowhere/cgm {' '.join(arguments)}"
    ]


def test_a_module_that_was_started_goes_on_as_a_module():
    assert cli.command._called("/lib/cgmhelpers/__main__.py") == [
        sys.executable,
        "-m",
        "cgmhelpers",
    ]


def test_without_docstrings_parameters_are_refused_and_not_empty(monkeypatch):
    monkeypatch.setattr(parameters.Parameters, "__doc__", None)
    with pytest.raises(ParameterError, match="-OO"):
        described.describe(profiles.read("smoke"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signals_interrupt(sent):
    code = """
import signal, time
from cgmhelpers import cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
@cli.app.command()
def wait():
    print("waiting", flush=True)
    time.sleep(60)
cli.main()
"""
    command = [sys.executable, "-c", code, "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(sent)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.decode().startswith("Interrupted. What is finished stays; go on with: ")
    assert len(told.splitlines()) == 1


def test_mock_writes_simulations_that_are_found(tmp_path):
    arguments = ["mock", str(tmp_path), "--suite", "SIMBA", "--cells", "20000"]
    result = runner.invoke(cli.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    (sim,) = discovery.discover(tmp_path)
    assert str(sim.snapshot_path) in result.output.replace("\n", "")
    assert sim.is_mock


def test_mock_writes_other_sets(tmp_path):
    arguments = ["mock", str(tmp_path), "--suite", "Swift-EAGLE", "--cells", "20000"]
    arguments += ["--set-name", "1P", "--realisations", "2", "--snapshot", "80"]
    result = runner.invoke(cli.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    sims = discovery.discover(tmp_path, ["Swift-EAGLE"], "1P", 80)
    found = {sim.name: sim.header.omega_matter for sim in sims}
    assert found == pytest.approx({"Swift-EAGLE/1P_p1_0": 0.3, "Swift-EAGLE/1P_p1_n2": 0.1})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["maps", "--set", "epoch=3"], "epoch"),
        (["mock", "data", "--set-name", "1P", "--realisations", "30"], "at most 25"),
        (["maps", "--profile", "none"], "no profile 'none'"),
        (["run", "--notebook", "07_galaxies"], "no such notebook"),
    ],
)
def test_an_error_is_a_message_not_a_traceback(arguments, message):
    code = "from cgmhelpers.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_our_log_is_shown_and_not_that_of_others():
    code = """
import logging
from cgmhelpers.cli.command import _shown_log
with _shown_log():
    import distributed
    logging.getLogger("cgmhelpers.maps.making").info("ours")
    logging.getLogger("papermill").info("of papermill")
    logging.getLogger("papermill").warning("a warning")
logging.getLogger("cgmhelpers.maps.making").info("afterwards")
assert not logging.getLogger().handlers, "Dask would send its log there"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["ours", "a warning"]


def test_a_pair_without_a_value_is_refused():
    assert runner.invoke(cli.app, ["maps", "--set", "epochs"]).exit_code == 2


def test_maps_on_a_cluster_of_your_choice(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(
        run.Run, "maps", lambda self: seen.append(self.parameters) or {"SIMBA": ["a.zarr"]}
    )
    arguments = ["maps", "--profile", "smoke", "--set", f"runs={tmp_path}"]
    for options in ([], ["--cluster", "none"], ["--cluster", "tcp://10.0.0.1:8786"]):
        result = runner.invoke(cli.app, [*arguments, *options], catch_exceptions=False)
        assert result.output.strip() == "a.zarr"
    runner.invoke(cli.app, [*arguments, "--workers", "3"], catch_exceptions=False)
    assert [one.cluster for one in seen] == [None, "none", "tcp://10.0.0.1:8786", None]
    assert [one.workers for one in seen] == [0, 0, 0, 3]


def test_tune_takes_a_network_and_names_the_best(monkeypatch, tmp_path):
    from cgmhelpers.network import studies

    seen = []
    monkeypatch.setattr(
        run.Run, "study",
        lambda self, *which: seen.append((self.parameters.trials, *which)) or tmp_path,
    )  # fmt: skip
    table = pd.DataFrame({"number": [0, 1], "folder": [tmp_path / "trial_0", tmp_path / "trial_1"]})
    table[list(studies.TUNED)] = [[1e-3, 1e-4, 0.3, 12], [2e-3, 1e-5, 0.25, 10]]
    monkeypatch.setattr(studies, "trials_table", lambda folder: table)
    monkeypatch.setattr(studies, "best", lambda folder: tmp_path / "trial_1")
    arguments = ["tune", "--profile", "smoke", "--set", f"runs={tmp_path}", "--suite", "SIMBA"]
    options = ["--field", "hi", "--limits", "survey", "--trials", "7"]
    result = runner.invoke(cli.app, [*arguments, *options], catch_exceptions=False)
    assert seen == [(7, "SIMBA", ["hi"], "survey")]
    assert "trial_1" in result.output.replace("\n", "")
    lines = result.output.splitlines()[-4:]
    assert lines == ["learning_rate: 0.002", "weight_decay: 1e-05", "dropout: 0.25", "channels: 10"]
