"""Trained networks and their rivals, put to use.

Its files, each of which imports only those above it:

- `prediction`: predictions as one tidy table
- `unfamiliar`: flags for halos unlike those of the training
- `ensembles`: networks that differ in their seeds: total variance, and the part that is
  disagreement
- `baselines`: scaling relation and boosted trees, from two numbers per map
- `attribution`: which pixels an inference rests on, and whether that can be believed
- `posterior`: the joint posterior of all properties: a normalising flow behind a network
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["attribution", "baselines", "ensembles", "posterior", "prediction", "unfamiliar"],
    submod_attrs={
        "attribution": ["integrated_gradients", "radial_profile", "randomised", "rank_correlation"],
        "baselines": ["METHODS", "boosted_trees", "scaling_relation"],
        "ensembles": ["combine", "epistemic"],
        "posterior.joint": ["Posterior", "halos_of", "infer"],
        "prediction": ["Predictor", "load", "predict"],
        "unfamiliar": ["flag"],
    },
)
