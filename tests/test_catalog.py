"""Recipes and names: what every recipe must hold, keys, the split, which word means what."""

import hashlib
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from translate import catalog
from translate.catalog import table
from translate.catalog.recipe import Recipe, hash_picks
from translate.data import DataSettings
from translate.errors import UserError
from translate.system.files import shipped

pytestmark = pytest.mark.usefixtures("cache")

# Recipes


@pytest.mark.parametrize("name", sorted(catalog.recipes()))
def test_every_recipe(name):
    recipe = catalog.recipes()[name]
    assert recipe.name == name
    assert recipe.licence.endswith(".")
    assert recipe.count > 100
    assert (recipe.format == "svg") == (recipe.raster > 0)
    assert (recipe.keys == "tiles") == (recipe.tiles is not None)
    assert (recipe.keys == "numbers") == (recipe.format == "arrays") == (recipe.arrays is not None)
    assert (recipe.format == "font") == (recipe.glyphs is not None)
    assert recipe.contents or recipe.kind == "torchvision"
    assert DataSettings.parse(recipe.data, name).model_fields_set == recipe.data.keys()
    if recipe.classes_from:
        owner = catalog.recipes()[recipe.classes_from]
        assert owner.groups
        assert owner.keys == recipe.keys
    for other in recipe.goes_with:
        partner = catalog.recipes()[other]
        assert name in partner.goes_with
        assert partner.keys == recipe.keys
    text = (shipped("datasets") / f"{name}.toml").read_text(encoding="utf-8")
    assert "http" not in text
    assert "0" * 64 not in text
    assert "name" not in tomllib.loads(text)
    assert any(recipe.licence in line for line in recipe.facts())


def test_keys():
    recipe = catalog.recipes()["windows_emoji"]
    assert recipe.key("U+1F469-U+200D-U+1F33E") == "1F469-200D-1F33E"
    assert recipe.key("1f469-200d-2764-fe0f") == "1F469-200D-2764"
    assert recipe.key("23-fe0f-20e3") == recipe.key("U+0023-U+20E3") == "0023-20E3"
    assert recipe.key("1f3f4-e0067_e0062_e0065") == "1F3F4-E0067-E0062-E0065"
    assert recipe.key("1F44B-1F3FD") is None
    assert recipe.key("readme") is None
    assert recipe.key("FE0F") is None
    assert recipe.group("1F469-200D-1F33E") == "U+1F469"
    assert recipe.group("0023-20E3") == "U+0023"
    assert catalog.recipes()["openmoji_line"].key("1F1E6-1F1E8") is None


def test_the_split_is_the_published_one():
    """Groups whose SHA-256 is divisible by ten; a few written down, so that no change goes unnoticed."""
    for group in ("U+1F600", "U+1F4A9", "U+2764", "U+1F33F", "U+0031", "a/b/cat"):
        number = int(hashlib.sha256(group.encode()).hexdigest(), 16)
        assert hash_picks(group, 10) == (number % 10 == 0)
    recipe = catalog.recipes()["windows_emoji"]
    known = {"1F33F": True, "1F493": True, "1F600": False, "1F469-200D-1F33E": False, "1F54A": False, "2764": True}
    assert {key: recipe.held_out(key, 10) for key in known} == known
    share = np.mean([hash_picks(f"U+{code:X}", 25) for code in range(4000)])
    assert 0.22 < share < 0.28
    assert all(hash_picks(str(n), 20) for n in range(2000) if hash_picks(str(n), 10))  # growing keeps what is held out


def test_unknown_fields_are_refused():
    with pytest.raises(UserError, match="there is no setting 'licens'"):
        Recipe.parse({**catalog.recipes()["windows_emoji"].plain(), "licens": "x"}, "x.toml")


def test_what_is_in_a_cache_stays_there():
    """A stamp that changes makes everybody fetch again: it may only when what is in the cache changes."""
    stamps = {"windows_emoji": "eb04658ec53d", "openmoji_color": "4f88df69be73", "satellite": "35a59ccab46a"}
    assert {name: catalog.recipes()[name].stamp for name in stamps} == stamps
    mnist = catalog.recipes()["mnist"]
    assert mnist.model_copy(update={"arrays": mnist.arrays.model_copy(update={"test": 1})}).stamp != mnist.stamp


def test_a_package_is_pinned():
    fields = catalog.recipes()["windows_emoji"].plain()
    with pytest.raises(UserError, match="a package needs version, file and sha256"):
        Recipe.parse({**fields, "sha256": ""}, "x.toml")


def test_the_page_has_the_table_of_the_code():
    page = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    assert table.table() == page.split(table.START)[1].split(table.END)[0].strip()


# Names


def test_order_of_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(catalog.resolve("windows_emoji"), Recipe)
    (tmp_path / "datasets" / "windows_emoji").mkdir(parents=True)
    assert catalog.resolve("windows_emoji") == Path("datasets/windows_emoji")
    (tmp_path / "windows_emoji").mkdir()
    assert catalog.resolve("windows_emoji") == Path("windows_emoji")
    assert catalog.resolve(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("windows_emojis", "did you mean windows_emoji"),
        ("zebras", "Give the path of a folder of images, or one of: apple_emoji"),
        ("", "there is no data set ''"),
        ("my/zebras", "the folder my/zebras does not exist"),
    ],
)
def test_unknown_names(name, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        catalog.resolve(name)


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(UserError, match="is not a folder"):
        catalog.resolve(str(tmp_path / "x.png"))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG folders are Linux's")
def test_where_the_cache_is(monkeypatch, tmp_path):
    assert catalog.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("TRANSLATE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert catalog.cache_folder() == tmp_path / "xdg" / "imgtranslate"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert catalog.cache_folder() == Path.home() / ".cache" / "imgtranslate"
