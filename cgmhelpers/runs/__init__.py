"""A run: its parameters, its stages in their order, its notebooks and its book.

Its files, each of which imports only those above it:

- `project`: the folder of notebooks, profiles and the book's sources, found or unpacked
- `core_schema`: what plain values of YAML 1.2 mean
- `values`: the types of parameters, which say what a text means
- `parameters`: all parameters of a run, with their bounds and checks
- `described`: what each parameter of a run is, may be and means
- `profiles`: reads a profile, overrides parameters, and names every wrong one
- `stage_kinds`: what the stages have in common
- `data_stages`: the stages that make data: simulations of the mock, halos, maps
- `network_stages`: the stages that learn and infer
- `data_plan`: the stages that make data, listed before any is made
- `plan`: the stages of a run in their order, listed before any is made
- `run`: a run: its folder, and what it makes for those who ask
- `leaving_out`: networks of several suites, tested on a suite that they never saw
- `prior_shift`: the control for other halos with the same physics
- `judging`: what networks are worth in the suite that was left out
- `status`: tells what a run has, what it lacks, and why
- `notebooks`: the order of the notebooks, and papermill that executes them
- `results`: the few small tables that are kept of a run
- `offline`: brings scripts of other people for the pages, checked
- `pages`: chapters, cards and the gallery, made from executed notebooks
- `book`: puts the book together and builds it
- `preview`: builds the pages that are there while notebooks are still executed
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "book",
        "core_schema",
        "data_plan",
        "data_stages",
        "described",
        "judging",
        "leaving_out",
        "network_stages",
        "notebooks",
        "offline",
        "pages",
        "parameters",
        "plan",
        "preview",
        "prior_shift",
        "profiles",
        "project",
        "results",
        "run",
        "stage_kinds",
        "status",
        "values",
    ],
    submod_attrs={
        "leaving_out": ["LeavingOut"],
        "notebooks": ["run_notebooks", "start"],
        "parameters": ["Parameters"],
        "profiles": ["read"],
        "project": ["project_root", "unpack"],
        "results": ["evidence", "keep"],
        "run": ["Run"],
    },
)
