"""Properties of the circum-galactic medium from X-ray and HI maps of CAMELS simulations."""

__version__ = "0.1.0"
