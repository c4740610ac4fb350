"""Emission and absorption of gas elements, and the fields that maps show.

Its files, each of which imports only those above it:

- `ionisation`: ionisation equilibrium of hydrogen in closed form
- `hydrogen`: neutral mass of each gas element
- `xray`: X-ray luminosity of each gas element in a band, and the files of bands
- `tables`: the making of the tables that are shipped
- `bands`: a band that is shipped, cached, or folded from the APEC spectra
- `deposits`: the deposits of gas elements in each field, and the factors to units of maps
- `fields`: a `Field`: name, unit, deposit, floor, survey limit
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["bands", "deposits", "fields", "hydrogen", "ionisation", "tables", "xray"],
    submod_attrs={
        "bands": ["load_band"],
        "fields": ["FIELDS", "Field", "chosen", "get"],
        "hydrogen": ["METHODS", "atom_mass", "neutral_fraction", "neutral_mass"],
    },
)
