"""Tables of predictions whose posteriors are right, or wrong in a known way."""

import numpy as np
import pandas as pd


def posteriors(halos=500, bias=0.0, dispersion=1.0, suites=("SIMBA",), names=("f_cgm",), seed=1):
    """Truths drawn from normal posteriors; then means shifted, and widths multiplied.

    `bias` is in units of each width, `dispersion` the factor that ``std`` is too large by;
    ``std_network`` is half of the right width. Halos lie in five boxes.
    """
    rng = np.random.default_rng(seed)
    tables = []
    for suite in suites:
        for name in names:
            mean, std = rng.normal(size=halos), rng.uniform(0.1, 2.0, size=halos)
            tables.append(
                pd.DataFrame(
                    {
                        "suite": suite,
                        "set_name": "CV",
                        "realisation": np.arange(halos) % 5,
                        "group": np.arange(halos) // 5,
                        "suite_train": suite,
                        "suite_test": suite,
                        "fields": "hi",
                        "limits": "ideal",
                        "property": name,
                        "truth": mean + std * rng.normal(size=halos),
                        "mean": mean + bias * std,
                        "std": dispersion * std,
                        "std_network": std / 2,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)
