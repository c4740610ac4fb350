"""The joint posterior of all properties: a normalising flow behind a network.

Its files, each of which imports only those above it:

- `flow`: the flow, its settings, and the scales of its properties
- `conditions`: calibration of a flow where observations differ
- `joint`: samples of the posterior of halos
- `training`: its training
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["conditions", "flow", "joint", "training"],
    submod_attrs={
        "conditions": ["Conditions"],
        "flow": ["PosteriorSettings"],
        "joint": ["DESCRIPTION", "HISTORY", "Posterior", "halos_of", "infer", "load"],
        "training": ["calibrate", "is_trained", "train"],
    },
)
