"""Tiled is as untiled, for every network, norm and upsampling: the whole image's statistics, and no seams."""

import numpy as np
import pytest
import torch
from data_files import photo
from small import tiny_model

from translate.model import tiles
from translate.model.rules import Rules
from translate.model.translator import Translator
from translate.networks import GENERATORS

VARIANTS = {
    "resnet": [
        *(
            {"norm": norm, "upsampling": upsampling, "padding": padding, "init_gain": 0.1}
            for norm, upsampling, padding in [
                ("instance", "deconv", "reflect"),
                ("batch", "resize", "replicate"),
                ("group", "shuffle", "zeros"),
                ("none", "deconv", "reflect"),
            ]
        ),
        {"kernel": 9, "downs": 3, "residual": True, "dropout": True},
    ],
    "unet": [
        *({"norm": norm, "depth": 4} for norm in ("instance", "batch", "group")),
        {"norm": "instance", "depth": 3, "upsampling": "resize", "residual": True},
    ],
    "light": [{"norm": norm} for norm in ("group", "instance")],
    "spade": [{"norm": norm, "init_gain": 0.1} for norm in ("instance", "batch", "group")],
}
OTHERS = [{"norm": norm} for norm in ("instance", "batch", "group")]
NETWORKS = [{"network": name, **own} for name in GENERATORS for own in VARIANTS.get(name, OTHERS)]


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda s: "-".join(str(v) for v in s.values()))
@pytest.mark.parametrize("size", [(150, 97), (64, 200)])
def test_tiled_is_untiled(settings, size, tmp_path):
    t = Translator.load(tiny_model(tmp_path / "m.safetensors", **{"filters": 8, **settings}))
    levels = (photo(*size) / 255).astype(np.float32)
    whole = t.run(levels[None], Rules())
    tiled = t.run(levels[None], Rules(tile=32))
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(tiled, whole, atol=5e-5)
    eight = photo(*size)
    assert np.abs(t(eight, tile=32).astype(int) - t(eight)).max() <= 1


def test_a_brighter_corner_changes_all_of_it(tmp_path):
    """That the norms really see the whole image: a tile far away from a change is changed by it, as when untiled."""
    t = Translator.load(tiny_model(tmp_path / "m.safetensors"))
    dark, bright = photo(128, 128), photo(128, 128).copy()
    bright[:32, :32] = 255
    far = (slice(96, None), slice(96, None))
    assert np.array_equal(t(dark, tile=32)[far], t(dark, tile=32)[far])
    assert (t(dark, tile=32)[far] != t(bright, tile=32)[far]).mean() > 0.2


def test_what_does_not_fit_into_memory_goes_through_a_file(tmp_path, monkeypatch):
    t = Translator.load(tiny_model(tmp_path / "m.safetensors"))
    expected = t(photo(100, 90), tile=32)
    monkeypatch.setattr(tiles, "free_memory", lambda: 1000.0)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    assert np.array_equal(t(photo(100, 90), tile=32), expected)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_only_a_tile_is_on_the_device(tmp_path):
    """The largest tensor that any layer gets is a tile with its surroundings, however large the picture is."""
    t = Translator.load(tiny_model(tmp_path / "m.safetensors"))
    seen = []
    for layer in t.engine.network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_pre_hook(lambda layer, inputs: seen.append(max(inputs[0].shape[-2:])))
    t(photo(400, 300), tile=64)
    assert max(seen) <= 64 + 2 * tiles.HALO + 6
