"""The parameters of a run: read from a profile, overridden one by one, and checked."""

import types
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.network.settings import MAX_SEED
from cgmhelpers.simulations import layout, sets


def parse(text, source):
    """Read YAML, which may hold values and never code.

    Parameters
    ----------
    text : str
        The YAML.
    source : str
        Where it is from, for the message.

    Returns
    -------
    object
        What it says.

    Raises
    ------
    ParameterError
        If it isn't YAML, or asks for more than plain values.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(
            f"{source} can't be read.",
            found=" ".join(str(error).split()),
            expected="YAML with plain values, such as name: value",
        ) from None


def _parsed(value):
    """Turn text from a command line (``["xray"]``, ``xray,hi``) into the list that it means."""
    if isinstance(value, str):
        text = value.strip()
        value = parse(text if text.startswith("[") else f"[{text}]", repr(value))
    return value


def _each_once(values):
    if len(set(values)) < len(values):
        raise ValueError("each may be given once only")
    return values


# What becomes a part of a path can't leave its folder: no separators, no leading dot.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=100)]
Number = Annotated[int, Field(ge=0)]
# Half of what libraries take: members of an ensemble count on from it.
Seed = Annotated[int, Field(ge=0, le=MAX_SEED // 2)]
_Listed = (BeforeValidator(_parsed), Field(min_length=1), AfterValidator(_each_once))
Names = Annotated[list[Name], *_Listed]
Fields = Annotated[list[Name], *_Listed, AfterValidator(known_fields.canonical)]
Numbers = Annotated[list[Number | Name], *_Listed]


class Simulations(BaseModel):
    """Some simulations of one set.

    Parameters
    ----------
    **data
        See the attributes.

    Attributes
    ----------
    set_name, volume : str
        Names of the set and of the box.
    realisations : int or list
        How many of the set, or which.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    set_name: Name
    realisations: Annotated[int, Field(ge=1, strict=True)] | Numbers
    volume: Name = layout.DEFAULT_VOLUME

    @property
    def boxes(self):
        """Volume, set and realisation of each simulation."""
        chosen = self.realisations
        if isinstance(chosen, int):
            chosen = sets.first(self.set_name, chosen)
        return [(self.volume, self.set_name, realisation) for realisation in chosen]


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
    suites, set_name, realisations, snapshot, volume
        Which simulations; `realisations` is a number of them, or a list.
    also : list of Simulations
        Simulations of further sets or volumes, in every suite.
    electrons : str or None
        What the snapshots count electrons per: see
        `cgmhelpers.simulations.dialects.ELECTRONS`.
    minimum_log_mass : float
        Lower limit of log10 M200c [Msun] of the halos.
    mock_cells, mock_seed : int
        Gas elements in each mock simulation, and the seed of the suite.
    fields : list of str
        Fields to use: networks take each alone, and all together.
    map_fields : list of str
        Fields of the maps; by default those of the profile, and `fields`. So a run that takes fewer
        fields than its profile uses the same maps.
    limits : list of str
        ``ideal`` and ``survey``.
    pixels, pixel_size, depth
        Side of the maps, side of a pixel [kpc], half the depth [kpc].
    hydrogen_method : str
        ``trident`` or ``snapshot``.
    map_size : int
        Side of the maps that networks see; a divisor of `pixels`.
    split_by : str
        ``halo`` (the paper's), ``realisation`` or ``seed``: see `cgmhelpers.network.splits.split`.
    seed : int
        Seed of split, weights and order of training.
    channels, epochs, batch_size, learning_rate, weight_decay, dropout, schedule, augmentation
        Settings of the network and of its training.
    trials, trial_epochs, trial_map_size : int
        Of the study that tunes hyperparameters: trainings tried, their epochs, and side of maps.
    comparison_suites : list of str
        Suites in which networks of one property, and one with the other split, are trained too.
    members : int
        Networks of each ensemble: of all fields, with the last limits, in every suite.
    posterior_steps : int
        Steps of the training of each normalising flow, at most.
    accelerator, devices, precision
        What trains a network, how many of it share each batch, and in which arithmetic: see
        `cgmhelpers.network.settings.TrainingSettings`.
    workers : int
        Processes side by side; 0 for one a core, or with ``slurm`` for one a task.
    cluster : str or None
        ``none`` (this process and its threads), ``processes`` (the default), ``slurm``, or the
        address of a running Dask scheduler.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    profile: str
    run: Name
    runs: str = "runs"
    data_root: str | None
    suites: Names
    set_name: Name
    realisations: Annotated[int, Field(ge=1)] | Numbers
    snapshot: int = Field(ge=0, le=999)
    volume: Name = layout.DEFAULT_VOLUME
    also: list[Annotated[Simulations, Field(strict=False)]] = []
    electrons: Literal["per_hydrogen", "per_mass_without_dust"] | None = None
    minimum_log_mass: float = Field(ge=8, le=17)
    mock_cells: int = Field(ge=20_000)
    mock_seed: Seed
    fields: Fields
    map_fields: Fields
    limits: Annotated[list[Literal["ideal", "survey"]], *_Listed]
    pixels: int = Field(ge=8)
    pixel_size: float = Field(gt=0)
    depth: float = Field(gt=0)
    hydrogen_method: Literal["trident", "snapshot"]
    map_size: int = Field(ge=8)
    split_by: Literal["halo", "realisation", "seed"]
    seed: Seed
    channels: int = Field(ge=1)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1)
    schedule: Literal["cyclic", "one_cycle"]
    augmentation: bool
    trials: int = Field(ge=1)
    trial_epochs: int = Field(ge=1)
    trial_map_size: int = Field(ge=8)
    comparison_suites: Names
    members: int = Field(ge=2)
    posterior_steps: int = Field(ge=1)
    workers: int = Field(ge=0)
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int = Field(1, ge=1)
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"
    cluster: str | None = None

    @model_validator(mode="after")
    def _check(self):
        if not set(self.fields) <= set(self.map_fields):
            raise ParameterError(
                "The maps must have all fields that networks take.",
                found=f"map_fields = {self.map_fields}",
                expected=self.fields,
            )
        for name in ("map_size", "trial_map_size"):
            size = getattr(self, name)
            if self.pixels % size:
                raise ParameterError(
                    f"{name} must divide pixels.",
                    found=f"{size} of {self.pixels}",
                    expected="a divisor",
                )
            if size & (size - 1):
                raise ParameterError(
                    f"{name} must be a power of two.",
                    found=size,
                    expected="8, 16, 32, 64, 128 or so: each block of the network halves it",
                )
        boxes = self.boxes
        twice = [box for box in boxes if boxes.count(box) > 1]
        if twice:
            raise ParameterError(
                "The run takes a simulation twice.",
                found="{1}_{2} of {0}".format(*twice[0]),
                expected="set_name, volume and realisations, and those of also, without overlap",
            )
        if self.data_root is None:
            self._check_mock()
        return self

    def _check_mock(self):
        """Refuse suites, sets and simulations that the mock can't write."""
        # Imported here: most commands need no mock, and it imports pandas and Astropy.
        from cgmhelpers.mock import sets as mock_sets
        from cgmhelpers.mock import writing

        strange = [name for name in self.suites if name not in writing.SUITES]
        if strange:
            raise ParameterError(
                "The mock suite can't have these suites.",
                found=strange,
                expected=f"suites among {', '.join(writing.SUITES)}",
                remedy="Name a data_root that has them.",
            )
        for suite in self.suites:
            for volume, set_name, realisation in self.boxes:
                drawn = mock_sets.parameters(suite, set_name, realisation)
                mock_sets.volume(drawn, self.snapshot, volume)

    @property
    def boxes(self):
        """Volume, set and realisation of each simulation; the same in every suite."""
        first = Simulations(
            set_name=self.set_name, realisations=self.realisations, volume=self.volume
        )
        return [box for chosen in (first, *self.also) for box in chosen.boxes]

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
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
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
    values = parse(path.read_bytes(), path) or {}
    if not isinstance(values, dict):
        raise ParameterError(
            f"{path} isn't a profile.",
            found=type(values).__name__,
            expected="lines of name: value",
        )
    of_profile = _parsed(values.get("fields"))
    values |= {name: value for name, value in overrides.items() if value is not None}
    values |= {"profile": str(profile)}
    if "map_fields" not in values and isinstance(of_profile, list):
        given = _parsed(values["fields"])
        also = [name for name in given if name not in of_profile] if isinstance(given, list) else []
        values["map_fields"] = [*of_profile, *also]
    values.setdefault("run", path.stem)
    try:
        return Parameters.model_validate(values)
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
