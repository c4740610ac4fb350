"""Files of networks: what is written is read, and what is broken is named."""

import pandas as pd
import pytest
import torch

from cgmhelpers.errors import DataNotFoundError, FormatError
from cgmhelpers.network import checkpoint
from cgmhelpers.network.moment_network import MomentNetwork


@pytest.fixture
def network():
    torch.manual_seed(1)
    return MomentNetwork(1, channels=2, size=8)


def test_resume_state_holds_network_optimiser_and_history(network, tmp_path):
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.randn(4, 1, 8, 8))[0].sum().backward()
    optimizer.step()
    best = {name: one * 2 for name, one in network.state_dict().items()}
    history = [{"epoch": 0, "validation_loss": 1.5}]
    checkpoint.write_resume(tmp_path, "abc", network, best, optimizer, history)
    assert checkpoint.read_resume(tmp_path, "another") is None
    found = checkpoint.read_resume(tmp_path, "abc")
    assert found["history"] == history
    for name, one in network.state_dict().items():
        assert torch.equal(found["network"][name], one)
        assert torch.equal(found["best"][name], 2 * one)
    state = optimizer.state_dict()["state"]
    assert found["optimizer"].keys() == state.keys()
    for number, values in state.items():
        assert (
            found["optimizer"][number].keys() == values.keys() == {"step", "exp_avg", "exp_avg_sq"}
        )
        assert all(torch.equal(found["optimizer"][number][name], values[name]) for name in values)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.RESUME]  # nothing temporary
    assert checkpoint.read_resume(tmp_path / "empty", "abc") is None


def test_network_comes_back_and_the_resume_state_goes(network, tmp_path):
    (tmp_path / checkpoint.RESUME).write_bytes(b"")
    table = pd.DataFrame({"epoch": [0]})
    checkpoint.write_network(tmp_path, network.state_dict(), {"fingerprint": "abc"}, table, table)
    assert not (tmp_path / checkpoint.RESUME).exists()
    state, description = checkpoint.read_network(tmp_path)
    assert description["fingerprint"] == "abc"
    assert description["versions"]["torch"] == torch.__version__
    twin = MomentNetwork(1, channels=2, size=8)
    checkpoint.load_weights(twin, state, tmp_path)
    for name, one in network.state_dict().items():
        assert torch.equal(twin.state_dict()[name], one)
    with pytest.raises(FormatError, match="don't fit the network"):
        checkpoint.load_weights(MomentNetwork(1, channels=3, size=8), state, tmp_path)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"nothing\.safetensors"):
        checkpoint.read_tensors(tmp_path / "nothing.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not tensors at all")
    with pytest.raises(FormatError, match=r"broken\.safetensors"):
        checkpoint.read_tensors(broken)
