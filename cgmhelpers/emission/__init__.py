"""What an element of gas emits or absorbs, and the fields that maps show.

Its files, each of which imports only those above it:

- `ionisation`: ionisation equilibrium of hydrogen in closed form
- `hydrogen`: neutral mass of each gas element
- `xray`: X-ray luminosity of each gas element in a band, and the files that hold a band
- `tables`: how the shipped tables of both were made
- `bands`: a band that is shipped, cached, or folded from the APEC spectra
- `deposits`: what an element of gas deposits in each field, and the factors to the units of maps
- `fields`: a `Field`: name, unit, what an element deposits, floor, survey limit
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
