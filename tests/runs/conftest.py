"""What several files of tests start from."""

import pytest

from cgmhelpers.runs.project import project_root


@pytest.fixture
def mine(tmp_path):
    """A profile of one's own, in a folder with a blank and an umlaut."""
    path = tmp_path / "my prüfung" / "mine.yml"
    path.parent.mkdir()
    path.write_bytes((project_root() / "book" / "parameters" / "quick.yml").read_bytes())
    return path
