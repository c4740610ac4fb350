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


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    """Three suites, the last of which is left out; each network is trained once for all tests."""
    # Imported here: it imports PyTorch, which few tests beside these need.
    from helpers import three_suites

    return three_suites.experiment(tmp_path_factory.mktemp("runs"))
