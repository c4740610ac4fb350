"""Inference with trained networks, and with methods to compare them with.

Its files, each of which imports only those above it:

- `prediction`: predictions as a tidy table
- `unfamiliar`: flags of halos unlike those of the training
- `ensembles`: networks that differ in their seeds: total variance, and the part from
  disagreement
- `baselines`: scaling relation and boosted trees, from two numbers for each map
- `attribution`: contributions of pixels to an inference, and tests of them
- `posterior`: the joint posterior of all properties: a normalising flow behind a network
- `unseen`: error bars for a suite that no network was trained on
- `distance`: how far maps are from those of a training
- `trusting`: whether to believe an inference: a score, a word and a reason for each map
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "attribution",
        "baselines",
        "distance",
        "ensembles",
        "posterior",
        "prediction",
        "trusting",
        "unfamiliar",
        "unseen",
    ],
    submod_attrs={
        "attribution": [
            "agreement",
            "deep_lift",
            "integrated_gradients",
            "radial_profile",
            "randomised",
            "rank_correlation",
        ],
        "baselines": ["METHODS", "boosted_trees", "scaling_relation"],
        "ensembles": ["combine", "epistemic"],
        "posterior.joint": ["Posterior", "halos_of", "infer"],
        "prediction": ["Predictor", "load", "predict"],
        "trusting": ["calibrate_trust", "sample_discrepancy", "trust"],
        "unfamiliar": ["flag"],
        "unseen": ["between_suites", "widen"],
    },
)
