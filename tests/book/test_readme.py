"""The README's commands that need what a run leaves."""

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from cgmhelpers import cli

README = Path(__file__).parents[2] / "README.md"


def test_the_telescope_lines_run(smoke_run, tmp_path, monkeypatch):
    """From the maps and the network that a run leaves to a posterior, through files."""
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text(), re.S)
    (lines,) = (text for text in blocks if "cgm observe" in text)
    monkeypatch.chdir(tmp_path)
    for line in lines.replace("runs/quick", str(smoke_run)).splitlines():
        done = CliRunner().invoke(cli.app, shlex.split(line)[1:], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert "Verdict: usable" in done.output
    assert (tmp_path / "report" / "report.html").is_file()
