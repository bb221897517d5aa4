"""Models of label maps: the same output for a map however it is given, in tiles, exported, trained on from a file."""

import json

import label_files
import numpy as np
import onnxruntime
import pytest
import torch
from data_files import silent
from label_files import HEXES, PALETTE, draw, opened, save
from PIL import Image
from small import run_verb, tiny_model, tiny_settings

from translate.errors import UserError
from translate.export.onnx import onnx_bytes
from translate.image.source import ImageError
from translate.model.file import read
from translate.model.rules import Rules
from translate.model.translator import Translator
from translate.train.build import build_mode, settings_of
from translate.train.complete import with_data
from translate.values.label_map import LabelMap


def model(path, **settings):
    label_map = settings.pop("label_map", ",".join(HEXES))
    palette = LabelMap.parse(label_map).palette
    about = {"mode": "pix2pix", "label_map": label_map, "grey": {"a": False, "b": False}}
    return tiny_model(path, palette=palette, description=about, **settings)


def test_ids_and_colours_are_one_label_map(tmp_path):
    ids = draw(4)
    t = Translator.load(model(tmp_path / "g.safetensors", network="spade", label_map="0,1,2,7"))
    for image in (ids, ids[..., None], np.repeat(ids[..., None], 3, 2)):
        colours = t.label_map.picture(image if image.ndim == 3 else image[..., None])
        assert np.array_equal(t(colours), t(np.repeat(ids[..., None], 3, 2)))
    save(ids, tmp_path / "x.png", "ids")
    assert np.array_equal(np.asarray(t(tmp_path / "x.png")), t(colours))  # a grey file, and a result in colours
    assert np.ptp(t(colours)) > 20
    save(np.full_like(ids, 3), tmp_path / "x.png", "ids")
    with pytest.raises(UserError, match=r"x\.png: a label map with class 3"):
        t(tmp_path / "x.png")
    with pytest.raises(ImageError, match="uint16"):
        t.label_map.picture(colours.astype(np.uint16))


def test_a_larger_size_is_no_interpolation(tmp_path):
    t = Translator.load(model(tmp_path / "g.safetensors"))
    ids = label_files.coloured(draw(4))
    levels = t.prepare(_picture(ids), Rules(size=61))
    assert levels.shape == (61, 61, 3)
    assert {tuple(pixel) for pixel in levels.reshape(-1, 3).tolist()} == {tuple(p) for p in ids.reshape(-1, 3).tolist()}


def _picture(array):
    from translate.image.picture import Picture

    return Picture(array)


@pytest.mark.parametrize("network", ["spade", "unet", "light", "resnet"])
def test_tiles_of_label_maps_are_as_the_whole(network, tmp_path):
    """light is residual where a map has three classes, as many as the picture has channels."""
    path = model(tmp_path / "g.safetensors", network=network, label_map=",".join(HEXES[:3]), depth=2, init_gain=0.1)
    t = Translator.load(path)
    image = label_files.coloured(draw(5, 70) % 3)
    assert np.abs(t(image, tile=32).astype(int) - t(image)).max() <= 1
    assert np.ptp(t(image)) > 10


@pytest.mark.slow
@pytest.mark.parametrize("network", ["spade", "unet"])
@pytest.mark.parametrize("io", ["float", "uint8"])
def test_an_export_takes_the_colours(network, io, tmp_path):
    path = model(tmp_path / "g.safetensors", network=network, depth=2)
    session = onnxruntime.InferenceSession(onnx_bytes(str(path), io=io), providers=["CPUExecutionProvider"])
    t = Translator.load(path)
    for side in (24, 31):
        image = label_files.coloured(draw(6, side))
        x = image[None] if io == "uint8" else image.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
        (y,) = session.run(None, {"image": x})
        found = y[0] if io == "uint8" else ((y[0].transpose(1, 2, 0).clip(-1, 1) + 1) * 127.5).round()
        assert np.abs(found.astype(int) - t(image)).max() <= 1


def test_a_file_that_says_other_classes_than_colours_is_refused(tmp_path):
    path = tiny_model(tmp_path / "g.safetensors", palette=PALETTE, description={"label_map": "red,green"})
    with pytest.raises(UserError, match="label_map"):
        read(path)


def test_training_goes_on_from_a_file_with_its_classes(tmp_path):
    data = opened(label_files.folders(tmp_path))
    s = with_data(tiny_settings("pix2pix", {"data": {"label_map": "yes", "size": 16}}), data, None)
    assert s.data.label_map == "0,1,2,7"
    mode = build_mode(s)
    path = model(tmp_path / "g.safetensors", label_map="0,1,2,7", **s.generator.model_dump(exclude={"init_gain"}))
    assert settings_of(str(path), "pix2pix")["data"]["label_map"] == "0,1,2,7"
    again = build_mode(s.model_copy(update={"init_from": str(path)}), say=silent)
    assert not torch.equal(next(mode.G.parameters()), next(again.G.parameters()))
    assert again.G.state_dict().keys() == mode.G.state_dict().keys()
    s.train.checkpointing = True
    assert build_mode(s).G.network.parts


@pytest.mark.slow
def test_trained_evaluated_and_converted(tmp_path, monkeypatch, capsys):
    a, b = label_files.folders(tmp_path, "palette", count=30)
    run = tmp_path / "run"
    small = ["generator.filters=4", "discriminator.filters=8", "train.batch=4", "train.score_images=4"]
    words = [
        "--mode",
        "spade",
        "--a",
        a,
        "--b",
        b,
        "--size",
        "16",
        "--images",
        "240",
        "--device",
        "cpu",
        "--preset",
        "cpu",
    ]
    sets = [word for name in small for word in ("--set", name)]
    assert run_verb(monkeypatch, capsys, "train", *words, *sets, "--out", run)[0] == 0
    assert json.loads((run / "data.json").read_text())["a"]["label_map"].count("#") == 4
    code, said, _ = run_verb(monkeypatch, capsys, "evaluate", run, "--out", tmp_path / "e")
    assert code == 0
    assert "L1" in said
    new = tmp_path / "new"
    new.mkdir()
    save(draw(50), new / "good.png", "colours")
    Image.fromarray(np.full((9, 9, 3), 77, np.uint8)).save(new / "bad.png")
    code, said, error = run_verb(monkeypatch, capsys, "convert", run, new, tmp_path / "out")
    assert "bad.png: a label map with the colour #4d4d4d (81 pixels)" in said + error
    result = np.asarray(Image.open(tmp_path / "out" / "good.png"))
    truth = np.asarray(label_files.picture(draw(50)))
    assert result.shape == (24, 24, 3)
    assert np.abs(result.astype(int) - truth).mean() < 0.8 * np.abs(127 - truth.astype(int)).mean()
