"""The page of a model of label maps, in a real browser: painting with classes, and files of them."""

from pathlib import Path

import numpy as np
import pytest
from label_files import IDS, draw
from label_files import save as save_map
from PIL import Image
from small import tiny_model
from web_page import basics, begin, put, same, save

import translate
from translate.export.web.build import build
from translate.values.label_map import LabelMap

pytestmark = pytest.mark.network


def page(folder: Path, label_map: str) -> tuple[Path, Path]:
    """(the model, the page's folder)"""
    path = folder / "g.safetensors"
    about = {"label_map": label_map, "size": [32, 32]}
    tiny_model(path, palette=LabelMap.parse(label_map).palette, network="spade", depth=2, description=about)
    build(path, folder / "page", say=lambda _: None)
    return path, folder / "page"


def test_network_painting_with_classes(browser, tmp_path):
    """A stroke has the colour of its swatch, no smooth edges, and becomes what the translator makes of the same map."""
    colours = ["#ffffff", "#ffc83d", "#212121", "#00a6ed"]
    model, folder = page(tmp_path, ",".join(colours))
    browser.viewport(1180, 900)
    begin(browser, (folder / "index.html").as_uri())
    assert browser.run("[...$('swatches').children].map((swatch) => swatch.title.slice(-7))") == colours
    assert browser.run("$('colouring').hidden && $('rubber').hidden && $('camera').hidden")
    browser.run("$('clear').click(); $('swatches').children[3].click()")
    box = browser.run("(({left, top, width}) => [left, top, width])($('board').getBoundingClientRect())")
    browser.mouse("mousePressed", box[0] + 0.2 * box[2], box[1] + 0.3 * box[2])
    for part in (0.4, 0.6, 0.8):
        browser.mouse("mouseMoved", box[0] + part * box[2], box[1] + (part + 0.07) * box[2])
    browser.mouse("mouseReleased", box[0] + 0.8 * box[2], box[1] + 0.87 * box[2])
    browser.until("result && !busy && !again")
    painted = np.array(browser.run("[...$('board').getContext('2d').getImageData(0, 0, 32, 32).data]"), np.uint8)
    painted = painted.reshape(32, 32, 4)[..., :3]
    assert {tuple(pixel) for pixel in painted.reshape(-1, 3).tolist()} == {(255, 255, 255), (0, 166, 237)}
    assert 20 < (painted[..., 0] == 0).sum() < 400
    same(save(browser), Image.fromarray(translate.load(model)(painted)))
    basics(browser, 360)
    assert browser.complaints() == []


def test_network_files_of_label_maps(browser, tmp_path):
    """Grey levels mean their classes, colours theirs; other colours the nearest, which is said."""
    model, folder = page(tmp_path, ",".join(map(str, IDS)))
    t = translate.load(model)
    begin(browser, (folder / "index.html").as_uri())
    assert browser.run("[...$('swatches').children].map((swatch) => swatch.title)") == [f"Class {n}" for n in IDS]
    save_map(draw(3), tmp_path / "ids.png", "ids")
    same(put(browser, tmp_path / "ids.png"), t(tmp_path / "ids.png"))
    shown = t.label_map.picture(draw(3)[..., None])
    Image.fromarray(shown).save(tmp_path / "colours.png")
    same(put(browser, tmp_path / "colours.png"), t(tmp_path / "ids.png"))
    assert browser.run("$('message').textContent") == ""
    shown[4, 5] ^= 3
    Image.fromarray(shown).save(tmp_path / "odd.png")
    same(put(browser, tmp_path / "odd.png"), t(tmp_path / "ids.png"))
    assert browser.run("$('message').textContent").startswith("1 of its pixels have colours of no class")
