"""Typed text on the page of a model that was trained with a font's characters, in a real browser.

The fonts are made here: their characters are rectangles, so that what is drawn and what is missing is known.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from export_models import write_model
from font_files import font
from PIL import Image
from web_page import basics, begin, same, save

import translate
from translate.catalog import glyphs, recipes
from translate.export.web.about import checked
from translate.export.web.build import build

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform != "linux", reason="which fonts there are is said to fontconfig"),
]
SIZE, COLUMNS = 32, 8


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """With a norm over the picture: several characters in one picture would change each other."""
    path = tmp_path_factory.mktemp("model") / "g.safetensors"
    names = ("hanzi_print", "hanzi_brush")
    return write_model(path, network="light", channels=(1, 1), norm="instance", init_gain=0.3, names=names)


@pytest.fixture(scope="module")
def address(model) -> str:
    build(model, model.parent / "page", say=lambda _: None)
    return (model.parent / "page" / "index.html").as_uri()


@pytest.fixture(scope="module")
def boxes(model) -> dict[str, tuple[int, int, int, int]]:
    """Characters of which the page measures the scale, as rectangles."""
    random = np.random.default_rng(0)
    measured = checked(model)["typed"]["measured"][::12]
    return {c: (*random.integers(20, 150, 2).tolist(), *random.integers(600, 880, 2).tolist()) for c in measured}


@pytest.fixture
def with_font(tmp_path, monkeypatch):
    """A browser on a system with one font that has only these characters."""
    opened = []

    def start(characters: dict) -> Browser:
        (tmp_path / "only.ttf").write_bytes(font(characters))
        (tmp_path / "fonts.conf").write_text(
            f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>"
        )
        monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
        opened.append(Browser())
        return opened[-1]

    yield start
    for browser in opened:
        browser.__exit__()


def write(browser, text: str) -> None:
    """Type into the text field, as with a keyboard."""
    browser.run("$('text').value = ''; $('text').focus()")
    browser.call("Input.insertText", text=text)
    browser.until("!busy && !again && result")


def squares(browser) -> np.ndarray:
    """(lines, columns, height, width) of the picture of the text."""
    size = browser.run("[$('typed').width, $('typed').height]")
    levels = browser.run(f"[...$('typed').getContext('2d').getImageData(0, 0, {size[0]}, {size[1]}).data]")
    picture = np.array(levels, np.uint8).reshape(size[1], size[0], 4)
    assert (picture[..., :3] == picture[..., :1]).all()
    return cut(picture[..., 0])


def cut(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(picture.shape[0] // SIZE, SIZE, -1, SIZE).transpose(0, 2, 1, 3)


def test_network_characters_are_drawn_as_for_the_training_and_translated_one_by_one(with_font, address, boxes, model):
    browser = with_font(boxes)
    begin(browser, address)
    assert browser.run("$('text').value") == "永和九年"
    text = "".join(boxes)
    assert len(text) > 2 * COLUMNS, "more than two lines"
    write(browser, text[:3] + "\n" + text[3:])
    drawn = squares(browser)
    lines = [text[:3], *(text[start : start + COLUMNS] for start in range(3, len(text), COLUMNS))]
    assert drawn.shape[:2] == (len(lines), COLUMNS)
    settings = recipes()["hanzi_print"].glyphs.model_copy(update={"size": SIZE})
    trained = {chr(int(key, 16)): picture for key, picture in glyphs.draw(settings, {"only.ttf": font(boxes)})}
    translator, wanted = translate.load(model), np.full(drawn.shape, 255, np.uint8)
    for y, line in enumerate(lines):
        for x, character in enumerate(line.ljust(COLUMNS)):
            if character == " ":
                assert (drawn[y, x] == 255).all()
                continue
            assert np.abs(drawn[y, x].astype(int) - trained[character][..., 0]).mean() < 6, character
            wanted[y, x] = translator(drawn[y, x][..., None])[..., 0]
    assert np.ptp(wanted) > 100, "the model does something"
    same(save(browser), Image.fromarray(wanted.transpose(0, 2, 1, 3).reshape(len(lines) * SIZE, COLUMNS * SIZE)))
    assert browser.run("$('message').textContent") == ""
    assert browser.complaints() == []


def test_network_a_character_without_a_font_is_named_and_left_out(with_font, address, boxes):
    browser, (first, second, *_) = with_font(boxes), boxes
    begin(browser, address)
    write(browser, f"{first}\ue123{second}\ufe0f龘")
    assert squares(browser).shape[:2] == (1, 2)
    said = browser.run("$('message').textContent")
    assert said == "No font of this system has U+E123 or “龘” (U+9F98); they are left out."
    write(browser, first)
    assert browser.run("$('message').textContent") == ""


def test_network_a_system_without_such_a_font_says_so_and_draws(with_font, address):
    browser = with_font({c: (100, 0, 700, 700 - 3 * i) for i, c in enumerate("ABCDEFGHIJKLMNOP")})
    begin(browser, address)
    said = browser.run("$('message').textContent")
    assert "“永” (U+6C38)" in said
    assert said.endswith(
        "None has any character that the model was trained with: install a font that has them, or draw."
    )
    write(browser, "AB")
    assert (squares(browser).min((2, 3)) < 60).all(), "what it has is drawn all the same"
    browser.run("$('draw').click()")
    browser.until("!busy && !again")
    assert browser.run("[$('board').width, $('board').hidden, $('typing').hidden, $('choices').hidden]") == [
        SIZE, False, True, False,
    ]  # fmt: skip


def test_network_the_basics_whatever_fonts_there_are(browser, address):
    begin(browser, address)
    write(browser, "Ab永\ue123")
    assert "U+E123" in browser.run("$('message').textContent")
    basics(browser, 1280)
    basics(browser, 360)
    assert browser.complaints() == []


def test_only_pages_of_fonts_have_typed_text(tmp_path):
    for name in ("openmoji_line", "lines", "hanzi print"):
        path = write_model(tmp_path / f"{name}.safetensors", network="light", names=(name, "b"))
        assert checked(path)["typed"] is None
