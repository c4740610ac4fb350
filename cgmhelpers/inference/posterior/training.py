"""Training of a posterior: a normalising flow behind a trained moment network.

Neural posterior estimation (Papamakarios & Murray 2016, arXiv:1605.06376): the flow maximises the
density of the true properties of the network's training halos, until that of its validation halos
stops growing. The network isn't trained further, so this takes seconds, and an interrupted training
starts again.

Three files go to the network's folder: ``posterior.safetensors``, ``posterior.csv`` (learning
curve) and ``posterior.json``, which comes last and marks the training as complete.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cgmhelpers.errors import DataNotFoundError, FormatError, ParameterError, ResultError
from cgmhelpers.inference import prediction
from cgmhelpers.inference.posterior import joint
from cgmhelpers.inference.posterior.conditions import Conditions
from cgmhelpers.inference.posterior.flow import PosteriorSettings, build, standard, unbounded
from cgmhelpers.maps import summaries
from cgmhelpers.network import checkpoint
from cgmhelpers.system import files

LARGEST_GRADIENT = 5.0
CHECK_EVERY = 20
"""Steps between validations."""


def train(stores, folder, settings=None):
    """Fit the flow of a trained network, with the halos of its training.

    Parameters
    ----------
    stores : path, sequence of paths, or Dataset
        Map stores of the network's suite.
    folder : path
        Folder of the network, for the flow's files too. A flow of this network and these settings
        isn't trained again.
    settings : PosteriorSettings, optional
        Settings of the flow and of its training.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataNotFoundError, FormatError
        If the folder holds no whole network.
    ParameterError
        If the maps don't fit it, or too few halos have all properties.
    ResultError
        If no step leads to a finite loss.
    """
    settings = settings or PosteriorSettings()
    folder = Path(folder)
    if is_trained(folder, settings):
        return folder
    predictor = prediction.load(folder)
    axes = {"training": None, "validation": [summaries.EVALUATION_AXIS]}  # as for the network
    symmetries = {"training": range(settings.symmetries), "validation": range(1)}
    context, inner = {}, {}
    for part in axes:
        halos, images = joint.halos_of(predictor, folder, stores, [part], axes[part])
        if halos.sizes["halo"] < 2:
            raise ParameterError(
                f"Too few halos have all properties for {part}.",
                found=halos.sizes["halo"],
                expected="at least 2",
                remedy="Give the map stores of the network's training.",
            )
        flat = images.reshape(-1, *images.shape[2:])  # (halo, axis, ...) -> (map, ...)
        context[part] = np.stack([joint.outputs(predictor, flat, s) for s in symmetries[part]])
        values, _ = unbounded(halos["truth"].values, predictor.properties)
        inner[part] = np.repeat(values, images.shape[1], axis=0)
    standards = _standards(context["training"], inner["training"])
    data = {
        part: (standard(context[part], standards, "context"),
               standard(inner[part], standards, "property"))
        for part in axes
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        flow = build(len(predictor.properties), settings)
        history = _fit(flow, *data["training"], *data["validation"], settings)
    width = recalibrate(flow, *data["validation"])
    description = {
        "format": checkpoint.FORMAT,
        "fingerprint": joint.fingerprint(folder, settings),
        "settings": settings.model_dump(),
        "properties": list(predictor.properties),
        "maps": {part: len(one) for part, (_, one) in data.items()},
        "width_on_validation": width,
        "versions": checkpoint.versions(),
    }
    _write(folder, flow, standards, history, description)
    return folder


def is_trained(folder, settings=None):
    """Tell whether the flow of :func:`train` with these arguments is trained.

    Parameters
    ----------
    folder : path
        Folder of the network.
    settings : PosteriorSettings, optional
        Settings of the flow and of its training.

    Returns
    -------
    bool
    """
    path = Path(folder) / joint.DESCRIPTION
    if not path.is_file():
        return False
    try:
        expected = joint.fingerprint(folder, settings or PosteriorSettings())
        return json.loads(path.read_text())["fingerprint"] == expected
    except (DataNotFoundError, FormatError, ValueError):
        return False


def calibrate(folder, observed):
    """Calibrate a trained flow by noise, redshift and what is inferred; see `conditions`.

    The calibration is written to ``posterior.json``. Without it, or before, one width serves all.

    Parameters
    ----------
    folder : path
        Folder of the network, with the files of its flow.
    observed : iterable of xarray.Dataset
        Observations of the network's halos, each with noise and circumstances of its own. Only
        validation halos count, along all lines of sight.

    Returns
    -------
    Conditions

    Raises
    ------
    DataNotFoundError, FormatError
        If the folder holds no whole network and flow.
    ParameterError
        If there is no validation halo with all properties.
    """
    folder = Path(folder)
    one = joint.load(folder)
    normals, conditions, halos = [], [], []
    for seen in observed:
        found, images = joint.halos_of(one.predictor, folder, seen, ["validation"])
        number, axes = images.shape[:2]
        flat = images.reshape(number * axes, *images.shape[2:])
        truth = np.repeat(found["truth"].values, axes, axis=0)
        normal, own = one.normal(flat, truth)
        normals.append(normal)
        conditions.append(own)
        halos.append(np.repeat(np.arange(number), axes))
    names = joint.condition_names(one.predictor)
    fitted = Conditions.fit(
        *(np.concatenate(rows) for rows in (normals, conditions, halos)),
        names,
        told=len(names) - len(one.predictor.properties),
    )
    description = json.loads((folder / joint.DESCRIPTION).read_text())
    with files.whole(folder / joint.DESCRIPTION) as temporary:
        written = description | {"conditions": fitted.to_dict()}
        temporary.write_text(json.dumps(written, indent=1) + "\n")
    return fitted


def recalibrate(flow, context, inner):
    """Fit the width of a flow's base distribution to validation halos.

    The flow turns truths into numbers that should be standard normal. Those of the training halos
    are; those of other halos scatter more, as flow and network have learnt the former by heart. A
    common width of all numbers, fitted by maximum likelihood, corrects this.

    Parameters
    ----------
    flow : zuko.flows.NSF
        The flow; its base is changed.
    context : torch.Tensor, shape (1, halos, numbers)
        Inputs of the flow for the validation halos, standardised.
    inner : torch.Tensor, shape (halos, properties)
        Their properties, on the scales of the flow.

    Returns
    -------
    float
        The width; 1 for a flow that is calibrated already.
    """
    with torch.inference_mode():
        normal = flow.transform(context[0])(inner)
        width = normal.square().mean().sqrt().item()
    flow.base.scale.fill_(width)
    return width


def _standards(context, inner):
    """Measure mean and width of each input of the flow."""
    context = context.reshape(-1, context.shape[-1])
    found = {}
    for name, values in (("context", context), ("property", inner)):
        width = values.std(axis=0, dtype=float)
        found[f"{name}_centre"] = values.mean(axis=0, dtype=float)
        found[f"{name}_width"] = np.where(width > 0, width, 1.0)
    return found


def _fit(flow, context, inner, of_validation, to_validate, settings):
    """Train a flow, and give it the weights of the lowest validation loss.

    The context has the shape (symmetries, maps, numbers), the properties (maps, properties).
    """
    generator = np.random.default_rng(settings.seed)
    optimizer = torch.optim.AdamW(flow.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    losses, history, lowest, best = [], [], (0, np.inf), None
    for step in range(1, settings.steps + 1):
        maps = torch.from_numpy(generator.integers(len(inner), size=settings.batch_size))
        turned = torch.from_numpy(generator.integers(len(context), size=settings.batch_size))
        seen = context[turned, maps]
        seen = seen + settings.noise * torch.randn_like(seen)
        loss = -flow(seen).log_prob(inner[maps]).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % CHECK_EVERY and step < settings.steps:
            continue
        with torch.inference_mode():
            validation_loss = -flow(of_validation[0]).log_prob(to_validate).mean().item()
        history.append((step, np.mean(losses), validation_loss))
        losses = []
        if validation_loss < lowest[1]:
            lowest = (step, validation_loss)
            best = {name: one.clone() for name, one in flow.state_dict().items()}
        elif step - lowest[0] >= settings.patience * CHECK_EVERY:
            break
    if best is None:
        raise ResultError(
            "The flow's loss isn't a number.",
            found=history[-1],
            expected="a finite loss in one of the steps",
            remedy="Lower the learning rate, or check the maps and properties.",
        )
    flow.load_state_dict(best)
    return pd.DataFrame(history, columns=["step", "training_loss", "validation_loss"])


def _write(folder, flow, standards, history, description):
    (folder / joint.DESCRIPTION).unlink(missing_ok=True)
    tensors = flow.state_dict()
    tensors |= {f"standards/{name}": torch.from_numpy(one) for name, one in standards.items()}
    text = {"fingerprint": description["fingerprint"]}
    checkpoint.write_tensors(folder / joint.WEIGHTS, tensors, text)
    with files.whole(folder / joint.HISTORY) as temporary:
        history.to_csv(temporary, index=False)
    with files.whole(folder / joint.DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(description, indent=1) + "\n")
