"""Quality of predictions, and its uncertainty.

Its files, each of which imports only those above it:

- `resampling`: bootstrap intervals, from halos or whole boxes
- `metrics`: equations 7 to 10, coverage, per class and bin, scatter at fixed mass
- `coverage`: coverage at several levels, the test that judges it, and PIT values
- `comparison`: differences between two tables of predictions
- `transfer`: errors of networks in other suites, and their relation to brightness
- `quality`: predictions that shouldn't be trusted, and networks with unfinished training
- `posterior_tests`: calibration of posteriors: ranks, expected coverage with random points
- `scores`: proper scores of posteriors, for calibration and sharpness together
- `reliability`: the disagreement of an ensemble as a flag of wrong predictions
- `left_out`: scores of networks in a suite that was left out of their training
- `conformal`: intervals that hold where the maps of a sample are of another kind
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "comparison",
        "conformal",
        "coverage",
        "left_out",
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
        "conformal": ["density_ratio", "half_widths"],
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
        "left_out": [
            "away",
            "by_class",
            "cells",
            "looks",
            "looks_elsewhere",
            "summary",
            "verdict",
        ],
        "metrics": [
            "GROUPING",
            "ONE_SIGMA",
            "biases",
            "scatter",
            "summarise",
        ],
        "posterior_tests": [
            "REFERENCES",
            "expected_coverage",
            "holm",
            "offsets",
            "rank_tests",
            "ranks",
        ],
        "quality": ["report", "unfinished"],
        "reliability": ["areas", "auc", "flag", "per_halo"],
        "resampling": ["REALISATION", "interval", "resample"],
        "scores": ["compare", "correlations"],
        "transfer": ["brightness_and_bias", "elsewhere", "pairs", "robustness"],
    },
)
