"""Several files at once on the page, in a real browser: one after the other, as a zip; and the button that stops."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_page import begin, put, same, save

import translate

pytestmark = pytest.mark.network
# Presses Stop in the moment in which a condition is met, which is sooner than this process could do it.
PRESS = """new Promise((done) => {{
  const look = () => ({0} ? ($('stop').click(), done()) : setTimeout(look, 1));
  look();
}})"""


@pytest.fixture
def page(browser, site):
    begin(browser, (site / "fluent_flat2shaded.html").as_uri())
    return browser


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[Path]:
    """Four smooth pictures of different sizes and kinds; two would become files of the same name."""
    folder = tmp_path_factory.mktemp("several")
    random = np.random.default_rng(0)
    paths = [folder / name for name in ("a.png", "A.jpg", "grün.png", "last.one.png")]
    for i, path in enumerate(paths):
        colours = Image.fromarray(random.integers(0, 256, (4, 6, 3), np.uint8))
        picture = colours.resize((90 + 10 * i, 70), Image.Resampling.BICUBIC)
        (picture.convert("L") if path.name == "last.one.png" else picture).save(path)
    return paths


@pytest.fixture
def large(tmp_path) -> Path:
    """A picture that takes a while."""
    colours = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(colours).resize((1300, 1300), Image.Resampling.BICUBIC).save(tmp_path / "large.png")
    return tmp_path / "large.png"


def zipped(browser) -> dict[str, Image.Image]:
    browser.run("$('zip').click()")
    with zipfile.ZipFile(io.BytesIO(browser.downloaded())) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        return {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}


def test_network_several_files_become_a_zip_and_bad_ones_are_named(page, pictures, tmp_path):
    translator = translate.load("fluent_flat2shaded")
    (tmp_path / "notes.txt").write_text("not a picture")
    page.give("#file", *pictures[:2], tmp_path / "notes.txt", *pictures[2:])
    page.until("several.items.length && !several.next() && !busy")
    assert page.run("$('several-count').textContent") == "5 of 5"
    assert page.run("[...$('skipped').children].map((line) => line.textContent)") == [
        "notes.txt is not a picture that this browser can read."
    ]
    assert page.run("$('message').textContent").startswith("4 of 5 pictures are translated, 1 skipped.")
    assert page.run("[...$('thumbs').querySelectorAll('button')].map((b) => b.title)") == [p.name for p in pictures]
    found = zipped(page)
    assert list(found) == ["a.png", "A (2).png", "grün.png", "last.one.png"], "on some systems A.png would be a.png"
    for name, path in zip(found, pictures, strict=True):
        same(found[name], translator(path))
    page.run("result = null; $('thumbs').children[2].firstChild.click()")
    page.until("result")
    same(save(page), translator(pictures[2]))
    assert page.run("$('input').width") == 110
    assert page.run("[...$('thumbs').querySelectorAll('[aria-pressed=true]')].map((b) => b.title)") == ["grün.png"]
    page.run("$('size').value = 'trained'; $('size').onchange()")
    page.until("!several.next() && !busy")
    again = zipped(page)
    assert list(again) == list(found)
    assert np.abs(np.asarray(again["a.png"]).astype(int) - np.asarray(found["a.png"])).max() > 1, (
        "all, with the new size"
    )
    assert page.complaints() == []


def test_network_stopping_several_keeps_what_is_finished_and_goes_on_when_asked(page, pictures, large):
    page.run("window.first = engine.worker")
    page.give("#file", *pictures[:2], large, *pictures[2:])
    page.run(PRESS.format("busy?.file?.name === 'large.png' && busy.picture"))
    page.until("!busy && ready")
    assert page.run("engine.worker !== first"), "the worker that was at it has ended"
    assert page.run("$('message').textContent") == "Stopped: 2 of 5 pictures are translated."
    assert list(zipped(page)) == ["a.png", "A (2).png"]
    assert page.run("$('stop').textContent") == "Go on"
    page.run("$('size').value = 'trained'; $('stop').click()")
    page.until("!several.next() && !busy")
    assert list(zipped(page)) == ["a.png", "A (2).png", "large.png", "grün.png", "last.one.png"]
    assert page.run("$('stop').disabled")
    assert page.complaints() == []


def test_network_stopping_one_picture_and_another_afterwards(page, pictures, large):
    same_as = translate.load("fluent_flat2shaded")
    page.run("window.first = engine.worker")
    page.give("#file", large)
    page.run(PRESS.format("busy && source?.name === 'large'"))
    page.until("!busy && ready")
    assert page.run("engine.worker !== first && !result")
    assert page.run("[$('message').textContent, $('stop').textContent, $('stop').disabled]") == [
        "Stopped.",
        "Go on",
        False,
    ]
    same(put(page, pictures[0]), same_as(pictures[0]))
    page.until("$('stop').disabled")
    assert page.run("$('stop').textContent") == "Stop"
    assert page.complaints() == []


def test_network_stopping_the_camera(page, pictures):
    page.run("$('camera').click()")
    page.until("source?.kind === 'film' && result")
    page.run("$('stop').click()")
    page.until("!busy && ready")
    assert page.run("$('video').srcObject === null && $('video').hidden && !$('empty').hidden")
    assert page.run("!$('output').hidden && result.name === 'camera'"), "the last frame's translation stays"
    assert page.run("$('stop').disabled")
    put(page, pictures[0])
    assert page.complaints() == []
