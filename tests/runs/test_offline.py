"""Bringing other people's scripts: only what was pinned gets in."""

import hashlib
import io
import sys
import tarfile

import pytest

from cgmhelpers import errors
from cgmhelpers.runs import offline

MEMBERS = {
    "package/dist/wanted.js": b"wanted",
    "package/dist/other.js": b"other",
    "package/../../escaped.woff2": b"font",
}


def packed(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Make a bundle and an npm that packs it; the npm counts how often it is asked."""
    content = packed(MEMBERS)
    (tmp_path / "content").write_bytes(content)
    npm = tmp_path / "npm"
    npm.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "name = sys.argv[-1].lstrip('@').replace('/', '-')\n"
        "cut = name.rindex('@')\n"
        f"content = pathlib.Path({str(tmp_path / 'content')!r}).read_bytes()\n"
        "pathlib.Path(name[:cut] + '-' + name[cut + 1:] + '.tgz').write_bytes(content)\n"
        f"with open({str(tmp_path / 'asked')!r}, 'a') as log: log.write(sys.argv[-1] + '\\n')\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("CGM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(offline, "npm_command", lambda: str(npm))
    digest = hashlib.sha256(content).hexdigest()
    return offline.Bundle("@some/package", "1.2.3", digest, "some", ("wanted.js", ".woff2"))


def test_wanted_members_come_and_stay_inside_the_target(bundle, tmp_path):
    target = tmp_path / "deep" / "target"
    assert offline.vendor_assets(target, [bundle])
    found = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*.*")}
    assert found == {"some/wanted.js": b"wanted", "some/escaped.woff2": b"font"}
    assert not list(tmp_path.rglob("deep/escaped*"))


def test_second_time_comes_from_the_cache(bundle, tmp_path):
    assert offline.vendor_assets(tmp_path / "one", [bundle])
    assert offline.vendor_assets(tmp_path / "two", [bundle])
    assert (tmp_path / "asked").read_text().splitlines() == ["@some/package@1.2.3"]


def test_damaged_cache_is_brought_again(bundle, tmp_path):
    offline.vendor_assets(tmp_path / "one", [bundle])
    (kept,) = (tmp_path / "cache" / "npm").glob("*.tgz")
    kept.write_bytes(b"damaged")
    assert offline.vendor_assets(tmp_path / "two", [bundle])
    assert (tmp_path / "two" / "some" / "wanted.js").exists()


def test_archive_with_another_hash_is_refused(bundle, tmp_path, caplog):
    (tmp_path / "content").write_bytes(packed({"package/dist/wanted.js": b"evil"}))
    assert not offline.vendor_assets(tmp_path / "target", [bundle])
    assert "SHA-256" in caplog.text
    assert not (tmp_path / "target").exists()
    assert not list((tmp_path / "cache").rglob("*.tgz"))


def test_no_npm_is_said(bundle, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(offline, "npm_command", lambda: None)
    assert not offline.vendor_assets(tmp_path / "target", [bundle])
    assert "npm" in caplog.text


def test_bundle_without_its_members_is_an_error(bundle, tmp_path):
    wrong = offline.Bundle(bundle.package, bundle.version, bundle.sha256, "some", ("absent.js",))
    with pytest.raises(errors.FormatError, match=r"absent\.js"):
        offline.vendor_assets(tmp_path / "target", [wrong])


def test_web_assembly_comes_as_a_script(bundle, tmp_path):
    """A page that was opened as a plain file may load scripts, and nothing else."""
    content = packed({"package/dist/engine.wasm": b"\0asm"})
    (tmp_path / "content").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    engine = offline.Bundle(bundle.package, bundle.version, digest, "some", ("engine.wasm",))
    assert offline.vendor_assets(tmp_path / "target", [engine])
    (script,) = (tmp_path / "target" / "some").iterdir()
    assert script.name == "engine.wasm.js"
    assert script.read_text() == 'window.cgmWasm = "data:application/wasm;base64,AGFzbQ==";\n'
