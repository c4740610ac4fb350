"""Files of a trained network: weights and their description, and the state to resume from.

Weights are safetensors and descriptions JSON, formats that hold data and never code, so a network
from anybody is safe to read. Every file is written under a temporary name first.
"""

import json
import platform
from importlib import metadata
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from cgmhelpers import __version__
from cgmhelpers.errors import DataNotFoundError, FormatError
from cgmhelpers.system.files import sha256, whole

FORMAT = 3
WEIGHTS = "weights.safetensors"
DESCRIPTION = "network.json"
HISTORY = "history.csv"
SPLIT = "split.csv"
RESUME = "resume.safetensors"
"""State after the last whole epoch; removed when training is complete."""


def write_tensors(path, tensors, metadata_text):
    """Write tensors and texts into one file.

    Parameters
    ----------
    path : path
    tensors : dict of str to torch.Tensor
    metadata_text : dict of str to str
    """
    with whole(path) as temporary:
        save_file({name: one.contiguous() for name, one in tensors.items()}, temporary,
                  metadata=metadata_text)  # fmt: skip


def read_tensors(path):
    """Read a file that :func:`write_tensors` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    tensors : dict of str to torch.Tensor
    metadata_text : dict of str to str

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    FormatError
        If it isn't a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            names = list(stored.keys())  # the file itself isn't iterable
            return {name: stored.get_tensor(name) for name in names}, stored.metadata()
    except FileNotFoundError:
        raise DataNotFoundError(
            f"There is no file {path}.",
            expected="a safetensors file",
            remedy="Train the network first.",
        ) from None
    except SafetensorError as error:
        raise FormatError(
            f"{path} can't be read.", found=error, expected="a safetensors file",
            remedy="Delete the folder and train again, or copy it again.",
        ) from error  # fmt: skip


def write_network(folder, state, description, history, parts):
    """Write a trained network; the description comes last, so where it is, all files are.

    Parameters
    ----------
    folder : path
    state : dict of str to torch.Tensor
        The network's weights.
    description : dict
        All that is needed to use them, for JSON; must hold ``fingerprint``.
    history, parts : pandas.DataFrame
        Learning curves, and the part of each halo.
    """
    folder = Path(folder)
    write_tensors(folder / WEIGHTS, state, {"fingerprint": description["fingerprint"]})
    for name, table in ((HISTORY, history), (SPLIT, parts)):
        with whole(folder / name) as temporary:
            table.to_csv(temporary, index=False)
    description = {"format": FORMAT, **description, "versions": versions()}
    description["weights_sha256"] = sha256(folder / WEIGHTS)
    with whole(folder / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    if sha256(folder / WEIGHTS) != description["weights_sha256"]:
        # Another process, which carried out the same training, wrote its weights in between.
        write_network(folder, state, description, history, parts)
    (folder / RESUME).unlink(missing_ok=True)


def read_description(folder):
    """Read ``network.json`` of a trained network.

    Parameters
    ----------
    folder : path

    Returns
    -------
    dict

    Raises
    ------
    DataNotFoundError
        If the folder holds no network that finished training.
    FormatError
        If the file isn't such a description.
    """
    path = Path(folder) / DESCRIPTION
    if not path.is_file():
        raise DataNotFoundError(
            f"{folder} holds no trained network.",
            expected=f"a file {DESCRIPTION}",
            remedy="Train it first, or let an interrupted training finish.",
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found = description["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} isn't the description of a network.",
            found=error,
            expected="JSON as training writes it",
            remedy="Copy the whole folder again, or train again.",
        ) from error
    if found != FORMAT:
        raise FormatError(
            f"{path} has another format.", found=found, expected=FORMAT,
            remedy="Use the library's version that wrote it, or train again.",
        )  # fmt: skip
    return description


def read_network(folder):
    """Read weights and description, and check that they belong together.

    Parameters
    ----------
    folder : path

    Returns
    -------
    state : dict of str to torch.Tensor
    description : dict

    Raises
    ------
    DataNotFoundError, FormatError
        If a file is missing, unreadable, or from another training than its neighbour.
    """
    description = read_description(folder)
    state, text = read_tensors(Path(folder) / WEIGHTS)
    digest = sha256(Path(folder) / WEIGHTS)
    if description.get("weights_sha256", digest) != digest:
        raise FormatError(
            f"{WEIGHTS} in {folder} isn't the file that training wrote (SHA-256 differs).",
            found=digest,
            expected=description["weights_sha256"],
            remedy="Copy the whole folder again, or train again.",
        )
    if (text or {}).get("fingerprint") != description["fingerprint"]:
        raise FormatError(
            f"{WEIGHTS} and {DESCRIPTION} in {folder} are from different trainings.",
            remedy="Copy the whole folder again, or train again.",
        )
    return state, description


def write_resume(folder, fingerprint, network, best, optimizer, history):
    """Write everything that the next epoch depends on into one file, which is never half new.

    Parameters
    ----------
    folder : path
    fingerprint : str
        Fingerprint of the training; the state of another training isn't used.
    network : torch.nn.Module
    best : dict of str to torch.Tensor
        Weights of the lowest validation loss so far.
    optimizer : torch.optim.Optimizer
        Its state of each weight is kept; rates follow from the epoch.
    history : list of dict
        One row per finished epoch.
    """
    tensors = {f"network/{name}": one for name, one in network.state_dict().items()}
    tensors |= {f"best/{name}": one for name, one in best.items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": one for name, one in values.items()}
    text = {"fingerprint": fingerprint, "history": json.dumps(history)}
    write_tensors(Path(folder) / RESUME, tensors, text)


def read_resume(folder, fingerprint):
    """Read the state that :func:`write_resume` wrote, if there is one of this training.

    Parameters
    ----------
    folder : path
    fingerprint : str

    Returns
    -------
    dict or None
        Keys ``network``, ``best`` (state dictionaries), ``optimizer`` (its state by number)
        and ``history``; None if training starts afresh.
    """
    try:
        tensors, text = read_tensors(Path(folder) / RESUME)
    except DataNotFoundError:
        return None
    if (text or {}).get("fingerprint") != fingerprint:
        return None
    found = {"network": {}, "best": {}, "optimizer": {}, "history": json.loads(text["history"])}
    for key, tensor in tensors.items():
        part, name = key.split("/", 1)
        if part == "optimizer":
            number, name = name.split("/", 1)
            found[part].setdefault(int(number), {})[name] = tensor
        else:
            found[part][name] = tensor
    return found


def versions():
    """Return the versions of the packages that a network's weights depend on."""
    names = ("torch", "lightning", "numpy", "safetensors")
    return {
        "cgmhelpers": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in names},
    }


def load_weights(network, state, source):
    """Load weights into a network that was built from the same description.

    Parameters
    ----------
    network : torch.nn.Module
    state : dict of str to torch.Tensor
    source : path
        Named in the error.

    Raises
    ------
    FormatError
        If names or shapes differ.
    """
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise FormatError(
            f"The weights in {source} don't fit the network that is described there.",
            found=str(error).splitlines()[1].strip(),
            expected="fields, channels and size as in training",
            remedy="Copy the whole folder again, or train again.",
        ) from error
