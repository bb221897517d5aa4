"""Maps as data: tiles that never cross from one block of columns to the next, chosen by a mask."""

import gzip
import re

import numpy as np
import pytest
from data_files import make_recipe, photo, put, silent, wheel

from translate import catalog
from translate.catalog import download, names, selection
from translate.catalog.recipe import Recipe
from translate.data import DataSettings, open_data
from translate.errors import UserError
from translate.image import rgb8

DAY, NIGHT = photo(80, 240), (photo(80, 240, seed=1) // 4).astype(np.uint8)
LAND = np.zeros((8, 24), np.uint8)
LAND[:, :12] = 1  # the western half
MASKS = {
    "bytes": (gzip.compress(LAND[::-1].tobytes()), {"mask_shape": [8, 24]}),
    "dark": (rgb8.to_png((1 - LAND)[..., None] * 255), {"land": "dark"}),
    "bright": (rgb8.to_png(LAND[..., None] * 255), {}),
}
TILES = {"mask": "Map/mask", "size": 40, "step": 20, "block": 60, "rows": [0, 80], "least_land": 0.2,
         "test_blocks": ["B01"]}  # fmt: skip


@pytest.fixture
def maps(cache, monkeypatch):
    """maps(mask): two sets, day and night, of the same places; the mask is of that kind."""

    def make(mask: str) -> dict[str, Recipe]:
        brought, made = {}, {}
        for name, world, more in (("day", DAY, {}), ("night", NIGHT, {"white": 64})):
            content, settings = MASKS[mask]
            parts = {f"Map/{name}.png": rgb8.to_png(world), "Map/mask": content}
            brought[name] = wheel(parts)
            made[name] = make_recipe(
                brought[name], name=name, file=f"{name}.whl", inside=f"Map/{name}.png", keys="tiles", count=12,
                tiles={**TILES, **settings, **more}, drop_shared_with=[], contents=selection.contents_digest(parts),
            )  # fmt: skip
        monkeypatch.setattr(names, "_recipes", lambda: made)
        monkeypatch.setattr(download, "_pip", lambda recipe, folder: put(folder / recipe.file, brought[recipe.name]))
        return made

    return make


@pytest.mark.parametrize("mask", MASKS)
def test_tiles_of_a_map(maps, mask):
    recipe = maps(mask)["day"]
    folder = catalog.fetch(recipe, silent).path
    assert len(list(folder.iterdir())) == 12  # 3 rows x 2 columns in each of two blocks
    for path in folder.iterdir():
        block, row, column = (int(number) for number in re.findall(r"\d+", path.stem))
        assert column * 20 // 60 == (column * 20 + 39) // 60 == block
        np.testing.assert_array_equal(rgb8.read(path), DAY[row * 20 : row * 20 + 40, column * 20 : column * 20 + 40])


def test_tiles_that_overlap_are_on_one_side_of_the_split(maps):
    maps("dark")
    data = open_data("day", "night", DataSettings(size=40, load=1, flip=0), paired=False, seed=0, say=silent)
    assert data.truth
    for train, test in ((data.train_a, data.test_a), (data.train_b, data.test_b)):
        assert {item.key[:3] for item in train} == {"B00"}
        assert {item.key[:3] for item in test} == {"B01"}
        assert (len(train), len(test)) == (6, 6)


def test_a_dark_map_is_made_as_bright_as_its_recipe_says(maps):
    folder = catalog.fetch(maps("dark")["night"], silent).path
    expected = np.rint(NIGHT[20:60, 20:60] * (255 / 64))
    np.testing.assert_array_equal(rgb8.read(folder / "B00-r001-c001.png"), expected)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"block": 30}, "block = 30 must be at least as wide as a tile, 40"),
        ({"step": 0}, "'tiles.step' is 0, but"),
        ({"land": "green"}, "'tiles.land' is 'green', but"),
    ],
)
def test_bad_tiles(maps, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        Recipe.parse({**maps("dark")["day"].plain(), "tiles": {**TILES, **changes}}, "x.toml")


def test_a_mask_that_is_none(maps):
    recipe = maps("bytes")["day"]
    recipe.tiles.mask_shape = None
    with pytest.raises(UserError, match=r"day\.whl is refused because it holds a picture, Map/mask, that can't"):
        catalog.fetch(recipe, silent)
    recipe.tiles.mask_shape = (9, 24)
    with pytest.raises(UserError, match="holds a mask, Map/mask, that is not gzip of the size expected"):
        catalog.fetch(recipe, silent)


@pytest.mark.network
def test_the_earth_by_day_and_by_night_network():
    folders = [catalog.fetch(catalog.recipes()[name]) for name in ("earth_day", "earth_night")]
    keys = [{path.stem for path in folder.path.iterdir()} for folder in folders]
    assert keys[0] == keys[1]
    recipe = folders[0].recipe
    held_out = {key for key in keys[0] if recipe.held_out(key, 10)}
    assert 0.08 < len(held_out) / len(keys[0]) < 0.15
    assert {key.split("-")[0] for key in held_out} == {"B04"}
