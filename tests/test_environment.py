"""The pins are one set, complete, and what CI tests with."""

import ast
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [
    Requirement(line)
    for line in [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
]


def pinned(lines):
    """Read ``name==version`` lines into a mapping; anything else is an error."""
    found = {}
    for line in lines:
        name, version = re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups()
        assert canonicalize_name(name) not in found
        found[canonicalize_name(name)] = version
    return found


def requirements():
    text = (ROOT / "requirements.txt").read_text()
    return pinned(line for line in text.splitlines() if line and not line.startswith("#"))


def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def test_conda_and_pip_have_the_same_pins():
    (by_pip,) = [entry["pip"] for entry in conda() if isinstance(entry, dict)]
    assert len(by_pip) > 100
    assert pinned(by_pip) == requirements()


def lock():
    return Pylock.from_dict(tomllib.loads((ROOT / "pylock.toml").read_text()))


def files(package):
    return [package.sdist] if package.sdist else package.wheels


def test_the_lock_has_the_same_pins_and_a_digest_of_each_file():
    found = lock()
    assert {one.name: one.version.public for one in found.packages} == requirements()
    for package in found.packages:
        (file,) = files(package)
        assert re.fullmatch("[0-9a-f]{64}", file.hashes["sha256"])
        assert file.path == f"wheelhouse/{file.filename}"
        assert file.url is None
        assert package.index is None  # each machine has its own


def test_the_lock_says_where_its_files_run():
    found = lock()
    linux = {"platform_machine": "x86_64", "sys_platform": "linux"}
    python = {"implementation_name": "cpython", "python_version": "3.11"}
    (environment,) = found.environments
    assert environment.evaluate(linux | python)
    assert not environment.evaluate(linux | python | {"sys_platform": "darwin"})
    assert "3.11.7" in found.requires_python
    assert "3.12.0" not in found.requires_python


def test_a_lock_is_written_from_what_pip_reports():
    spec = importlib.util.spec_from_file_location("lock", ROOT / "tools" / "lock.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    told = [
        ("one", "1.0+cpu", "one-1.0+cpu-py3-none-any.whl", "a" * 64),
        ("two", "2.0", "two-2.0.tar.gz", "b" * 64),
    ]
    machine = dict.fromkeys(tool.MARKERS, "x") | {"python_version": "3.11"}
    written = Pylock.from_dict(tomllib.loads(tool.pylock(told, machine)))
    assert [
        (one.name, str(one.version), file.filename, file.hashes["sha256"])
        for one in written.packages
        for file in files(one)
    ] == told


@pytest.mark.slow
@pytest.mark.network
def test_files_of_a_lock_are_fetched_and_a_changed_digest_is_refused(tmp_path):
    spec = importlib.util.spec_from_file_location("lock", ROOT / "tools" / "lock.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    path = tmp_path / "pylock.toml"
    text = tool.pylock(*tool.resolved([f"tqdm=={requirements()['tqdm']}"]))
    path.write_text(text)
    tool.gather(tmp_path / "wheelhouse", path)
    (package,) = Pylock.from_dict(tomllib.loads(text)).packages
    assert (tmp_path / files(package)[0].path).is_file()
    assert {"cgmhelpers", "pip", "setuptools", "tqdm", "wheel"} == {
        one.name.partition("-")[0] for one in (tmp_path / "wheelhouse").iterdir()
    }
    path.write_text(re.sub("[0-9a-f]{64}", "0" * 64, text))
    with pytest.raises(subprocess.CalledProcessError):
        tool.gather(tmp_path / "again", path)


def test_conda_gives_a_python_that_the_package_admits():
    (python,) = [entry for entry in conda() if str(entry).startswith("python=")]
    least = PROJECT["requires-python"].removeprefix(">=")
    assert tuple(map(int, python.split("=")[1].split("."))) >= tuple(map(int, least.split(".")))


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_every_direct_dependency_is_pinned_inside_its_range(requirement):
    version = requirements()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


def test_torch_is_pinned_without_a_local_build_and_its_range_admits_later_ones():
    assert requirements()["torch"] == "2.13.0"
    (torch,) = [requirement for requirement in DIRECT if requirement.name == "torch"]
    assert torch.specifier.contains("2.14.0")


def test_every_package_that_the_library_imports_is_a_declared_dependency():
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    optional = [*EXTRAS["book"], *EXTRAS["onnx"]]
    declared |= {canonicalize_name(Requirement(line).name) for line in optional}
    owners = importlib.metadata.packages_distributions()
    imported = {}
    for path in (ROOT / "cgmhelpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            imported |= {name.partition(".")[0]: path.name for name in names}
    foreign = set(imported) - set(sys.stdlib_module_names) - {"cgmhelpers"}
    assert {"numpy", "torch", "yt"} <= foreign
    undeclared = {
        name: imported[name]
        for name in foreign
        if not declared & {canonicalize_name(owner) for owner in owners.get(name, ())}
    }
    assert undeclared == {}


@pytest.mark.skipif(not os.environ.get("CI"), reason="other releases than the pins are allowed")
def test_ci_tests_the_pins():
    # In a process of its own: setuptools, which torch's compiler imports, puts its own old copies
    # of other packages into the path of the process that asks.
    code = (
        "import importlib.metadata as m, json; "
        "print(json.dumps([(d.metadata['Name'], d.version) for d in m.distributions()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    installed = {
        canonicalize_name(name): version.partition("+")[0]
        for name, version in json.loads(done.stdout)
    }
    pins = requirements()
    assert {name: installed.get(name) for name in pins} == pins


def test_the_citation_names_the_version_and_the_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    zenodo = json.loads((ROOT / ".zenodo.json").read_text())
    assert citation["title"] == zenodo["title"]
    assert citation["license"] == zenodo["license"] == PROJECT["license"]
    assert f"## {citation['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_a_tag_is_the_cited_version_and_so_is_the_version_without_one():
    """Without git, or without a tag, the version says what it is on the way to, or follows."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    assert Version(fallback()).base_version == cited
    asked = ["git", "tag", "--points-at", "HEAD", "--list", "v*"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() in ([], [f"v{cited}"])


def fallback():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["version"][
        "fallback-version"
    ]


@pytest.fixture(scope="module")
def hatch(tmp_path_factory):
    """Return a function that tells the version that a build in a folder has."""
    place = tmp_path_factory.mktemp("hatch")
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--target", place, *needed], check=True)

    def version(folder):
        command = [sys.executable, "-m", "hatchling", "version"]
        told = os.environ | {"PYTHONPATH": str(place)}
        done = subprocess.run(command, cwd=folder, env=told, capture_output=True, check=True)
        return done.stdout.decode().strip()

    return version


@pytest.mark.slow
@pytest.mark.network
def test_the_version_is_made_of_the_tag(hatch, tmp_path):
    def git(*words):
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", *author, "-C", source, *words]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def archived(name):
        (tmp_path / name).mkdir()
        with tarfile.open(fileobj=io.BytesIO(git("archive", "HEAD"))) as archive:
            archive.extractall(tmp_path / name, filter="data")
        return tmp_path / name

    source, plain = tmp_path / "source", tmp_path / "plain"
    for folder in (source, plain):
        folder.mkdir()
        for name in ("pyproject.toml", ".gitattributes", ".git_archival.txt"):
            shutil.copy(ROOT / name, folder)
    (plain / ".git_archival.txt").unlink()
    assert hatch(plain) == fallback()
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    base = Version(fallback()).base_version
    assert Version(hatch(source)).base_version == base  # of a clone without tags
    assert hatch(archived("untagged")) == fallback()
    git("tag", "v7.8.9")
    assert hatch(source) == hatch(archived("tagged")) == "7.8.9"
    git("commit", "--quiet", "--allow-empty", "--message", "second")
    for folder in (source, archived("later")):
        assert re.fullmatch(r"7\.8\.9\.post1\.dev1\+g[0-9a-f]+", hatch(folder))


def test_make_lets_python_keep_what_it_compiled():
    """Containers often forbid it; an import of all libraries then takes 12 seconds instead of 5."""
    told = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = ["make", "--no-print-directory", "--eval", "show:; @env", "show"]
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=True)
    assert "PATH=" in done.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout
