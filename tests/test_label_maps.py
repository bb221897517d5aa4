"""Label maps as domain A: found over all files, read without interpolation, refused by name."""

import label_files
import numpy as np
import pytest
import torch
from data_files import silent
from label_files import COLOURS, HEXES, IDS, draw, opened, save
from PIL import Image

from translate.data import DataSettings, description, open_data
from translate.data.augment import Augment
from translate.data.vary import Vary, uniform
from translate.errors import UserError
from translate.values.label_map import LabelMap, colour_of


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
