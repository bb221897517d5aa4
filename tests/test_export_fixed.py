"""Exports of one size, for engines that compute no sizes: the same pictures, and nothing that they refuse."""

import numpy as np
import onnx
import pytest
import torch
from export_models import pixels, write_gan, write_model
from PIL import Image
from small import run_verb

import translate
from translate.errors import UserError
from translate.export.graph import Source
from translate.export.onnx import convert
from translate.export.run import Options, export
from translate.model.onnx_engine import OnnxEngine
from translate.model.torch_engine import TorchEngine
from translate.networks import GENERATORS

# What OpenCV's dnn and onnx2torch refuse: sizes that are computed, and arithmetic with them.
REFUSED = {"Shape", "Range", "Gather", "Squeeze", "Unsqueeze", "Max", "Min", "Div", "Floor", "Cast", "ConstantOfShape"}


EVERY = [(network, size) for network in GENERATORS for size in ((31, 45), (32, 32))]
QUICK = ("light", (31, 45))


@pytest.mark.parametrize(("network", "size"), [QUICK, *(pytest.param(*x, marks=pytest.mark.slow) for x in EVERY)])
def test_a_fixed_export_computes_no_sizes_and_equals_torch(network, size, tmp_path):
    model = write_model(tmp_path / "m.safetensors", network=network, norm="group", upsampling="resize")
    text = f"{size[0]}x{size[1]}"
    export(Options(str(model), "onnx", tmp_path / "m.onnx", fixed=text))
    proto = onnx.load(tmp_path / "m.onnx")
    assert {node.op_type for node in proto.graph.node} & REFUSED == set()
    assert (proto.ir_version, proto.opset_import[0].version) == (8, 17)
    shape = [dimension.dim_value for dimension in proto.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 3, *size]
    levels = pixels((3, *size, 3))
    mine, theirs = TorchEngine.load(model)(levels), OnnxEngine.load(tmp_path / "m.onnx")(levels)
    assert np.abs(mine.astype(int) - theirs).max() <= 1


@pytest.mark.slow
def test_every_export_is_of_an_ir_version_that_old_engines_know(tmp_path):
    model = write_model(tmp_path / "m.safetensors", network="light", norm="group", upsampling="resize")
    assert convert(Source.load(model, "a2b"), "uint8").ir_version == 8
    assert convert(Source.load(write_gan(tmp_path / "g.safetensors"), "z2a"), "float").ir_version == 8


@pytest.mark.slow
def test_another_size_is_refused_with_the_way_around_it(tmp_path, monkeypatch, capsys):
    model = write_model(tmp_path / "m.safetensors", network="light", norm="group", upsampling="resize")
    export(Options(str(model), "onnx", tmp_path / "m.onnx", fixed="24x40", io="uint8"))
    t, image = translate.load(tmp_path / "m.onnx"), Image.new("RGB", (30, 20), "red")
    with pytest.raises(UserError, match=r"takes pictures of 24 × 40 only.* --size 24x40 \(in Python size=\(24, 40\)\)"):
        t(image)
    assert t(image, size=(24, 40)).size == (40, 24)
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "a.png")
    code, _, said = run_verb(monkeypatch, capsys, "convert", tmp_path / "m.onnx", tmp_path / "in", tmp_path / "out")
    assert (code, "takes pictures of 24 × 40 only" in said) == (2, True)


@pytest.mark.slow
def test_a_fixed_torch_program(tmp_path):
    model = write_model(tmp_path / "m.safetensors", network="unet", norm="batch")
    export(Options(str(model), "torch", tmp_path / "m.pt2", fixed="31x45"))
    x = torch.rand(1, 3, 31, 45) * 2 - 1
    with torch.inference_mode():
        found = torch.export.load(tmp_path / "m.pt2").module()(x)
        assert torch.allclose(found, TorchEngine.load(model).network(x), atol=1e-5)


@pytest.mark.parametrize("text", ["64", "0x5", "axb", "64x64x3", "99999x1", "-1x5", ""])
def test_sizes_that_are_none_are_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"--fixed must be HxW, as 256x256, not"):
        export(Options("openmoji_line2color", "onnx", tmp_path / "m.onnx", fixed=text))


def test_where_a_fixed_size_means_nothing_it_is_refused(tmp_path):
    for to in ("web", "junyanz"):
        with pytest.raises(UserError, match=f"--fixed has no meaning for --to {to}"):
            export(Options("openmoji_line2color", to, fixed="8x8"))
    gan = write_gan(tmp_path / "g.safetensors")
    with pytest.raises(UserError, match=r"--fixed has no meaning for .*random numbers"):
        export(Options(str(gan), "onnx", fixed="8x8"))
