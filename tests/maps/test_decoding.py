"""A file of a store is checked before it is believed."""

import numpy as np
import pytest
from helpers.layouts import written

from cgmhelpers.errors import FormatError
from cgmhelpers.maps import lazy, store


@pytest.mark.parametrize("layout", ["this version's", "earlier"])
@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_file_is_named(tmp_path, layout, cut):
    path, _ = written(tmp_path, 20, layout, 1)
    opened = store.open(path)
    name = path / "image" / "c" / "0" / "0" / "0" / "0" / "0"
    content = bytearray(name.read_bytes())
    content[100] ^= 1
    name.write_bytes(content[:2] if cut else content)
    with pytest.raises(FormatError, match=f"{name} is damaged"):
        lazy.read(opened["image"], np.arange(3))
