"""A trained network as an ONNX file, which needs neither PyTorch nor this library.

The graph takes maps in the units of their fields and gives the recalibrated posterior moments in
the units of the properties: floors, logarithm, standardisation, network, scaling of the properties
and recalibration are inside. Its metadata name fields, properties and pixels.
"""

import json
from pathlib import Path

import numpy as np
from torch import nn

from cgmhelpers.emission import fields as known_fields
from cgmhelpers.errors import ParameterError
from cgmhelpers.halos.classes import HALO_CLASSES
from cgmhelpers.network import checkpoint
from cgmhelpers.network.calibration import EVERY, Calibration
from cgmhelpers.network.moment_network import KNEE, MomentNetwork, folded
from cgmhelpers.network.scaling import Scaling
from cgmhelpers.system.files import whole

OPSET = 17
"""Version of ONNX's operators, of 2022, which every runtime in use reads."""


def to_onnx(folder, path=None):
    """Write a trained network as an ONNX file.

    Parameters
    ----------
    folder : path
        As :func:`cgmhelpers.network.training.train` writes it.
    path : path, optional
        File to write; ``network.onnx`` in the folder by default. One that is there is replaced.

    Returns
    -------
    Path
        The file. Input ``images``, float32 (maps, fields, y, x), in the fields' units and of the
        pixels that the metadata name; outputs ``mean`` and ``std``, float32 (maps, properties), as
        :class:`cgmhelpers.inference.prediction.Predictor` gives them to 1e-4.

    Raises
    ------
    ParameterError
        If the package onnx isn't installed.
    DataNotFoundError, FormatError
        If the folder holds no whole network.
    """
    try:
        import onnx
    except ImportError as error:
        raise ParameterError(
            "The package onnx isn't installed.",
            expected="onnx 1.16 or later",
            remedy='Install it: `pip install "cgmhelpers[onnx]"`.',
        ) from error
    state, description = checkpoint.read_network(folder)
    network = MomentNetwork(**description["network"])
    checkpoint.load_weights(network, state, folder)
    graph = _Graph(onnx.helper)
    scaling = Scaling.from_dict(description["scaling"])
    calibration = description.get("calibration")
    mean, std = _moments(graph, folded(network.eval()), scaling)
    std = _recalibrated(graph, mean, std, calibration and Calibration.from_dict(calibration))
    graph.add("Identity", mean, output="mean")
    graph.add("Identity", std, output="std")
    model = graph.model(network, {
        "fields": {name: known_fields.get(name).unit for name in scaling.fields},
        "properties": scaling.properties,
        **{name: description[name] for name in ("suite_train", "limits", "pixel_size_kpc",
                                                "fingerprint")},
    })  # fmt: skip
    onnx.checker.check_model(model, full_check=True)
    path = Path(folder) / "network.onnx" if path is None else Path(path)
    with whole(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return path


class _Graph:
    """Nodes and constants of an ONNX graph as they are added."""

    def __init__(self, helper):
        self.helper, self.nodes, self.constants = helper, [], []

    def constant(self, values, dtype=np.float32):
        """Add a constant; return its name."""
        values, name = np.asarray(values, dtype), f"constant{len(self.constants)}"
        kind = self.helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor = self.helper.make_tensor(name, kind, values.shape, values.tobytes(), raw=True)
        self.constants.append(tensor)
        return name

    def add(self, operator, *inputs, output=None, **attributes):
        """Add a node; return the name of its output. Inputs that aren't names are constants."""
        inputs = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        output = output or f"{operator}{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def model(self, network, about):
        """Close the graph."""
        helper, real = self.helper, 1  # TensorProto.FLOAT
        shape = ["maps", network.in_channels, network.size, network.size]
        ends = ["maps", network.properties]
        graph = helper.make_graph(
            self.nodes,
            "moment_network",
            [helper.make_tensor_value_info("images", real, shape)],
            [helper.make_tensor_value_info(name, real, ends) for name in ("mean", "std")],
            self.constants,
        )
        versions = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=versions, ir_version=8, producer_name="cgmhelpers"
        )
        text = {
            name: one if isinstance(one, str) else json.dumps(one) for name, one in about.items()
        }
        helper.set_model_props(model, text)
        return model


def _moments(graph, network, scaling):
    """Add everything from maps to moments in the properties' units."""
    column = (1, -1, 1, 1)
    floors, mean, std = (
        np.reshape(one, column) for one in (scaling.floors, scaling.mean, scaling.std)
    )
    now = graph.add("Max", "images", floors)
    now = graph.add("Div", graph.add("Log", now), np.log(10))
    now = graph.add("Div", graph.add("Sub", now, mean), std)
    for layer in (*network.features, *network.head):
        match layer:
            case nn.Conv2d():
                weights = (layer.weight.detach().numpy(), layer.bias.detach().numpy())
                pads = [layer.padding[0]] * 4
                now = graph.add("Conv", now, *weights, strides=layer.stride, pads=pads)
            case nn.Linear():
                weights = (layer.weight.detach().numpy(), layer.bias.detach().numpy())
                now = graph.add("Gemm", now, *weights, transB=1)
            case nn.LeakyReLU():
                now = graph.add("LeakyRelu", now, alpha=layer.negative_slope)
            case nn.Flatten():
                now = graph.add("Flatten", now)
    half = np.arange(network.properties)
    mean, raw = (
        graph.add("Gather", now, graph.constant(columns, np.int64), axis=1)
        for columns in (half, half + network.properties)
    )
    # moment_network.Positive
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", raw, raw), KNEE**2))
    larger = graph.add("Add", graph.add("Abs", raw), root)
    small = graph.add("Div", KNEE**2, larger)
    std = graph.add("Where", graph.add("Less", raw, 0.0), small, larger)
    width = np.subtract(scaling.high, scaling.low)
    mean = graph.add("Add", graph.add("Mul", mean, width), scaling.low)
    return mean, graph.add("Mul", std, width / 2)


def _recalibrated(graph, mean, std, calibration):
    """Add the correction of the widths: a floor and a scale by the class that is inferred."""
    if calibration is None:
        return std
    squares = graph.add("Add", graph.add("Mul", std, std), np.square(calibration.floor))
    scale = np.array(calibration.scale[EVERY])
    if "log_m_halo" in calibration.properties and len(calibration.scale) > 1:
        table = [calibration.scale.get(one.name, calibration.scale[EVERY]) for one in HALO_CLASSES]
        place = graph.constant([calibration.properties.index("log_m_halo")], np.int64)
        mass = graph.add("Gather", mean, place, axis=1)
        edges = [[one.low for one in HALO_CLASSES[1:]]]  # lighter halos go with the lightest class
        above = graph.add("Cast", graph.add("GreaterOrEqual", mass, edges), to=7)
        number = graph.add("ReduceSum", above, graph.constant([1], np.int64), keepdims=0)
        scale = graph.add("Gather", table, number, axis=0)
    return graph.add("Mul", graph.add("Sqrt", squares), scale)
