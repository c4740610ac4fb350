"""The tables and statements of the paper, and how a run stands to them.

Its files, each of which imports only those above it:

- `tables`: Tables 1 to 4 and A1, with what this run found
- `evidence`: the tables of a run that statements are tested on
- `gas_measures`: what statements about the gas measure
- `network_measures`: what statements about inferences measure
- `statements`: the statements, as data
- `claims`: the verdicts: holds, does not hold, or can't be decided
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["claims", "evidence", "gas_measures", "network_measures", "statements", "tables"],
    submod_attrs={
        "claims": ["FAILS", "HOLDS", "OPEN", "VERDICTS", "beside", "judge", "readable", "verdict"],
        "evidence": ["Evidence"],
        "statements": ["BESIDE", "CLAIMS", "Claim"],
        "tables": [
            "printed_scatter",
            "class_counts",
            "table_counts",
            "table_coverage",
            "table_functions",
            "table_layers",
            "table_properties",
            "table_scatter",
        ],
    },
)
