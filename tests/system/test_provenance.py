"""Fingerprints, and files that are whole or absent."""

import pytest

from cgmhelpers.system import files, provenance


def test_a_fingerprint_follows_its_parts():
    one = provenance.fingerprint(a=1, b=[1, 2])
    assert one == provenance.fingerprint(b=[1, 2], a=1)
    assert len({one, provenance.fingerprint(a=1, b=[2, 1]), provenance.fingerprint(a=1)}) == 3


def test_a_fingerprint_follows_the_version(monkeypatch):
    before = provenance.fingerprint(a=1)
    monkeypatch.setattr(provenance, "__version__", "999")
    assert provenance.fingerprint(a=1) != before


def test_a_replaced_file_is_noticed(tmp_path):
    path = tmp_path / "data"
    path.write_text("one")
    before = provenance.file_identity(path)
    path.write_text("other")
    assert provenance.file_identity(path) != before


def test_a_whole_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "new" / "file"
    for text in ("first", "second"):
        with files.whole(path) as temporary:
            temporary.write_text(text)
            assert temporary.parent == path.parent
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_whole_folder_replaces_the_old_one(tmp_path):
    path = tmp_path / "folder"
    for name in ("a", "b"):
        with files.whole(path) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [p.name for p in path.iterdir()] == ["b"]


@pytest.mark.parametrize("folder", [False, True])
def test_nothing_half_written_survives(tmp_path, folder):
    path = tmp_path / "file"

    def fail():
        with files.whole(path) as temporary:
            if folder:
                temporary.mkdir()
                (temporary / "part").touch()
            else:
                temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
