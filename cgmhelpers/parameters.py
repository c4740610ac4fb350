"""The parameters of a run: read from a profile, overridden one by one, and checked."""

import types
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cgmhelpers import fields as known_fields
from cgmhelpers.errors import DataNotFoundError, ParameterError


def _parsed(value):
    """Turn text from a command line (``["xray"]``, ``xray,hi``) into the list that it means."""
    if isinstance(value, str):
        text = value.strip()
        value = yaml.safe_load(text if text.startswith("[") else f"[{text}]")
    return value


Names = Annotated[list[str], BeforeValidator(_parsed), Field(min_length=1)]
Numbers = Annotated[list[int | str], BeforeValidator(_parsed), Field(min_length=1)]


class Parameters(BaseModel):
    """Everything that determines a run; a profile gives all of it.

    Parameters
    ----------
    **data
        See the attributes; an unknown name or a wrong type is an error.

    Attributes
    ----------
    profile : str
        Name of the profile.
    run : str
        Name of the run's folder below `runs`; the profile's name by default.
    runs : str
        Folder of all runs, relative to the project.
    data_root : str or None
        Folder with ``Sims`` and ``FOF_Subfind``; None for the mock suite, written into the run.
    suites, set_name, realisations, snapshot
        Which simulations; `realisations` is a number of them, or a list.
    minimum_log_mass : float
        Lower limit of log10 M200c [Msun] of the halos.
    mock_cells, mock_seed : int
        Gas elements in each mock simulation, and the seed of the suite.
    fields : list of str
        Fields to use: networks take each alone, and all together.
    limits : list of str
        ``ideal`` and ``survey``.
    pixels, pixel_size, depth
        Side of the maps, side of a pixel [kpc], half the depth [kpc].
    hydrogen_method : str
        ``trident`` or ``snapshot``.
    map_size : int
        Side of the maps that networks see; a divisor of `pixels`.
    split_by : str
        ``realisation`` or ``halo`` (the paper's).
    seed : int
        Seed of split, weights and order of training.
    channels, epochs, batch_size, learning_rate, weight_decay, dropout, schedule, augmentation
        Settings of the network and of its training.
    workers : int
        Processes side by side; 0 for one a core, or with ``slurm`` for one a task.
    cluster : str or None
        ``none`` (this process and its threads), ``processes`` (the default), ``slurm``, or the
        address of a running Dask scheduler.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    profile: str
    run: str
    runs: str = "runs"
    data_root: str | None
    suites: Names
    set_name: str
    realisations: int | Numbers
    snapshot: int
    minimum_log_mass: float
    mock_cells: int = Field(ge=20_000)
    mock_seed: int
    fields: Names
    limits: Annotated[list[Literal["ideal", "survey"]], BeforeValidator(_parsed)]
    pixels: int = Field(ge=8)
    pixel_size: float = Field(gt=0)
    depth: float = Field(gt=0)
    hydrogen_method: Literal["trident", "snapshot"]
    map_size: int = Field(ge=8)
    split_by: Literal["realisation", "halo"]
    seed: int
    channels: int = Field(ge=1)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1)
    schedule: Literal["cyclic", "one_cycle"]
    augmentation: bool
    workers: int = Field(ge=0)
    cluster: str | None = None

    @model_validator(mode="after")
    def _check(self):
        for name in self.fields:
            known_fields.get(name)
        if self.pixels % self.map_size:
            raise ParameterError(
                "map_size must divide pixels.",
                found=f"{self.map_size} of {self.pixels}",
                expected="a divisor",
            )
        return self

    @property
    def realisation_list(self):
        """The realisations as a list."""
        if isinstance(self.realisations, int):
            return list(range(self.realisations))
        return list(self.realisations)

    @property
    def field_sets(self):
        """Inputs of networks: each field alone, then all together."""
        single = [(name,) for name in self.fields]
        return single if len(single) == 1 else [*single, tuple(self.fields)]


def project_root():
    """Find the folder that holds ``notebooks`` and ``book``.

    Returns
    -------
    Path
        The working folder or one above it, or else the folder that the package was installed
        from in editable mode.

    Raises
    ------
    DataNotFoundError
        If there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "_config.yml").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise DataNotFoundError(
        "The project's folder isn't here.",
        found=here,
        expected="a folder with _config.yml and notebooks",
        remedy="Change to the clone of the project.",
    )


def profile_path(profile):
    """Path of a profile.

    Parameters
    ----------
    profile : str
        A name in ``book/parameters``, or a path to a YAML file.

    Returns
    -------
    Path

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    """
    path = Path(profile)
    if path.suffix not in (".yml", ".yaml"):
        path = project_root() / "book" / "parameters" / f"{profile}.yml"
    if not path.is_file():
        known = sorted(p.stem for p in (project_root() / "book" / "parameters").glob("*.yml"))
        raise DataNotFoundError(
            f"There is no profile {str(profile)!r}.",
            found=path,
            expected=f"one of {known}, or a path to a .yml file",
        )
    return path


def read(profile, **overrides):
    """Read a profile and override some of its parameters.

    Parameters
    ----------
    profile : str
        A name in ``book/parameters``, or a path.
    **overrides
        Parameters; None leaves the profile's value.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        For an unknown name or a wrong value.
    """
    path = profile_path(profile)
    values = yaml.safe_load(path.read_text()) or {}
    values |= {name: value for name, value in overrides.items() if value is not None}
    values |= {"profile": str(profile)}
    values.setdefault("run", path.stem)
    try:
        return Parameters(**values)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'parameters'}: {e['msg']}" for e in error.errors()
        ]
        given = {str(e["loc"][0]): e["input"] for e in error.errors() if e["loc"]}
        raise ParameterError(
            f"Profile {path.name} with its overrides isn't valid. " + "; ".join(lines) + ".",
            found=given,
            expected=f"parameters among {sorted(Parameters.model_fields)}",
        ) from None


_NOT_PARAMETERS = {"In", "Out", "exit", "quit", "open", "get_ipython"}


def from_namespace(namespace):
    """Read the parameters of a notebook from its global names.

    Every plain value in the namespace counts as a parameter, so that a name that papermill
    injected and that no notebook knows is an error instead of having no effect.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the notebook, right after its parameters cell.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        For an unknown name or a wrong value.
    """
    values = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _NOT_PARAMETERS
        and not callable(value)
        and not isinstance(value, types.ModuleType)
    }
    if "profile" not in values:
        raise ParameterError("The notebook has no parameter 'profile'.", found=sorted(values))
    return read(**values)
