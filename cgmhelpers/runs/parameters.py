"""The parameters of a run, their bounds, and what must hold of several together."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cgmhelpers.errors import ParameterError, check_known
from cgmhelpers.halos import properties
from cgmhelpers.runs.values import (
    Fields,
    Integer,
    Limits,
    Name,
    Names,
    Range,
    Ranges,
    Real,
    Realisations,
    Seed,
    Text,
    Texts,
    Truth,
    listed,
)
from cgmhelpers.simulations import layout, sets

SOURCES = 1.0
"""Point sources that are masked in an observed map, on average."""


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
    realisations: Realisations
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
        Name of the profile, or its path.
    run : str
        Name of the run's folder below `runs`; the profile's name by default.
    runs : str
        Folder of all runs; by default as `cgmhelpers.runs.project.runs_folder` says.
    data_root : str or null
        Folder with ``Sims`` and ``FOF_Subfind``; null for the mock suite, written into the run.
    suites : list of str
        Suites, in the order of tables and figures.
    set_name : str
        Set of simulations: CV, LH, 1P, ...
    realisations : int or list
        How many simulations of the set in each suite, or which.
    snapshot : int
        Number of the snapshot; 90 is redshift 0.
    volume : str
        Box of the simulations: L25n256, L50n512, ...
    also : list of Simulations
        Simulations of further sets or volumes, in every suite: mappings with set_name,
        realisations and perhaps volume.
    electrons : str or null
        What the snapshots count electrons per: see `cgmhelpers.simulations.dialects.ELECTRONS`.
    minimum_log_mass : float
        Lower limit of log10 M200c [Msun] of the halos.
    mock_cells : int
        Gas elements in each mock simulation.
    mock_seed : int
        Seed of the mock suite.
    fields : list of str
        Fields to use: networks take each alone, and all together.
    map_fields : list of str
        Fields of the maps; by default those of the profile, and `fields`. So a run that takes fewer
        fields than its profile uses the same maps.
    limits : list of str
        Limits of the maps: ideal (none but the floor), survey (as faint as surveys see), observed
        (as the `instruments` see them).
    instruments : list of str
        Names or YAML files of instruments, one for X-rays and one for HI: see
        `cgmhelpers.sky.instruments`.
    redshifts : list of float
        Range of the redshift of observed halos.
    exposures : list of float
        Range of exposures, in those of the instruments.
    sky_map_size : int
        Side of the maps of the network for telescopes' files (`Run.sky_network`), in pixels.
    sky_epochs : int
        Epochs of that network.
    pixels : int
        Side of the maps in pixels.
    pixel_size : float
        Side of a pixel [kpc].
    depth : float
        Half the depth of the maps along the line of sight [kpc].
    hydrogen_method : str
        Source of the neutral fraction: trident (its table), or snapshot (the file's column).
    map_size : int
        Side of the maps that networks see, in pixels; a divisor of `pixels`.
    split_by : str
        What isn't shared between training and test: halo (the paper's), realisation or seed. See
        `cgmhelpers.network.splits.split`.
    ranges : dict of str to list of float
        Ranges of properties, wider than those of the paper's Table 1: see
        `cgmhelpers.network.settings.TrainingSettings`.
    seed : int
        Seed of split, weights and order of training.
    channels : int
        Channels of the network after its first block.
    epochs : int
        Passes of each training over its maps.
    batch_size : int
        Maps in a step of the training.
    learning_rate : float
        Maximum of the learning rate.
    weight_decay : float
        Weight decay of AdamW.
    dropout : float
        Probability of dropping a feature, before each fully connected layer.
    schedule : str
        Course of the learning rate: cyclic (the paper's), or one_cycle over the whole training.
    augmentation : bool
        Show each map in a random one of the eight symmetries of the square.
    trials : int
        Trainings that the tuning of hyperparameters tries.
    trial_epochs : int
        Epochs of a trial.
    trial_map_size : int
        Side of the maps that trials see, in pixels; a divisor of `pixels`.
    comparison_suites : list of str
        Suites in which networks of one property, and one with the other split, are trained too.
    members : int
        Networks of each ensemble: of all fields, with the last limits, in every suite.
    posterior_steps : int
        Steps of the training of each normalising flow, at most.
    sources : list of str or null
        Suites that networks of several suites learn from; null for all but the one they are tested
        on (`cgmhelpers.runs.leaving_out`).
    target : str or null
        The one suite that they are tested on; null for each in turn.
    adaptation : str
        What makes their features alike: see `cgmhelpers.network.settings.TrainingSettings`.
    adaptation_weight : float
        Weight of that in the loss.
    posterior : str
        Their error bars: in_domain, or unseen_suite with the spread between suites
        (`cgmhelpers.inference.unseen`).
    accelerator : str
        What trains a network: auto (a GPU if there is one), cpu, gpu or mps.
    devices : int
        Number of devices that share the batches of one network.
    precision : str
        Arithmetic of the training: 32-true, 64-true or bf16-mixed.
    workers : int
        Processes side by side; 0 for one a core, or with slurm for one a task.
    cluster : str or null
        none (this process and its threads), processes (the default, null), slurm, or the address
        of a running Dask scheduler.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    profile: Text
    run: Name
    runs: Text
    data_root: Text | None
    suites: Names
    set_name: Name
    realisations: Realisations
    snapshot: Integer = Field(ge=0, le=999)
    volume: Name = layout.DEFAULT_VOLUME
    also: Annotated[list[Annotated[Simulations, Field(strict=False)]], BeforeValidator(listed)] = []
    electrons: Literal["per_hydrogen", "per_mass_without_dust"] | None = None
    minimum_log_mass: Real = Field(ge=8, le=17)
    mock_cells: Integer = Field(ge=20_000)
    mock_seed: Seed
    fields: Fields
    map_fields: Fields
    limits: Limits
    instruments: Texts = ["erosita_erass4", "meerkat_mhongoose_30"]
    redshifts: Range = [0.01, 0.05]
    exposures: Range = [0.25, 32.0]
    sky_map_size: Integer = Field(32, ge=8)
    sky_epochs: Integer = Field(10, ge=1)
    pixels: Integer = Field(ge=8)
    pixel_size: Real = Field(gt=0)
    depth: Real = Field(gt=0)
    hydrogen_method: Literal["trident", "snapshot"]
    map_size: Integer = Field(ge=8)
    split_by: Literal["halo", "realisation", "seed"]
    ranges: Ranges = {}
    seed: Seed
    channels: Integer = Field(ge=1)
    epochs: Integer = Field(ge=1)
    batch_size: Integer = Field(ge=2)
    learning_rate: Real = Field(gt=0)
    weight_decay: Real = Field(ge=0)
    dropout: Real = Field(ge=0, lt=1)
    schedule: Literal["cyclic", "one_cycle"]
    augmentation: Truth
    trials: Integer = Field(ge=1)
    trial_epochs: Integer = Field(ge=1)
    trial_map_size: Integer = Field(ge=8)
    comparison_suites: Names
    members: Integer = Field(ge=2)
    posterior_steps: Integer = Field(ge=1)
    sources: Annotated[Names | None, Field()] = None
    target: Name | None = None
    adaptation: Literal["none", "pooled", "mmd", "coral", "dann", "bottleneck"] = "mmd"
    adaptation_weight: Real = Field(0.5, ge=0)
    posterior: Literal["in_domain", "unseen_suite"] = "unseen_suite"
    workers: Integer = Field(ge=0)
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: Integer = Field(1, ge=1)
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"
    cluster: Text | None = None

    @model_validator(mode="after")
    def _check(self):
        if not set(self.fields) <= set(self.map_fields):
            raise ParameterError(
                "The maps must have all fields that networks take.",
                found=f"map_fields = {self.map_fields}",
                expected=self.fields,
            )
        for name in ("map_size", "trial_map_size", "sky_map_size"):
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
        properties.ranges(self.ranges)
        self._check_sources()
        boxes = self.boxes
        twice = [box for box in boxes if boxes.count(box) > 1]
        if twice:
            raise ParameterError(
                "The run takes a simulation twice.",
                found="{1}_{2} of {0}".format(*twice[0]),
                expected="set_name, volume and realisations, and those of also, without overlap",
            )
        if "observed" in self.limits:
            self.observation(self.fields)
        if self.data_root is None:
            self._check_mock()
        return self

    def _check_sources(self):
        """Refuse sources and a target that don't go together."""
        named = [*(self.sources or []), *([self.target] if self.target else [])]
        strange = [name for name in named if name not in self.suites]
        if strange:
            raise ParameterError(
                "sources and target must be suites of the run.",
                found=f"sources = {self.sources}, target = {self.target}",
                expected=f"suites among {self.suites}",
                remedy="Name them in suites too.",
            )
        if self.target in (self.sources or []):
            raise ParameterError(
                "A suite can't be a source and the target.",
                found=f"target = {self.target}, sources = {self.sources}",
                expected="a target that isn't among the sources",
            )

    def _check_mock(self):
        """Refuse suites, sets and simulations that the mock can't write."""
        # Imported here: most commands need no mock, and it imports pandas and Astropy.
        from cgmhelpers.mock import sets as mock_sets
        from cgmhelpers.mock import writing

        check_known(
            self.suites, writing.SUITES, "The mock suite can't have these suites.",
            remedy="Name a data_root that has them.",
        )  # fmt: skip
        for suite in self.suites:
            for volume, set_name, realisation in self.boxes:
                drawn = mock_sets.parameters(suite, set_name, realisation)
                mock_sets.volume(drawn, self.snapshot, volume)

    def observation(self, fields, all_of_them=True):
        """Return how the run's instruments observe some fields.

        Parameters
        ----------
        fields : sequence of str
            Names of the fields.
        all_of_them : bool
            Refuse fields that no instrument observes, rather than leave them out.

        Returns
        -------
        cgmhelpers.sky.observing.Observation

        Raises
        ------
        CGMError
            If an instrument can't be read, or none observes one of the fields.
        """
        # Imported here: most commands need no instrument.
        from cgmhelpers.sky import instruments, observing

        known = [instruments.load(name) for name in self.instruments]
        chosen = [one for one in known if one.kind in fields]
        if not chosen or (all_of_them and len(chosen) < len(fields)):
            raise ParameterError(
                "No instrument of the run observes some of the fields.",
                found=f"fields {', '.join(fields)}; instruments {', '.join(self.instruments)}",
                expected=f"fields among {', '.join(one.kind for one in known)}",
                remedy="Take these fields with observed limits, or name other instruments.",
            )
        return observing.observation(
            chosen, self.redshifts, depth=tuple(self.exposures), sources=SOURCES
        )

    @property
    def drawn_limits(self):
        """Limits of maps in pictures: those that need no instrument; ideal ones at least."""
        return [name for name in self.limits if name != "observed"] or ["ideal"]

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
