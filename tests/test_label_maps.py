"""Label maps as domain A: found, read, refused, and the same wherever a model is used."""

import json

import label_files
import numpy as np
import onnxruntime
import pytest
import torch
from data_files import silent
from label_files import COLOURS, IDS, draw, save
from PIL import Image
from small import run_verb, tiny_model, tiny_settings

from translate.data import DataSettings, description, open_data
from translate.data.augment import Augment
from translate.data.vary import Vary, uniform
from translate.errors import UserError
from translate.export.onnx import onnx_bytes
from translate.image.source import ImageError
from translate.model.file import read
from translate.model.rules import Rules
from translate.model.translator import Translator
from translate.train.build import build_mode, settings_of
from translate.train.complete import with_data
from translate.values.label_map import LabelMap, colour_of

HEXES = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in COLOURS.values()]
PALETTE = [level for colour in COLOURS.values() for level in colour]


def opened(folders, label_map="yes", say=silent, **settings):
    made = DataSettings(size=16, load=1.0, label_map=label_map, **settings)
    return open_data(*map(str, folders), made, paired=True, seed=0, say=say)


# Reading


@pytest.mark.parametrize("kind", ["ids", "colours", "palette"])
def test_classes_are_found_over_all_files(kind, tmp_path):
    said: list[str] = []
    data = opened(label_files.folders(tmp_path, kind), say=said.append)
    found = data.domains[0].label_map
    assert sorted(str(found).split(",")) == sorted(map(str, IDS) if kind == "ids" else HEXES)
    assert "a: label maps of 4 classes (data.label_map)" in said
    shares = next(line for line in said if "%" in line)
    assert sum(float(part.split()[1].rstrip("%")) for part in shares.split(",")) == pytest.approx(100, abs=0.3)
    assert description.record(data)["a"]["label_map"] == str(found)
    assert description.values(data) == {"label_map": str(found)}


def test_resizing_turning_and_mirroring_make_no_new_colours(tmp_path):
    data = opened(label_files.folders(tmp_path, "colours", side=37), rotate=30, flip=0.5)
    known = {*COLOURS.values()}
    seen = {tuple(pixel) for image in data.train_images("a") for pixel in image.reshape(-1, 3).tolist()}
    assert seen == known
    for n in range(20):
        x, y = data.example(n)
        assert {tuple(pixel) for pixel in ((x.reshape(3, -1).T + 1) * 127.5).round().astype(int).tolist()} <= known
    assert len(np.unique(y)) > 30  # the picture is interpolated


def test_label_maps_turn_alike_on_the_device():
    made = DataSettings(size=24, load=1.0, rotate=45, flip=0)
    image = label_files.coloured(draw(3))
    for classes, few in ((True, True), (False, False)):
        vary = Vary(made, 3, False, classes)
        rows = vary.draw(uniform(0, 0, range(4)))
        turned = vary(torch.from_numpy(image)[None], torch.zeros(4).long(), torch.from_numpy(rows), rows)
        assert (len(turned.permute(0, 2, 3, 1).reshape(-1, 3).unique(dim=0)) <= len(COLOURS)) == few
        moved = Augment(made, 3, False, classes=classes).geometry(image, "7")
        assert (len(np.unique(moved.reshape(-1, 3), axis=0)) <= len(COLOURS)) == few


def test_other_colours_become_the_nearest(tmp_path):
    folders = label_files.folders(tmp_path, "colours")
    for path in folders[0].iterdir():
        Image.open(path).save(path.with_suffix(".jpg"), quality=60)
        path.unlink()
    data = opened(folders, "nearest:" + ",".join(HEXES))
    assert {tuple(pixel) for pixel in data.train_images("a").reshape(-1, 3).tolist()} == {*COLOURS.values()}
    with pytest.raises(UserError, match=r"labels/000\.jpg brings the colours .* such as #.*nearest:#rrggbb"):
        opened(folders)


def test_files_with_other_classes_are_left_out_and_named(tmp_path):
    folders = label_files.folders(tmp_path)
    odd = draw(99)
    odd[0, 0] = 9
    save(odd, folders[0] / "005.png", "ids")
    said: list[str] = []
    data = opened(folders, "0,1,2,7", said.append)
    assert len(data.train_a) + len(data.test_a) == 23
    assert any(
        "005.png: a label map with class 9 (1 pixel), which is none of its classes: 0, 1, 2, 7" in line for line in said
    )
    assert "9 0.0%" in " ".join(_said(folders))


def _said(folders) -> list[str]:
    said: list[str] = []
    opened(folders, say=said.append)
    return said


REFUSED = [
    ({"brightness": 0.1}, True, "data.brightness would change the classes"),
    ({}, False, "label maps are for modes of pairs"),
]


@pytest.mark.parametrize(("settings", "paired", "why"), REFUSED)
def test_settings_that_do_not_fit_are_refused(settings, paired, why, tmp_path):
    a, b = label_files.folders(tmp_path, count=4)
    made = DataSettings(size=16, label_map="yes", **settings)
    with pytest.raises(UserError, match=why):
        open_data(str(a), str(b), made, paired=paired, seed=0, say=silent)


def test_deep_and_uniform_label_maps_are_refused(tmp_path):
    folders = label_files.folders(tmp_path, count=6)
    for path in folders[0].iterdir():
        Image.fromarray(np.zeros((24, 24), np.uint8)).save(path)
    with pytest.raises(UserError, match="hold one colour only"):
        opened(folders)
    Image.fromarray(np.full((24, 24), 1000, np.uint16)).save(folders[0] / "000.png")
    with pytest.raises(UserError, match=r"000\.png holds uint16"):
        opened(folders)


@pytest.mark.parametrize(
    "text", ["#ff0000", "0,0", "0,256", "0,#ffffff", "nearest:0,1", "maybe", ",".join(map(str, range(65)))]
)
def test_texts_that_are_no_classes_are_refused(text):
    with pytest.raises(UserError, match="label_map"):
        DataSettings.parse({"label_map": text}, "test")


def test_a_level_has_the_same_colour_in_every_set_and_no_other_has_it():
    assert len({colour_of(number) for number in range(256)}) == 256
    few, more = LabelMap.parse("0,7"), LabelMap.parse("0,1,7")
    assert few.colours[1] == more.colours[2]
    assert str(LabelMap.parse(str(more))) == "0,1,7"
    assert str(LabelMap.parse("nearest:#FF0000, #00ff00")) == "nearest:#ff0000,#00ff00"


# Use


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
