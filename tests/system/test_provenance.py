"""Fingerprints, and files that are whole or absent."""

import json
import os

import h5py
import numpy as np
import pytest

from cgmhelpers.system import files, provenance


def test_a_fingerprint_follows_its_parts():
    one = provenance.fingerprint(a=1, b=[1, 2])
    assert one == provenance.fingerprint(b=[1, 2], a=1)
    assert len({one, provenance.fingerprint(a=1, b=[2, 1]), provenance.fingerprint(a=1)}) == 3


def test_a_fingerprint_follows_the_release(monkeypatch):
    before = provenance.fingerprint(a=1)
    monkeypatch.setattr(provenance, "RELEASE", "999")
    assert provenance.fingerprint(a=1) != before


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("0.1.0", "0.1.0"),
        ("0.1.0.dev7+g1a2b3c4", "0.1.0"),
        ("0.1.0.post1.dev3+g1a2b3c4.d20260101", "0.1.0"),
        ("1.0rc1", "1.0"),
        ("0+unknown", "0"),
    ],
)
def test_a_commit_after_a_release_keeps_its_results(version, release):
    assert provenance.release(version) == release


def test_a_replaced_file_is_noticed(tmp_path):
    path = tmp_path / "data"
    path.write_text("one")
    before = provenance.file_identity(path)
    path.write_text("other")
    assert provenance.file_identity(path) != before


@pytest.mark.parametrize("size", [100, 40 * 2**20])
def test_a_file_is_what_it_holds_and_not_when_it_was_written(tmp_path, size):
    path, copy = tmp_path / "data", tmp_path / "elsewhere" / "data"
    content = bytearray(np.random.default_rng(1).bytes(size))
    copy.parent.mkdir()
    for one in (path, copy):
        one.write_bytes(content)
    os.utime(copy, (1, 1))
    before = provenance.file_identity(path)
    assert provenance.file_identity(copy) == before
    for place in (0, size // 2, size - 1):  # a byte at either end, and a column in the middle
        changed = bytearray(content)
        changed[place : place + max(size // 50, 1)] = bytes(max(size // 50, 1))
        path.write_bytes(changed[:size])
        assert provenance.file_identity(path) != before, place


def test_attributes_of_a_large_file_count(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "WHOLE", 1000)
    monkeypatch.setattr(provenance, "SAMPLE", 10)
    path, identities = tmp_path / "data.hdf5", []
    with h5py.File(path, "w") as file:
        file.create_group("Header").attrs["Redshift"] = 0.0
        file["PartType0/Masses"] = np.ones(10**5)
    for redshift in (0.0, 0.1):
        with h5py.File(path, "a") as file:
            file["Header"].attrs["Redshift"] = redshift
        os.utime(path, ns=(int(redshift * 10), int(redshift * 10)))
        identities.append(provenance.file_identity(path)["digest"])
    assert len(set(identities)) == 2


def test_a_file_that_kept_its_time_is_not_read_again(tmp_path, monkeypatch):
    path = tmp_path / "data"
    path.write_text("one")
    known = json.loads(json.dumps(provenance.digests(path)))
    monkeypatch.setattr(provenance, "_KNOWN", {})
    monkeypatch.setattr(provenance.files, "sha256", None)  # nobody may read
    with pytest.raises(TypeError):
        provenance.file_identity(path)
    provenance.remember(known)
    assert provenance.file_identity(path)["digest"] == known[0][-1]
    os.utime(path, (1, 1))
    with pytest.raises(TypeError):
        provenance.file_identity(path)


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
