"""The page in a real browser: it gives what the Translator gives, sends nothing anywhere, and can be drawn on.

Needs npm for the runtime, and for a Chromium where none is installed.
"""

import base64
import itertools
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from export_models import write_model
from PIL import Image, ImageDraw
from web_page import LEVELS, begin, put, same, save

import translate
from translate.export.web.build import build
from translate.export.web.serve import Server

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The page of the pretrained line2color, which was really trained."""
    folder = tmp_path_factory.mktemp("web") / "page"
    build("openmoji_line2color", folder, say=lambda _: None)
    return folder


@pytest.fixture(scope="module")
def translator():
    return translate.load("openmoji_line2color")


@pytest.fixture(scope="module")
def address(folder):
    with Server() as server:
        server.show(folder)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> dict[str, Path]:
    """Smooth colours like a photo's, an odd size, every alpha from 0 to 255, and a drawing that fits 64 × 64."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    colours = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    alpha = Image.fromarray(random.integers(0, 256, (5, 5), dtype=np.uint8)).resize(
        (150, 101), Image.Resampling.BICUBIC
    )
    photo = colours.resize((320, 240), Image.Resampling.BICUBIC)
    clear = colours.resize((150, 101), Image.Resampling.BICUBIC)
    clear.putalpha(alpha)
    paths = {name: folder / name for name in ("photo.png", "photo.jpg", "odd.png", "clear.png", "face.png")}
    photo.save(paths["photo.png"])
    photo.save(paths["photo.jpg"], quality=90)
    colours.resize((131, 77), Image.Resampling.BICUBIC).save(paths["odd.png"])
    clear.save(paths["clear.png"])
    face = Image.new("RGB", (64, 64), "white")
    pen = ImageDraw.Draw(face)
    pen.ellipse((11, 11, 53, 53), outline="black", width=2)
    for x in (24, 38):
        pen.ellipse((x - 2, 24, x + 2, 28), fill="black")
    pen.arc((22, 22, 42, 43), 20, 160, fill="black", width=2)
    face.resize((256, 256), Image.Resampling.NEAREST).save(paths["face.png"])
    return paths


def test_network_the_page_gives_what_the_translator_gives_and_asks_nobody(browser, address, pictures, translator):
    begin(browser, address)
    for name in ("photo.png", "photo.jpg", "odd.png", "clear.png"):
        same(put(browser, pictures[name]), translator(pictures[name]))
    browser.run("result = null; $('alpha').click()")
    browser.until("result && !busy")
    same(save(browser), translator(pictures["clear.png"], alpha="drop"))
    assert browser.run("crossOriginIsolated"), "the runtime may use threads"
    asked = browser.addresses()
    assert len(asked) > 10
    assert [a for a in asked if not a.removeprefix("blob:").startswith(address)] == []
    assert browser.complaints() == []


def test_network_a_double_click_on_index_html_is_enough(browser, folder, pictures, translator):
    begin(browser, (folder / "index.html").as_uri())
    same(put(browser, pictures["odd.png"]), translator(pictures["odd.png"]))
    assert [a for a in browser.addresses() if not a.startswith((folder.as_uri(), "blob:null/"))] == []
    assert browser.complaints() == []


def test_network_the_page_could_not_send_a_picture_if_it_wanted_to(browser, address):
    begin(browser, address)
    for script in (f"fetch('{address}', {{method: 'POST', body: 'picture'}})", "fetch('https://example.org/')"):
        assert browser.run(f"{script}.then(() => 'sent', () => 'refused')") == "refused"
    assert all("Content Security Policy" in text for text in browser.complaints())
    assert len(browser.complaints()) >= 2


def test_network_drawing(browser, address):
    """A face is there to begin with, and is coloured in; strokes with the mouse are translated as they are drawn."""
    browser.viewport(1180, 900)
    begin(browser, address, "trained")
    browser.run("$('clear').click()")
    browser.until("result && !busy && !again")
    assert browser.run("result.data.every((level) => level > 250)"), "an empty sheet stays (nearly) white"
    box = browser.run(
        "(({left, top, width, height}) => [left, top, width, height])($('board').getBoundingClientRect())"
    )
    corners = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)]
    places = [(box[0] + x * box[2], box[1] + y * box[3]) for x, y in corners]
    browser.mouse("mousePressed", *places[0])
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        for step in range(1, 9):
            browser.mouse("mouseMoved", x0 + (x1 - x0) * step / 8, y0 + (y1 - y0) * step / 8)
    browser.mouse("mouseReleased", *places[-1])
    browser.until("!busy && !again")
    drawn = np.asarray(save(browser))
    assert drawn.shape == (512, 512, 3)
    assert drawn[102, 256].max() < 60, "the line is where the mouse was"
    inside = drawn[160:352, 160:352].reshape(-1, 3).astype(int)
    assert (inside.max(1) - inside.min(1)).mean() > 20, "and what it encloses is coloured"
    browser.run("$('undo').click()")
    browser.until("!busy && !again")
    assert np.asarray(save(browser)).min() > 250


