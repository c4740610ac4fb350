"""Instruments by name, or from a file: X-ray telescopes and radio interferometers.

An instrument is a YAML file: those that ship with the library lie in ``cgmhelpers/sky/data``, and
`load` takes a path to yours as well. A number is given plainly, in the unit that the attribute
names, or as ``{value, unit, status, source}``; shipped numbers all have the long form. status:
"published" is printed in the source, "derived" follows from it as the source says, "adopted" is
this library's choice.
"""

from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from cgmhelpers.errors import DataNotFoundError, FormatError, check_known
from cgmhelpers.sky.hi_instruments import HIInstrument
from cgmhelpers.sky.xray_instruments import XrayInstrument

SHIPPED = ("erosita_erass1", "erosita_erass4", "meerkat_mhongoose_30", "meerkat_mhongoose_90")
"""Names of the instruments that ship with the library."""
DEFAULT = ("erosita_erass4", "meerkat_mhongoose_30")
"""Instruments of commands that aren't told any. They have the depth of the paper's limits."""
KINDS = {"xray": XrayInstrument, "hi": HIInstrument}
"""Instruments by their field."""


def load(name):
    """Read an instrument.

    Parameters
    ----------
    name : str or path
        One of `SHIPPED`, or a YAML file; paths inside it are relative to it.

    Returns
    -------
    XrayInstrument or HIInstrument
        As ``kind`` in the file says.

    Raises
    ------
    DataNotFoundError
        If there is no such instrument, or a file that it names isn't there.
    FormatError
        If the file isn't YAML with the entries of an instrument.
    """
    path = Path(str(files("cgmhelpers.sky") / "data" / f"{name}.yml"))
    if str(name) not in SHIPPED:
        path = Path(name)
    if not path.is_file():
        check_known(
            str(name), SHIPPED, f"There is no instrument {name}.",
            remedy="Name one of these, or a YAML file of yours.", kind=DataNotFoundError,
        )  # fmt: skip
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(given, dict) or given.get("kind") not in KINDS:
            raise ValueError(f"no entry kind: {' or '.join(KINDS)}")
        for entry in ("arf", "psf_file", "spectrum"):
            if isinstance(given.get(entry), str):
                given[entry] = path.parent / given[entry]
                if not given[entry].is_file():
                    raise DataNotFoundError(
                        f"{path} names a file for {entry} that isn't there.", found=given[entry]
                    )
        return KINDS[given["kind"]](**given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"] if one != "float")
        raise FormatError(
            f"{path} isn't an instrument.",
            found=f"{place}: {first['msg']}" if place else first["msg"],
            expected=f"the entries of {KINDS[given['kind']].__name__}",
            remedy="See the files in cgmhelpers/sky/data.",
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, UnicodeDecodeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{path} isn't an instrument.",
            found=" ".join(str(error).split()),
            expected="YAML with plain values and known units",
            remedy="See the files in cgmhelpers/sky/data.",
        ) from None
