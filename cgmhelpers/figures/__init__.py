"""The figures of the book, one function each: data in, a matplotlib figure out.

No function computes what it shows beyond what is written in the figure, none changes
matplotlib's settings for others, and all take a `source`, so that a figure says what the
data are wherever it is shown.
"""

from cgmhelpers.figures.appearance import field_names, limit_name, style, suite_colour
from cgmhelpers.figures.attribution import attribution_maps, attribution_profiles
from cgmhelpers.figures.baselines import coverage_by_class, method_differences, method_matrix
from cgmhelpers.figures.calibration import coverage_curves, pit_histograms
from cgmhelpers.figures.choice import choose
from cgmhelpers.figures.ensembles import disagreement, reliability_flags
from cgmhelpers.figures.errors import bias_matrix, error_by_class
from cgmhelpers.figures.halos import mass_functions, phase_diagram, property_trends, total_flux
from cgmhelpers.figures.inference import (
    cross_simulation,
    panel_metrics,
    properties_inferred,
    truth_inference,
)
from cgmhelpers.figures.learning import learning_curves
from cgmhelpers.figures.maps import halo_in_suites, halos_by_mass, hero
from cgmhelpers.figures.posterior import (
    corner,
    correlation_matrices,
    coverage_tests,
    flow_training,
    rank_histograms,
    score_gains,
)
from cgmhelpers.figures.prediction import one_prediction
from cgmhelpers.figures.projection import every_field, hydrogen_methods, pencil_beam_comparison
from cgmhelpers.figures.tables import (
    table_counts,
    table_functions,
    table_layers,
    table_properties,
    table_scatter,
)
from cgmhelpers.figures.tuning import tuning_history, tuning_importances, tuning_parallel
from cgmhelpers.figures.verdicts import metric_beside, verdict_forest

__all__ = [
    "attribution_maps",
    "attribution_profiles",
    "bias_matrix",
    "choose",
    "corner",
    "correlation_matrices",
    "coverage_by_class",
    "coverage_curves",
    "coverage_tests",
    "cross_simulation",
    "disagreement",
    "error_by_class",
    "every_field",
    "field_names",
    "flow_training",
    "halo_in_suites",
    "halos_by_mass",
    "hero",
    "hydrogen_methods",
    "learning_curves",
    "limit_name",
    "mass_functions",
    "method_differences",
    "method_matrix",
    "metric_beside",
    "one_prediction",
    "panel_metrics",
    "pencil_beam_comparison",
    "phase_diagram",
    "pit_histograms",
    "properties_inferred",
    "property_trends",
    "rank_histograms",
    "reliability_flags",
    "score_gains",
    "style",
    "suite_colour",
    "table_counts",
    "table_functions",
    "table_layers",
    "table_properties",
    "table_scatter",
    "total_flux",
    "truth_inference",
    "tuning_history",
    "tuning_importances",
    "tuning_parallel",
    "verdict_forest",
]
