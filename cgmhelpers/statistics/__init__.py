"""How good predictions are, and how sure one can be of that.

Its files, each of which imports only those above it:

- `resampling`: bootstrap intervals, from halos or whole boxes
- `metrics`: equations 7 to 10, coverage, per class and bin, scatter at fixed mass
- `coverage`: coverage at several levels and the one standard that judges it, PIT values
- `comparison`: which of two tables of predictions is better
- `transfer`: what a network loses on another suite, and whether brightness explains it
- `quality`: predictions not to trust, and networks that haven't finished learning
- `posterior_tests`: whether a posterior is calibrated: ranks, expected coverage with random
  points
- `scores`: how good a posterior is, calibration and sharpness together
- `reliability`: whether the disagreement of an ensemble tells which predictions are wrong
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "comparison",
        "coverage",
        "metrics",
        "posterior_tests",
        "quality",
        "reliability",
        "resampling",
        "scores",
        "transfer",
    ],
    submod_attrs={
        "comparison": ["paired", "twin_parts", "unpaired"],
        "coverage": [
            "LEVELS",
            "VERDICTS",
            "WIDTHS",
            "before_and_after",
            "coverages",
            "examine",
            "judge",
            "pit",
            "pit_histogram",
            "quote",
        ],
        "metrics": [
            "GROUPING",
            "ONE_SIGMA",
            "biases",
            "scatter",
            "summarise",
        ],
        "posterior_tests": ["REFERENCES", "expected_coverage", "holm", "rank_tests", "ranks"],
        "quality": ["report", "unfinished"],
        "reliability": ["areas", "auc", "flag", "per_halo"],
        "resampling": ["REALISATION", "interval", "resample"],
        "scores": ["compare", "correlations"],
        "transfer": ["brightness_and_bias", "elsewhere", "pairs", "robustness"],
    },
)
