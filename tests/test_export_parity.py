"""Every kind of network and precision, exported and compared. Slow: each test is an export of its own."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from export_models import ONE, SIZES, pixels, write_model

from translate.errors import UserError
from translate.export import parity
from translate.export.graph import Source
from translate.export.onnx import onnx_bytes
from translate.export.run import Options, export
from translate.model.onnx_engine import OnnxEngine
from translate.model.torch_engine import to_input

pytestmark = pytest.mark.slow
NORMS, UPSAMPLINGS = ("instance", "batch", "group", "none"), ("deconv", "resize", "shuffle")
# Twelve exports that show every pair of network, norm and upsampling; benchmarks/export_parity.py does all triples.
PAIRS = [
    (network, norm, UPSAMPLINGS[(i + j) % 3])
    for i, network in enumerate(("resnet", "unet", "light"))
    for j, norm in enumerate(NORMS)
]
OTHERS = [
    {"network": "resnet", "residual": True, "padding": "replicate", "upsampling": "resize", "downs": 1, "kernel": 9},
    {"network": "resnet", "dropout": True, "padding": "zeros", "downs": 3},
    {"network": "resnet", "downs": 0, "channels": (1, 3)},
    {"network": "unet", "dropout": True, "residual": True, "depth": 5},
    {"network": "unet", "depth": 2, "channels": (3, 1)},
    {"network": "light", "padding": "zeros", "channels": (1, 1), "downs": 1},
]


def compare(path: Path, sizes) -> float:
    """The largest difference between torch and onnxruntime on noise of these sizes, with the public APIs of both."""
    source = Source.load(path, "a2b")
    content = onnx_bytes(str(path))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    worst = 0.0
    for number, (height, width) in enumerate(sizes):
        x = to_input(pixels((1 + number % 3, height, width, source.channels), number))
        with torch.inference_mode():
            wanted = source.network(x).numpy()
        (found,) = session.run(None, {"image": x.numpy()})
        assert found.shape == wanted.shape
        worst = max(worst, float(np.abs(found - wanted).max()))
    return worst


@pytest.mark.parametrize(("network", "norm", "upsampling"), PAIRS)
def test_every_network_norm_and_upsampling_is_equal_at_every_size(network, norm, upsampling, tmp_path):
    path = write_model(tmp_path / "g.safetensors", network=network, norm=norm, upsampling=upsampling)
    # One pixel padded is one colour: after instance norm rounding noise, in torch as well.
    assert compare(path, SIZES if norm == "instance" else [ONE, *SIZES]) < 2e-5


@pytest.mark.parametrize("settings", OTHERS, ids=lambda s: "-".join(f"{k}={v}" for k, v in s.items()))
def test_paddings_depths_channels_and_dropout_are_equal_too(settings, tmp_path):
    assert compare(write_model(tmp_path / "g.safetensors", **{"norm": "batch", **settings}), [ONE, *SIZES]) < 2e-5


def test_half_precision_is_half_the_size_and_near(tmp_path):
    big = write_model(tmp_path / "big.safetensors", network="light", filters=16)
    half = onnx_bytes(str(big), "a2b", "float", "fp16")
    assert len(half) < 0.6 * big.stat().st_size
    assert 1e-6 < OnnxEngine(half, "half").description["onnx"]["difference"]["max"] < 0.01


def test_int8_is_smaller_and_its_difference_is_stated(pictures, tmp_path):
    path = write_model(tmp_path / "big.safetensors", network="light", filters=16)
    out = tmp_path / "small.onnx"
    lines = export(Options(str(path), "onnx", out, quantize="int8", calibration=pictures[0], images=pictures[1]))
    assert out.stat().st_size < 0.4 * path.stat().st_size
    said = OnnxEngine.load(out).description["onnx"]
    assert said["precision"] == "int8"
    assert 0 < said["difference"]["mean"] < 0.03
    assert "8 pictures of filled" in lines[-1]


@pytest.mark.parametrize("to", ["onnx", "torch"])
def test_a_file_that_is_too_far_off_is_not_left_behind(to, tmp_path, monkeypatch):
    path = write_model(tmp_path / "wide.safetensors", network="unet", depth=2, init_gain=3)  # overflows float16
    before = list(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"the fp16 export differs|fails at") as caught:
        export(Options(str(path), to, precision="fp16"))
    assert caught.value.code == parity.INEXACT
    assert list(tmp_path.iterdir()) == before
