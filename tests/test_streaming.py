"""An image that is streamed in tiles with their surroundings comes out as it does in one piece."""

import numpy as np
import pytest
import torch
from small import tiny_model
from test_tiles import NETWORKS

from translate.model import streaming
from translate.model.streaming import Streamed
from translate.model.tiles import PROBE
from translate.model.translator import Translator


def field(height: int, width: int, channels: int = 3) -> np.ndarray:
    """float32 (H, W, C) in [-1, 1]: smooth, brighter towards a corner, with noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    smooth = np.sin(y / 17)[..., None] * np.cos(x / 23 + np.arange(channels)[:, None, None]).transpose(1, 2, 0)
    return (smooth * 0.5 + (y + x)[..., None] / (height + width) * 0.3 + random.normal(0, 0.05, smooth.shape)).astype(
        np.float32
    )


def streamed(translator, levels, absent=None, *, tile=64, how="exact"):
    """(the streamed output, the object)."""
    gone = np.zeros(levels.shape[:2], bool) if absent is None else absent

    def read(window, inside):
        top, left, height, width = window
        part = slice(top, top + height), slice(left, left + width)
        return levels[part].copy(), gone[part]

    stream = Streamed(translator.engine, levels.shape[:2], read, tile)
    stream.find_statistics(stream.chosen(how))
    result = np.full(levels.shape, np.nan, np.float32)
    for (top, left, height, width), found, _ in stream.tiles():
        if found is not None:
            result[top : top + height, left : left + width] = found
    return result, stream


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda s: "-".join(str(v) for v in s.values()))
@pytest.mark.parametrize("size", [(150, 97), (64, 200)])
def test_streamed_is_whole(settings, size, tmp_path):
    t = Translator.load(tiny_model(tmp_path / "m.safetensors", **{"filters": 8, **settings}))
    levels = field(*size)
    whole = t.engine.exact(levels[None])[0]
    found, stream = streamed(t, levels, tile=32)
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(found, whole, atol=5e-5)
    with_statistics = {"instance", "group"} & {
        settings.get("norm", "group" if settings["network"] == "light" else "instance")
    }
    assert bool(stream.passes) == bool(with_statistics)


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda s: "-".join(str(v) for v in s.values()))
def test_no_pixel_beyond_the_extent_counts_and_one_within_does(settings, tmp_path):
    """The extent against autograd: the gradient of one row of the output, with the statistics of norms held."""
    t = Translator.load(tiny_model(tmp_path / "m.safetensors", **{"filters": 8, **settings, "dropout": False}))
    levels = field(512, 512)
    _, stream = streamed(t, levels, tile=256)
    before, after = stream.whole.halo
    at = 256
    x = torch.from_numpy(levels).permute(2, 0, 1)[None].clone().requires_grad_()
    y, stack = x, []
    for place, step in enumerate(stream.steps):
        if step == "push":
            stack.append(y)
        elif step == "add":
            y = stack.pop() + y
        elif step == "cat":
            y = torch.cat([stack.pop(), y], 1)
        else:
            step = stream.given.get(place, step)
            y = step(y.clone())
    y[0, :, at].sum().backward()
    rows = np.flatnonzero(x.grad.abs().sum((0, 1, 3)).numpy())
    assert at - before <= rows.min() <= at <= rows.max() <= at + after
    assert rows.max() - rows.min() >= (before + after) / 3, "and the halo is not much wider than it needs to be"


def test_a_sample_estimates_the_statistics(tmp_path, monkeypatch):
    t = Translator.load(tiny_model(tmp_path / "m.safetensors", norm="instance"))
    monkeypatch.setattr(streaming, "SAMPLED", 30)
    levels = field(300, 280)
    whole = t.engine.exact(levels[None])[0]
    found, stream = streamed(t, levels, tile=32, how="sample")
    assert len(stream.chosen("sample")) == 30 < len(stream.chosen("exact")) == 90
    assert 1e-4 < np.abs(found - whole).mean() < np.ptp(whole) / 10
    assert stream.chosen("auto") == stream.chosen("exact")
    monkeypatch.setattr(streaming, "EXACT_PIXELS", 1000)
    assert len(stream.chosen("auto")) == 30


def test_empty_ground_costs_no_network_and_counts_as_in_one_piece(tmp_path, monkeypatch):
    t = Translator.load(tiny_model(tmp_path / "m.safetensors", norm="instance"))
    levels, absent = field(320, 320), np.ones((320, 320), bool)
    absent[10:60, 200:300] = False
    levels[absent] = 0
    whole = t.engine.exact(levels[None])[0]
    ran = []
    plain = Streamed._run
    monkeypatch.setattr(Streamed, "_run", lambda self, x, upto=None: ran.append(upto) or plain(self, x, upto))
    found, stream = streamed(t, levels, absent, tile=32)
    filled = ~np.isnan(found[..., 0])
    assert filled[10:60, 200:300].all()
    np.testing.assert_allclose(found[filled], whole[filled], atol=5e-5)
    assert ran.count(None) == 8, "tiles with data"
    assert len(ran) < 0.7 * len(stream.windows((0, 0))) * (stream.passes + 1)


def test_only_tiles_are_in_memory(tmp_path):
    t = Translator.load(tiny_model(tmp_path / "m.safetensors"))
    seen = []
    for layer in t.engine.network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_pre_hook(lambda layer, inputs: seen.append(max(inputs[0].shape[-2:])))
    _, stream = streamed(t, field(400, 300), tile=64)
    assert max(seen) <= max(PROBE, 64 + sum(stream.whole.halo) + 2 * stream.multiple) + 6
