"""The figures of the book: each function takes data and returns a matplotlib figure.

A figure shows its data without further computation, but for numbers written in it. Matplotlib's
settings stay the caller's. All functions take a `source`, the name of the data, which a figure
keeps wherever it is shown.

Its files, each of which imports only those above it:

- `style`: colours, markers, names of properties and fields, the note on the source
- `words`: tables and captions for readers
- `choice`: the predictions that a figure of the paper shows
- `halos`: mass functions, trends with mass, the phase diagram
- `maps`: galleries of halos, and the hero
- `projection`: maps of every field, and losses of other projections
- `network`: a training, a study of hyperparameters, and one prediction
- `inference`: truth against inference
- `errors`: errors by class, and biases across suites
- `coverage`: coverage and PIT
- `comparison`: networks against baselines
- `posterior`: joint posteriors
- `posterior_tests`: tests and scores of joint posteriors
- `reliability`: ensembles
- `left_out`: suites that were left out: biases, error bars, trust
- `attribution`: contributions of pixels to an inference
- `sky`: halos as telescopes see them, widths against depth and number
- `verdicts`: the forest of verdicts
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "attribution",
        "choice",
        "comparison",
        "coverage",
        "errors",
        "halos",
        "inference",
        "left_out",
        "maps",
        "network",
        "posterior",
        "posterior_tests",
        "projection",
        "reliability",
        "sky",
        "style",
        "verdicts",
        "words",
    ],
    submod_attrs={
        "attribution": ["attribution_maps", "attribution_profiles"],
        "choice": ["choose"],
        "comparison": ["coverage_by_class", "method_differences", "method_matrix"],
        "coverage": ["coverage_curves", "pit_histograms"],
        "errors": ["bias_matrix", "error_by_class"],
        "halos": [
            "mass_functions",
            "parameter_effects",
            "phase_diagram",
            "property_trends",
            "total_flux",
        ],
        "inference": [
            "cross_simulation",
            "panel_metrics",
            "properties_inferred",
            "truth_inference",
        ],
        "left_out": ["left_out_biases", "left_out_coverage", "trust_and_error"],
        "maps": ["halo_in_suites", "halos_by_mass", "hero"],
        "network": [
            "learning_curves",
            "one_prediction",
            "tuning_history",
            "tuning_importances",
            "tuning_parallel",
        ],
        "posterior": ["corner", "correlation_matrices", "flow_training"],
        "posterior_tests": ["coverage_tests", "rank_histograms", "score_gains"],
        "projection": ["every_field", "hydrogen_methods", "pencil_beam_comparison"],
        "reliability": ["disagreement", "reliability_flags"],
        "sky": ["seen_by", "width_by_depth", "width_by_number"],
        "style": ["field_names", "limit_name", "suite_colour", "suite_name"],
        "verdicts": ["metric_beside", "verdict_forest"],
        "words": ["caption", "ends", "method_name", "tabulate", "tally", "with_intervals"],
    },
)
