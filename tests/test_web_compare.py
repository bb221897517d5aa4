"""The page in a real browser: before and after in one frame, grayscale and deep files, and the basics of every page."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_page import basics, begin, put, same, save

import translate

pytestmark = pytest.mark.network
RAMP = [level for i in range(256) for level in (i, i, i)]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Smooth greys in files of every kind that may be grayscale, one of which has colours that are all grey."""
    folder = tmp_path_factory.mktemp("greys")
    random = np.random.default_rng(0)

    def smooth() -> Image.Image:
        return Image.fromarray(random.integers(0, 256, (5, 7), np.uint8)).resize((70, 50), Image.Resampling.BICUBIC)

    grey, clear = smooth(), smooth()
    kinds = {
        "grey.png": grey, "grey.jpg": grey, "grey.bmp": grey, "colours.png": grey.convert("RGB"),
        "clear.png": Image.merge("LA", (grey, clear)),
    }  # fmt: skip
    palette = grey.convert("P")
    palette.putpalette(RAMP)
    for name, picture in {**kinds, "grey.gif": palette}.items():
        picture.save(folder / name)
    deep = np.asarray(grey).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    return {path.name: path for path in folder.iterdir()}


def test_network_grayscale_files_come_back_as_from_the_translator(browser, site, files):
    translator = translate.load("fluent_flat2shaded")
    begin(browser, (site / "fluent_flat2shaded.html").as_uri())
    modes = dict.fromkeys(("grey.png", "grey.jpg", "grey.bmp", "grey.gif"), "L")
    modes |= {"clear.png": "LA", "colours.png": "RGB"}
    for name, mode in modes.items():
        wanted = translator(files[name])
        assert wanted.mode == mode
        same(put(browser, files[name]), wanted)
        assert browser.run("!$('grey-parts').hidden && $('grey').checked") == (mode != "RGB"), name
    browser.run("result = null; $('grey').click()")
    browser.until("result && !busy")
    same(save(browser), translator(files["colours.png"], grey="keep").convert("L"))
    assert browser.complaints() == []


def test_network_a_model_that_adds_colour_does_so_to_grayscale_files(browser, site, files):
    begin(browser, (site / "openmoji_line2color.html").as_uri())
    wanted = translate.load("openmoji_line2color")(files["grey.png"])
    assert wanted.mode == "RGB"
    same(put(browser, files["grey.png"]), wanted)
    assert browser.run("$('grey-parts').hidden")


def test_network_of_16_bits_the_page_says_that_8_are_read(browser, site, files):
    begin(browser, (site / "fluent_flat2shaded.html").as_uri())
    got = put(browser, files["deep.png"])
    assert (got.mode, got.size) == ("L", (70, 50))
    assert "16 bits a channel, of which a browser reads 8" in browser.run("$('message').textContent")
    put(browser, files["grey.png"])
    assert browser.run("$('message').textContent") == ""


def at(browser) -> int:
    return int(browser.run("$('divider').getAttribute('aria-valuenow')"))


def key(browser, name: str) -> None:
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)


def seen(browser, share: float) -> list[int]:
    """RGB of the page's pixel at `share` of the frame's width, in the middle of its height but above the handle."""
    left, top, width, height = browser.run(
        "(({left, top, width, height}) => [left, top + scrollY, width, height])($('after').getBoundingClientRect())"
    )
    shot = Image.open(io.BytesIO(browser.screenshot())).convert("RGB")
    scale = shot.width / browser.run("document.documentElement.clientWidth")
    return list(shot.getpixel((round((left + share * width) * scale), round((top + 0.1 * height) * scale))))


def test_network_one_frame_compares_by_keys_mouse_and_finger(browser, site, tmp_path):
    """On a phone's width from the beginning. Left of the divider lies the picture itself, right of it the result."""
    Image.new("RGB", (96, 64), (120, 200, 40)).save(tmp_path / "green.png")
    browser.viewport(360, 740, phone=True)
    begin(browser, (site / "fluent_flat2shaded.html").as_uri())
    result = np.asarray(put(browser, tmp_path / "green.png")).astype(int)
    assert browser.run("!$('left').checkVisibility() && $('divider').checkVisibility()")
    assert browser.run("[$('divider').role, $('divider').ariaLabel]") == ["slider", "How much of your picture is shown"]
    assert at(browser) == 50
    frame = browser.run("(({width, height}) => width / height)($('after').getBoundingClientRect())")
    assert abs(frame - 1.5) < 0.05, "the frame has the picture's shape"
    there = result[6, 67]
    assert np.abs(there - [120, 200, 40]).max() > 8, "or else nothing is to be seen below"
    assert np.abs(np.subtract(seen(browser, 0.3), [120, 200, 40])).max() <= 2
    assert np.abs(seen(browser, 0.7) - there).max() <= 12

    browser.run("$('divider').focus()")
    steps = [("ArrowRight", 52), ("ArrowLeft", 50), ("PageUp", 60), ("Home", 0), ("ArrowLeft", 0), ("End", 100)]
    for name, place in steps:
        key(browser, name)
        assert at(browser) == place
    assert np.abs(np.subtract(seen(browser, 0.7), [120, 200, 40])).max() <= 2
    left, top, width = browser.run("(({left, top, width}) => [left, top, width])($('after').getBoundingClientRect())")
    for kind, share in (("mousePressed", 0.7), ("mouseMoved", 0.25), ("mouseReleased", 0.25)):
        browser.mouse(kind, left + share * width, top + 20)
    assert at(browser) == 25
    for kind, points in (("touchStart", [0.5]), ("touchMove", [0.8]), ("touchEnd", [])):
        places = [{"x": left + share * width, "y": top + 20} for share in points]
        browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=places)
    assert at(browser) == 80

    browser.run("$('slide').click()")
    assert browser.run(
        "$('left').checkVisibility() && !$('divider').checkVisibility() && $('before').contains($('input'))"
    )
    browser.run("$('slide').click(); $('draw').click()")
    assert browser.run("$('left').checkVisibility() && $('board').checkVisibility()"), "drawing needs its own frame"
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [360, 1280])
def test_network_the_basics_of_a_page(browser, site, files, tmp_path, width):
    """With everything on it that can be: a drawing and its tools; then several files, one of them bad."""
    (tmp_path / "notes.png").write_bytes(b"not a picture")
    browser.viewport(width, 800, phone=width < 640)
    begin(browser, (site / "openmoji_line2color.html").as_uri())
    basics(browser, width)
    begin(browser, (site / "fluent_flat2shaded.html").as_uri())
    browser.give("#file", tmp_path / "notes.png", files["deep.png"], files["clear.png"])
    browser.until("several.items.length && !several.next() && !busy")
    browser.run("document.querySelector('details').open = true")
    if width > 640:
        browser.run("$('slide').click()")
    basics(browser, width)
