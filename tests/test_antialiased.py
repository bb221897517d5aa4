"""Anti-aliased down- and upsampling of the ResNet generator (Zhang 2019; CUT's program)."""

import numpy as np
import pytest
import torch
from games import batches, played, settings
from small import tiny_model

import translate
from translate.errors import UserError
from translate.export.run import Options, export
from translate.networks import GeneratorSettings, build_generator
from translate.networks.encoder import features, places

BLUR = {"downsampling": "blur", "upsampling": "blur"}


def test_it_is_less_sensitive_to_a_shift_of_one_pixel():
    """What is left out after a low-pass filter changes less when the input moves by one pixel."""
    drift = {}
    for kind in ("stride", "blur"):
        torch.manual_seed(0)
        made = GeneratorSettings(network="resnet", filters=8, blocks=0, norm="none", init="kaiming", downsampling=kind)
        network = build_generator(made.model_copy(update={"upsampling": "blur"}), 3, 3)
        x = torch.rand(4, 3, 33, 33) * 2 - 1
        with torch.inference_mode():
            here, there = network(x[..., :32, :32]), network(x[..., :32, 1:33])
        drift[kind] = (here[..., 8:24, 9:25] - there[..., 8:24, 8:24]).square().mean() / here.var()
    assert drift["blur"] < 0.7 * drift["stride"]


def test_sizes_and_files():
    made = GeneratorSettings(network="resnet", filters=4, blocks=1, **BLUR)
    for height, width in ((1, 1), (17, 40), (32, 32)):
        with torch.inference_mode():
            assert build_generator(made, 3, 3)(torch.rand(2, 3, height, width)).shape == (2, 3, height, width)
    assert made.arguments(3, 3)["downsampling"] == "blur"
    assert "downsampling" not in GeneratorSettings(network="resnet").arguments(3, 3)  # as earlier files


def test_tiles_are_the_whole(tmp_path):
    model = tiny_model(tmp_path / "model.safetensors", network="resnet", norm="group", **BLUR)
    translator = translate.load(model)
    levels = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    from translate.model.tiles import translate_tiled

    tiled = translate_tiled(translator.engine, levels, 32)
    assert np.abs(tiled.astype(int) - np.asarray(translator(levels)).astype(int)).max() <= 1


def test_onnx_is_torch_and_the_references_layout_is_refused(tmp_path):
    """Exporting compares the file with the network at several sizes, and keeps it only where they are equal."""
    model = tiny_model(tmp_path / "model.safetensors", network="resnet", **BLUR)
    said = export(Options(str(model), "onnx", tmp_path / "g.onnx"))
    assert (tmp_path / "g.onnx").exists()
    assert any("compared" in line for line in said)
    with pytest.raises(UserError, match="can hold only"):
        export(Options(str(model), "junyanz", tmp_path / "g.pth"))


def test_cut_finds_its_features_and_trains():
    s = settings("cut", generator={"network": "resnet", "blocks": 3, **BLUR})
    network = build_generator(s.generator, 3, 3)
    found = places(network, 3)
    maps = features(network, batches()[0][0], found)
    assert [f.shape[2] for f in maps[:3]] == [16, 8, 4]
    assert len(found) == 5
    assert all(torch.isfinite(value).all() for value in played(s, batches(3)).values())
