"""Fonts as data: which characters are drawn, where they lie in the picture, and fonts of one's own."""

import sys
from pathlib import Path

import numpy as np
import pytest
from data_files import make_recipe, put, silent, snapshot, wheel
from data_folders import SMALL
from font_files import font

from translate import catalog
from translate.catalog import download, glyphs, names, own_fonts, selection
from translate.catalog.kinds import Glyphs
from translate.catalog.recipe import Recipe
from translate.cli import main
from translate.data import open_data
from translate.errors import UserError
from translate.image import rgb8

PRINT = {"一": (100, 350, 900, 450), "口": (100, -50, 900, 750), "丨": (460, -50, 540, 750), "、": (700, 0, 900, 200)}
BRUSH = {character: tuple(v // 2 + 150 for v in box) for character, box in PRINT.items()}  # half as large, elsewhere


def drawn(boxes, **settings) -> dict[str, np.ndarray]:
    return dict(glyphs.draw(Glyphs(size=50, margin=0.1, **settings), {"x.ttf": font(boxes)}))


def ink(picture: np.ndarray) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what is darker than half."""
    dark = np.argwhere(picture[..., 0] < 128)
    return (*dark.min(0)[::-1].tolist(), *(dark.max(0)[::-1] + 1).tolist())


def test_characters_fill_the_picture_at_one_scale_and_stay_on_their_line():
    found = drawn(PRINT)
    assert list(found) == ["3001", "4E00", "4E28", "53E3"]
    square = found["53E3"]
    assert square.shape == (50, 50, 1)
    assert square.dtype == np.uint8
    assert ink(square) == (5, 5, 45, 45)  # margins of a tenth
    assert (square[:4] == 255).all()
    assert (square[7:43, 7:43] == 0).all()  # black on white
    assert ink(found["4E00"]) == (5, 20, 45, 25)  # as wide, and where it lies on the line
    assert ink(found["4E28"]) == (23, 5, 27, 45)
    left, top, right, bottom = ink(found["3001"])
    assert (left + right, right - left) == (50, 10)  # centred
    assert (top, bottom) == (pytest.approx(32.5, abs=0.6), pytest.approx(42.5, abs=0.6))  # low, as it was


def test_a_font_with_other_margins_gives_the_same_pictures():
    for one, other in zip(drawn(PRINT).values(), drawn(BRUSH).values(), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 8  # half a pixel at the edges
        assert np.abs(np.subtract(ink(one), ink(other))).max() <= 1


def test_a_character_that_is_too_large_is_reduced_and_never_cut_off():
    many = {chr(0x4E00 + n): (100, -50, 900, 750) for n in range(60)}
    found = drawn(many | {"大": (0, -400, 1600, 1200)})
    for key in ("5927", "4E00"):
        assert ink(found[key]) == pytest.approx((5, 5, 45, 45), abs=1)


def test_what_is_not_drawn():
    """No ink, private use, marks on other letters; what isn't asked for, or isn't in the font."""
    boxes = dict.fromkeys("AZa\ue000́", PRINT["口"]) | {" ": None, "B": None}
    assert list(drawn(boxes)) == ["0041", "005A", "0061"]
    assert list(drawn(boxes, characters=["0041-0059", "0061", "4E00-9FFF"])) == ["0041", "0061"]


def test_of_slices_the_first_that_has_a_character():
    parts = {"b.woff2": font({"口": PRINT["一"], "一": PRINT["一"]}, "woff2"), "a.ttf": font({"口": PRINT["口"]})}
    found = dict(glyphs.draw(Glyphs(size=50, margin=0.1), parts))
    assert {key: ink(picture) for key, picture in found.items()} == {"53E3": (5, 5, 45, 45), "4E00": (5, 20, 45, 25)}


# Recipes


@pytest.fixture
def fonts(cache, monkeypatch):
    """Two sets, printed and brush, with 27 characters in common; what pip brings for each."""
    shapes = {chr(0x4E00 + n): (100, 20 * n, 900, 20 * n + 200) for n in range(27)}
    brought, made = {}, {}
    for name, more in (("print", "口"), ("brush", "木")):
        slices = {c: shapes[c] for c in shapes if c < "\u4e09"}, {**shapes, more: PRINT["口"], "A": PRINT["口"]}
        files = {f"f/{name}-{part}.woff2": font(boxes, "woff2") for part, boxes in enumerate(slices)}
        brought[name] = wheel({**files, "f/readme.woff2": b"no font"})
        made[name] = make_recipe(
            brought[name], name=name, file=f"{name}.whl", inside=f"f/{name}-*.woff2", format="font", count=28,
            drop_shared_with=[], contents=selection.contents_digest(files),
            glyphs={"size": 24, "characters": ["4E00-9FFF"]}, goes_with=["brush" if name == "print" else "print"],
        )  # fmt: skip
    monkeypatch.setattr(names, "_recipes", lambda: made)
    monkeypatch.setattr(download, "_pip", lambda recipe, folder: put(folder / recipe.file, brought[recipe.name]))
    return made


def test_a_pair_has_the_characters_that_both_have_and_the_same_held_out(fonts):
    data = open_data("print", "brush", SMALL, paired=True, seed=0, say=silent)
    for part_a, part_b in ((data.train_a, data.train_b), (data.test_a, data.test_b)):
        assert {item.key for item in part_a} == {item.key for item in part_b}
    keys = {item.key for part in (data.train_a, data.test_a) for item in part}
    assert keys == {f"4E{n:02X}" for n in range(27)}
    assert not data.problems
    folder = catalog.fetch(fonts["print"], silent).path
    assert len(list(folder.iterdir())) == 28
    assert rgb8.read(folder / "4E00.png", channels=1).shape == (24, 24, 1)


def test_characters_that_a_recipe_leaves_out(fonts):
    recipe = fonts["print"].model_copy(update={"leave_out": ["4E1", "53E3"], "count": 16})
    assert sorted(path.stem for path in catalog.fetch(recipe, silent).path.iterdir()) == [
        f"4E0{n:X}" for n in range(16)
    ]


def test_other_fonts_than_the_recipes_are_refused(fonts):
    fonts["print"].contents = "1" * 64
    with pytest.raises(UserError, match="holds a font other than the one expected"):
        catalog.fetch(fonts["print"], silent)
    fonts["print"].inside = "f/none-*.woff2"
    with pytest.raises(UserError, match=r"holds no file f/none-\*\.woff2"):
        catalog.fetch(fonts["print"], silent)
    fonts["print"].inside = "f/readme.woff2"
    fonts["print"].contents = selection.contents_digest({"f/readme.woff2": b"no font"})
    with pytest.raises(UserError, match=r"print\.whl is refused because it holds a font that can't be used: f/readme"):
        catalog.fetch(fonts["print"], silent)


def test_without_fonttools_one_sentence_says_what_to_install(fonts, monkeypatch):
    monkeypatch.setitem(sys.modules, "fontTools.ttLib", None)
    with pytest.raises(UserError, match=r'print-0.woff2 is a font: pip install "imgtranslate\[fonts\]"'):
        catalog.fetch(fonts["print"], silent)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"glyphs": {"characters": ["4E00..9FFF"]}}, r"'4E00\.\.9FFF' is not a code point such as 0041 or a range"),
        ({"glyphs": {"size": 2}}, "'glyphs.size' is 2, but"),
        ({"glyphs": None}, r'format = "font" and a table \[glyphs\] belong together'),
        ({"keys": "names"}, 'the keys of characters are code points: keys = "codepoints"'),
    ],
)
def test_bad_recipes(fonts, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        Recipe.parse({**fonts["print"].plain(), **changes}, "x.toml")


# Fonts of one's own


def test_fonts_of_ones_own_become_folders_to_train_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("Mine.ttf").write_bytes(font({**PRINT, "A": PRINT["口"]}))
    Path("other.woff2").write_bytes(font({**BRUSH, "A": PRINT["口"], "B": PRINT["口"], "丨": None}, "woff2"))
    words = "translate data glyphs Mine.ttf other.woff2 --out out --size 32 --characters 3000-9FFF,0042"
    monkeypatch.setattr(sys, "argv", words.split())
    with pytest.raises(SystemExit) as leaving:
        main()
    assert not leaving.value.code
    assert capsys.readouterr().out.splitlines() == ["out/Mine: 3 characters", "out/other: 3 characters"]
    for name in ("Mine", "other"):  # one of the four is empty in the other font
        assert sorted(path.name for path in Path("out", name).iterdir()) == ["3001.png", "4E00.png", "53E3.png"]
        assert rgb8.read(Path("out", name, "53E3.png"), channels=1).shape == (32, 32, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Mine.ttf", "other.woff2", "out"]


def test_what_is_wrong_with_fonts_of_ones_own_is_said_and_nothing_written(tmp_path):
    good, other, text = tmp_path / "good.ttf", tmp_path / "more" / "good.otf", tmp_path / "text.ttf"
    other.parent.mkdir()
    for path, boxes in ((good, PRINT), (other, {"A": PRINT["口"]}), (tmp_path / "latin.ttf", {"A": PRINT["口"]})):
        path.write_bytes(font(boxes))
    text.write_bytes(b"This is no font.")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_bytes(b"")
    before = snapshot(tmp_path)
    out, any_size = tmp_path / "out", Glyphs()
    for fonts, folder, sentence in (
        ([tmp_path / "none.ttf"], out, r"none\.ttf can't be read: No such file"),
        ([good, text], out, r"text\.ttf is not a font that can be read"),
        ([good, tmp_path / "latin.ttf"], out, "have no character in common"),
        ([good, other], out, "two fonts are called good"),
        ([good], tmp_path / "full", "full exists already; give a new folder"),
    ):
        with pytest.raises(UserError, match=sentence):
            own_fonts.draw(fonts, folder, any_size, silent)
        assert snapshot(tmp_path) == before


# The real ones


@pytest.mark.network
def test_the_same_6730_characters_network():
    folders = [catalog.fetch(catalog.recipes()[name]) for name in ("hanzi_print", "hanzi_brush", "hanzi_cursive")]
    keys = [{path.stem for path in folder.path.iterdir()} for folder in folders]
    assert keys[0] == keys[1] == keys[2]
    assert len(keys[0]) == 6730
    for folder in folders:
        for key in ("4E00", "6C38", "9F99"):
            picture = rgb8.read(folder.path / f"{key}.png", channels=1)
            assert picture.shape == (128, 128, 1)
            assert picture.min() < 20
            assert (np.concatenate([picture[:3], picture[-3:]]) == 255).all()  # nothing is cut off
