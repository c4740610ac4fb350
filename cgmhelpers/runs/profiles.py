"""Profiles: parameters read from a file, overridden one by one, with every wrong one named."""

import os
import re
from pathlib import Path

from pydantic import ValidationError

from cgmhelpers.errors import CGMError, DataNotFoundError, ParameterError, meant
from cgmhelpers.runs.core_schema import parse
from cgmhelpers.runs.parameters import Parameters
from cgmhelpers.runs.project import project_root, runs_folder
from cgmhelpers.runs.values import listed, text_of


def profile_path(profile):
    """Return the path of a profile.

    Parameters
    ----------
    profile : str
        A name in ``book/parameters``, or a path to a YAML file.

    Returns
    -------
    Path
        An absolute one.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    """
    path = _placed(profile, Path.cwd())
    if path.suffix not in (".yml", ".yaml"):
        path = project_root() / "book" / "parameters" / f"{profile}.yml"
    if not path.is_file():
        known = sorted(p.stem for p in (project_root() / "book" / "parameters").glob("*.yml"))
        question = meant([Path(profile).stem], known)
        raise DataNotFoundError(
            f"There is no profile {str(profile)!r}.",
            found=path,
            expected=None if question else f"one of {', '.join(known)}, or a path to a .yml file",
            remedy=question or None,
        )
    return path


def read(profile, **overrides):
    """Read a profile and override some of its parameters.

    A relative path in a profile starts at the profile's folder, and any other at the working
    folder. Each is made absolute here.

    Parameters
    ----------
    profile : str
        A name in ``book/parameters``, or a path.
    **overrides
        Parameters. An ellipsis (``...``) leaves the profile's value; None is a value, such as that
        of a `data_root` for the mock suite.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        For an unknown name or a wrong value.
    """
    if not isinstance(profile, str | Path) or not str(profile):
        raise ParameterError(
            "profile names no profile.", found=repr(profile), expected="a name, or a path"
        )
    path = profile_path(profile)
    values = parse(path.read_bytes(), path)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ParameterError(
            f"{path} isn't a profile.",
            found=type(values).__name__,
            expected="lines of name: value",
        )
    overrides = {name: value for name, value in overrides.items() if value is not ...}
    if "None" in (values.get("data_root"), overrides.get("data_root")):
        raise ParameterError(
            "data_root is the text None.",
            found="None, which isn't a word of YAML",
            expected="a folder, or null for the mock suite",
            remedy="Write null; a folder of that name is ./None.",
        )
    _place(values, path.parent)
    _place(overrides, Path.cwd())
    of_profile = values.get("fields")
    values = {"run": path.stem} | values | overrides
    values["profile"] = str(path if Path(profile).suffix else profile)
    if "runs" not in values:
        values["runs"] = str(runs_folder())
    if "map_fields" not in values:
        values["map_fields"] = _either(of_profile, values.get("fields"))
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        raise _refusal(error, path, values) from None


def _placed(path, folder):
    return Path(os.path.normpath(folder / os.path.expanduser(path)))


def _place(values, folder):
    """Make the paths among some values absolute; a relative one starts at a folder."""
    for name in ("runs", "data_root"):
        if isinstance(values.get(name), str | Path) and str(values[name]):
            values[name] = str(_placed(values[name], folder))
    if isinstance(values.get("instruments"), list):
        values["instruments"] = [
            str(_placed(one, folder)) if str(one).endswith((".yml", ".yaml")) else one
            for one in values["instruments"]
        ]


def _either(some, others):
    """Return the fields of two lists; an invalid one is refused as `fields`, and not here."""
    lists = [listed(some), listed(others)]
    texts = [one for some in lists if isinstance(some, list) for one in some]
    return list(dict.fromkeys(text_of(one) for one in texts if isinstance(one, str))) or others


def _refusal(error, path, values):
    """Return the error that names each wrong parameter once, with its value."""
    wrong, unknown, remedies = {}, [], []
    for one in error.errors():
        cause = one.get("ctx", {}).get("error")
        if not one["loc"]:  # of several parameters together: says it all itself
            return cause if isinstance(cause, CGMError) else ParameterError(one["msg"])
        name = str(one["loc"][0])
        text = str(cause) if cause else one["msg"].removeprefix("Input should be ")
        if isinstance(cause, CGMError):
            text = cause.expected or cause.problem.rstrip(".")
            remedies.append(cause.remedy or "")
        elif one["type"] == "literal_error":
            known = re.findall(r"'([^']+)'", one["ctx"]["expected"])
            remedies.append(meant([one["input"]], known))
        if one["type"] == "extra_forbidden":
            text = "no such name"
            unknown.append(name)
        within = [str(part) for part in one["loc"][2:]]
        if name == "also" and within:  # which of its entries, and what of it
            text = "no such name" if one["type"] == "extra_forbidden" else text
            text = f"{within[0]} of entry {one['loc'][1]}: {text}"
        wrong.setdefault(name, []).append(text)
    if "fields" in wrong:
        wrong.pop("map_fields", None)  # which come from them
    told = "; ".join(f"{name}: {' or '.join(dict.fromkeys(map(str, texts)))}"
                     for name, texts in wrong.items())  # fmt: skip
    if unknown:
        known = Parameters.model_fields
        remedies.append(meant(unknown, known) or "`cgm parameters` lists all.")
    if any(name in values and values[name] is None for name in wrong):
        remedies.append("An ellipsis (...) leaves the value of the profile.")
    return ParameterError(
        f"Profile {path.name} with its overrides isn't valid.",
        found=", ".join(f"{n} = {values[n]!r}" if n in values else f"no {n}" for n in wrong),
        expected=told,
        remedy=" ".join(filter(None, dict.fromkeys(remedies))) or None,
    )


def from_namespace(namespace):
    """Read the parameters of a notebook from names and their values.

    Parameters
    ----------
    namespace : dict
        What the parameters cell assigns. Names with a leading underscore are nobody's business.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        For an unknown name or a wrong value.
    """
    values = {name: value for name, value in namespace.items() if not name.startswith("_")}
    if "profile" not in values:
        raise ParameterError("The notebook has no parameter 'profile'.", found=sorted(values))
    return read(**values)