def test_network_at_the_trained_size_the_enlarged_change_is_added(browser, address, pictures, translator):
    begin(browser, address, "trained")
    got = np.asarray(put(browser, pictures["face.png"])).astype(float)
    full = np.asarray(Image.open(pictures["face.png"])).astype(float)
    small = Image.fromarray(full[::4, ::4].astype(np.uint8))
    change = np.asarray(translator(small)).astype(np.float32) - np.asarray(small)
    planes = [
        Image.fromarray(plane).resize((256, 256), Image.Resampling.BILINEAR) for plane in np.moveaxis(change, 2, 0)
    ]
    wanted = np.clip(full + np.stack([np.asarray(plane) for plane in planes], axis=2), 0, 255)
    assert np.abs(wanted - full).mean() > 5, "there is a change to see"
    assert np.abs(got - wanted).max() <= LEVELS + 0.51  # one level of the model's, and rounding


def test_network_large_pictures_are_reduced_unless_full_size_is_chosen(browser, address, pictures, translator):
    begin(browser, address)
    browser.run("about.limit = 160 * 120")
    assert put(browser, pictures["photo.png"]).size == (160, 120)
    assert "320 × 240 pixels were reduced to 160 × 120" in browser.run("$('message').textContent")
    browser.run("result = null; $('size').value = 'full'; $('size').onchange()")
    browser.until("result && !busy")
    same(save(browser), translator(pictures["photo.png"]))
    assert browser.run("$('message').textContent") == ""


def test_network_paste_and_drop(browser, address, pictures, translator):
    content = base64.b64encode(pictures["odd.png"].read_bytes()).decode()
    for kind, event, given in (("Clipboard", "paste", "clipboardData"), ("Drag", "drop", "dataTransfer")):
        begin(browser, address)
        browser.run(f"""{{
            const {given} = new DataTransfer();
            const content = Uint8Array.from(atob("{content}"), (letter) => letter.charCodeAt(0));
            {given}.items.add(new File([content], "odd.png", {{ type: "image/png" }}));
            dispatchEvent(new {kind}Event("{event}", {{ {given} }}));
        }}""")
        browser.until("result && !busy")
        same(save(browser), translator(pictures["odd.png"]))


def test_network_the_camera_is_translated_live_and_gives_a_snapshot(browser, address):
    begin(browser, address)
    browser.run("$('camera').click()")
    for _ in range(2):  # frame after frame
        browser.run("result = null")
        browser.until("source?.kind === 'film' && result")
    browser.run("$('snap').click()")
    browser.until("source.kind === 'file' && !busy")
    assert save(browser).size == tuple(browser.run("[source.picture.width, source.picture.height]"))
    assert browser.run("$('video').srcObject === null"), "the camera is off again"


def test_network_what_is_no_picture_is_said_and_the_page_lives_on(browser, address, pictures, tmp_path, translator):
    begin(browser, address)
    (tmp_path / "notes.png").write_bytes(b"not a picture")
    browser.give("#file", tmp_path / "notes.png")
    browser.until("$('message').textContent")
    assert browser.run("$('message').textContent") == "notes.png is not a picture that this browser can read."
    same(put(browser, pictures["odd.png"]), translator(pictures["odd.png"]))
    assert browser.run("$('message').textContent") == ""


def test_network_a_folder_that_lost_a_file_says_which(browser, folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    lost = sorted((copy / "data").glob("model-*"))[1]
    lost.unlink()
    browser.open((copy / "index.html").as_uri())
    browser.until("document.querySelector('.bad')")
    assert f"data/{lost.name} could not be loaded" in browser.run("$('message').textContent")


def test_network_a_grey_model_and_a_phone(browser, pictures, tmp_path):
    """Grey in, grey out; and on a phone nothing is wider than the screen."""
    model = write_model(tmp_path / "grey.safetensors", network="light", channels=(1, 1), norm="none", downs=1)
    build(model, tmp_path / "page", say=lambda _: None)
    browser.viewport(390, 844, phone=True)
    begin(browser, (tmp_path / "page" / "index.html").as_uri())
    same(put(browser, pictures["odd.png"]), translate.load(model)(pictures["odd.png"]))
    assert browser.run("document.documentElement.scrollWidth") <= 390
