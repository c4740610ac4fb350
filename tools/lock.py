"""Write requirements.txt and environment.yml from what is installed beside this interpreter.

Run it (``make lock``) in an environment whose tests pass: the two files say which set of releases
was tested, and `tests/test_environment.py` keeps them equal.
"""

from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.11"
# Ourselves, and what every virtual environment starts with.
LEFT_OUT = {"cgmhelpers", "pip", "setuptools", "wheel"}


def pins():
    """List the installed releases.

    Returns
    -------
    list of str
        ``name==version``, sorted; without local tags such as ``+cpu``, which exist on some
        machines only.
    """
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name.lower() not in LEFT_OUT:
            found[name.lower()] = f"{name}=={distribution.version.partition('+')[0]}"
    return [found[name] for name in sorted(found)]


def main():
    """Write both files."""
    lines = pins()
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


if __name__ == "__main__":
    main()
