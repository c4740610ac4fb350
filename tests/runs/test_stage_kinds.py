"""Tables of stages: what is written is what is read."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from cgmhelpers.runs import stage_kinds


@dataclass(frozen=True)
class Kept(stage_kinds.Table):
    """A table that is there already."""

    path: Path

    def parts(self):
        return {"kept": 1}


@pytest.mark.parametrize(
    "realisations", [[0, 3, 12], ["p1_n2", "p2_0"], [0, "p1_n2", 12, "p10_2"], ["1_n5", 7], []]
)
def test_numbers_and_names_of_realisations_survive(realisations, tmp_path):
    table = pd.DataFrame({"set_name": "CV", "realisation": realisations, "log_mass": 12.0})
    kept = Kept(tmp_path / "table.parquet")
    kept.write(table, fingerprint=kept.fingerprint())
    assert kept.is_done()
    read = stage_kinds.read_table(kept.path)
    assert read["realisation"].tolist() == realisations
    assert [type(one) for one in read["realisation"]] == [type(one) for one in realisations]
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
