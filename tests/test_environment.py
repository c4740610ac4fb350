"""The pins are one set, complete, and what CI tests with."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cgmhelpers

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
    assert citation["version"] == cgmhelpers.__version__
    assert citation["title"] == zenodo["title"]
    assert citation["license"] == zenodo["license"] == PROJECT["license"]
    assert f"## {cgmhelpers.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_make_lets_python_keep_what_it_compiled():
    """Containers often forbid it; an import of all libraries then takes 12 seconds instead of 5."""
    told = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = ["make", "--no-print-directory", "--eval", "show:; @env", "show"]
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=True)
    assert "PATH=" in done.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout
