"""The figures of the book, one function each: data in, a matplotlib figure out.

No function computes what it shows beyond what is written in the figure, none changes
matplotlib's settings for others, and all take a `source`, so that a figure says what the
data are wherever it is shown.
"""

from cgmhelpers.figures.appearance import field_names, limit_name, style, suite_colour
from cgmhelpers.figures.errors import bias_matrix, calibration, error_by_class
from cgmhelpers.figures.halos import mass_functions, phase_diagram, property_trends, total_flux
from cgmhelpers.figures.inference import (
    cross_simulation,
    one_prediction,
    properties_inferred,
    truth_inference,
)
from cgmhelpers.figures.learning import learning_curves
from cgmhelpers.figures.maps import halo_in_suites, halos_by_mass, hero
from cgmhelpers.figures.projection import every_field, hydrogen_methods, pencil_beam_comparison

__all__ = [
    "bias_matrix",
    "calibration",
    "cross_simulation",
    "error_by_class",
    "every_field",
    "field_names",
    "halo_in_suites",
    "halos_by_mass",
    "hero",
    "hydrogen_methods",
    "learning_curves",
    "limit_name",
    "mass_functions",
    "one_prediction",
    "pencil_beam_comparison",
    "phase_diagram",
    "properties_inferred",
    "property_trends",
    "style",
    "suite_colour",
    "total_flux",
    "truth_inference",
]
