"""Networks as ONNX files, held against PyTorch by another runtime."""

import builtins
import json

import numpy as np
import pytest
from helpers.explorer_stores import write_store

from cgmhelpers.errors import DataNotFoundError, ParameterError
from cgmhelpers.inference import prediction
from cgmhelpers.network import export, samples, training
from cgmhelpers.network.settings import TrainingSettings

onnxruntime = pytest.importorskip("onnxruntime")
BOTH = ("xray", "hi")
CLOSE = 1e-4  # float32 sums in another order


@pytest.fixture(scope="module", params=[("survey", 16, None), ("ideal", 32, ("f_cgm", "f_cool"))])
def trained(request, tmp_path_factory):
    """Train a tiny network; give its folder and its store. One doesn't infer the mass."""
    limits, size, properties = request.param
    folder = tmp_path_factory.mktemp("export")
    write_store(folder / "maps.zarr", "IllustrisTNG", halos=40)
    settings = TrainingSettings(epochs=1, channels=2, batch_size=4, threads=1)
    training.train(folder / "maps.zarr", BOTH, limits, folder / "network", settings, size=size,
                   properties=properties, progress=False)  # fmt: skip
    path = folder / "network" / "network.json"
    description = json.loads(path.read_text())
    scale = description["calibration"]["scale"]
    # As with enough halos: classes that differ, and one without a scale of its own.
    scale["sub_l_star"], scale["group"] = ([k * v for v in scale["all"]] for k in (2, 3))
    path.write_text(json.dumps(description))
    return folder / "network", folder / "maps.zarr"


def infer(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["mean", "std"], {"images": images.astype(np.float32)}), session


def test_another_runtime_gives_the_moments_of_pytorch_for_all_test_halos(trained):
    folder, maps = trained
    predictor = prediction.load(folder)
    ds = samples.load(maps, predictor.fields, predictor.limits, predictor.size)
    parts = prediction.assign_parts(samples.halo_table(ds), folder, predictor.description["split"])
    stored = samples.load(maps, predictor.fields, "ideal", predictor.size)
    images = stored["image"].isel(halo=np.flatnonzero(parts == "test"))
    images = images.values.reshape(-1, *images.shape[2:])  # limits are the graph's own work
    assert len(images) >= 3 * 6
    (mean, std), _ = infer(export.to_onnx(folder), images)
    expected_mean, expected_std = predictor(images)
    np.testing.assert_allclose(mean, expected_mean, atol=CLOSE)
    np.testing.assert_allclose(std, expected_std, atol=CLOSE)
    assert np.ptp(expected_mean, axis=0).max() > 10 * CLOSE


def test_widths_are_scaled_by_the_class_that_is_inferred(trained):
    """Bright and faint maps fall into different classes, at the edges too."""
    folder, _ = trained
    predictor = prediction.load(folder)
    shape = (60, 2, predictor.size, predictor.size)
    brightness = 10.0 ** np.linspace(-3, 9, 60)[:, None, None, None]
    images = np.ones(shape) * brightness * np.reshape(predictor.scaling.floors, (1, 2, 1, 1))
    (mean, std), _ = infer(export.to_onnx(folder), images)
    expected_mean, expected_std = predictor(images.astype(np.float32))
    np.testing.assert_allclose(mean, expected_mean, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(std, expected_std, rtol=CLOSE, atol=CLOSE)


def test_file_describes_itself(trained, tmp_path):
    folder, _ = trained
    path = export.to_onnx(folder, tmp_path / "mine.onnx")
    predictor = prediction.load(folder)
    _, session = infer(path, np.ones((1, 2, predictor.size, predictor.size)))
    text = session.get_modelmeta().custom_metadata_map
    assert json.loads(text["fields"]) == {"xray": "erg s-1 cm-2 arcmin-2", "hi": "cm-2"}
    assert tuple(json.loads(text["properties"])) == predictor.properties
    assert text["limits"] == predictor.limits
    assert float(text["pixel_size_kpc"]) == 512 / predictor.size
    with pytest.raises(Exception, match="Got invalid dimensions"):
        session.run(None, {"images": np.ones((1, 2, 8, 8), np.float32)})


def test_missing_package_and_missing_network_are_said(trained, tmp_path, monkeypatch):
    with pytest.raises(DataNotFoundError):
        export.to_onnx(tmp_path)
    real = builtins.__import__

    def without_onnx(name, *arguments, **options):
        if name == "onnx":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    with pytest.raises(ParameterError, match=r"onnx isn't installed.*cgmhelpers\[onnx\]"):
        export.to_onnx(trained[0])
    assert not list(tmp_path.iterdir())
