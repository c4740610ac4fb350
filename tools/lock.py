"""Write requirements.txt, environment.yml and pylock.toml from what is installed.

Run it (``make lock``) in an environment whose tests pass: the files say which set of releases was
tested, and `tests/test_environment.py` keeps them equal. With ``wheelhouse`` (``make wheelhouse``)
it fetches the files that pylock.toml names, for machines without a network.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "pylock.toml"
PYTHON = "3.11"
# Ourselves, and what every virtual environment starts with.
LEFT_OUT = {"cgmhelpers", "pip", "setuptools", "wheel"}
WHEELHOUSE = "wheelhouse"
TOOLS = ["pip", "setuptools", "wheel"]
"""What reads pylock.toml, and builds packages that are published as sources only."""
MARKERS = ("implementation_name", "platform_machine", "python_version", "sys_platform")
"""What the files of pylock.toml depend on."""


def installed():
    """List the installed releases.

    Returns
    -------
    list of str
        ``name==version``, sorted.
    """
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name.lower() not in LEFT_OUT:
            found[name.lower()] = f"{name}=={distribution.version}"
    return [found[name] for name in sorted(found)]


def pins(releases):
    """Leave out local tags such as ``+cpu``, which exist on some machines only.

    Parameters
    ----------
    releases : list of str
        From `installed`.

    Returns
    -------
    list of str
        ``name==version``.
    """
    return [one.partition("+")[0] for one in releases]


def pip(*arguments):
    """Run pip.

    Parameters
    ----------
    *arguments : str
        Of its command line.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def resolved(releases):
    """Ask pip which files it would install, and where these run.

    Parameters
    ----------
    releases : list of str
        ``name==version``.

    Returns
    -------
    files : list of tuple of str
        Name and version of a package, name of its file, SHA-256.
    environment : dict of str to str
        Value of each marker.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, report = Path(folder, "requirements.txt"), Path(folder, "report.json")
        asked.write_text("\n".join(releases))
        options = ["--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--prefer-binary"]
        pip("install", *options, "--report", str(report), "-r", str(asked))
        told = json.loads(report.read_text())
    files = []
    for one in told["install"]:
        found = one["download_info"]
        # Whence a file came is left out: other machines have other mirrors.
        file = Path(unquote(urlparse(found["url"]).path)).name
        name = canonicalize_name(one["metadata"]["name"])
        digest = found["archive_info"]["hashes"]["sha256"]
        files.append((name, one["metadata"]["version"], file, digest))
    return sorted(files), told["environment"]


def pylock(files, environment):
    """Write what `resolved` tells as PEP 751 has it.

    Parameters
    ----------
    files : list of tuple of str
        Name, version, file and SHA-256.
    environment : dict of str to str
        Value of each marker.

    Returns
    -------
    str
        TOML.
    """
    marker = " and ".join(f"{name} == '{environment[name]}'" for name in MARKERS)
    lines = [
        "# The files of the pins, for machines without a network. `make lock` writes this, and",
        f"# `make {WHEELHOUSE}` fetches them.",
        'lock-version = "1.0"',
        f'environments = ["{marker}"]',
        f'requires-python = "=={environment["python_version"]}.*"',
        'created-by = "cgmhelpers-lock"',
    ]
    for name, version, file, digest in files:
        place = f'{{path = "{WHEELHOUSE}/{file}", hashes = {{sha256 = "{digest}"}}}}'
        kind = f"wheels = [{place}]" if file.endswith(".whl") else f"sdist = {place}"
        lines += ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"', kind]
    return "\n".join(lines) + "\n"


def write():
    """Write the three files."""
    releases = installed()
    lines = pins(releases)
    (ROOT / "requirements.txt").write_text(
        f"# The releases that were tested together, on Python {PYTHON}. `make lock` writes this.\n"
        + "".join(f"{line}\n" for line in lines)
    )
    (ROOT / "environment.yml").write_text(
        "# The pins of requirements.txt for conda users. `make lock` writes this.\n"
        "name: cgmhelpers\n"
        "channels:\n  - conda-forge\n"
        f"dependencies:\n  - python={PYTHON}\n  - pip\n  - pip:\n"
        + "".join(f"      - {line}\n" for line in lines)
    )
    LOCK.write_text(pylock(*resolved(releases)))


def gather(folder, lock):
    """Fetch the files that a lock names, what installs them, and our wheel; pip compares digests.

    Parameters
    ----------
    folder : path
        Where they go, beside the lock.
    lock : path
        File that `pylock` wrote.
    """
    asked = []
    for one in tomllib.loads(Path(lock).read_text())["packages"]:
        file = one["sdist"] if "sdist" in one else one["wheels"][0]
        asked.append(f"{one['name']}=={one['version']} --hash=sha256:{file['hashes']['sha256']}")
    with tempfile.TemporaryDirectory() as temporary:
        listed = Path(temporary, "requirements.txt")
        listed.write_text("\n".join(asked))
        options = ["--quiet", "--no-deps", "--dest", str(folder)]
        pip("download", *options, "--require-hashes", "-r", str(listed))
    pip("download", *options, *TOOLS)
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["lock", WHEELHOUSE], default="lock")
    if parser.parse_args().what == "lock":
        write()
    else:
        gather(ROOT / WHEELHOUSE, LOCK)
