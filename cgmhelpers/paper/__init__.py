"""The tables and statements of the paper, compared with a run.

Its files, each of which imports only those above it:

- `notation`: symbols in texts, for pages and figures
- `tables`: Tables 1 to 5, with the numbers of a run
- `evidence`: statistics of a run that test statements
- `gas_measures`: measures of statements about the gas
- `network_measures`: measures of statements about inferences
- `statements`: the statements, as data
- `claims`: the verdicts: holds, does not hold, or can't be decided
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "claims",
        "evidence",
        "gas_measures",
        "network_measures",
        "notation",
        "statements",
        "tables",
    ],
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
