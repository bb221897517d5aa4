"""A set in the cache is checked at each use: a changed, missing or added file, at the cost of one reading."""

import pytest
from data_files import make_recipe, silent, vendor_wheel

from translate import catalog
from translate.catalog import download, kept


@pytest.fixture
def kept_set(cache, monkeypatch):
    content = vendor_wheel()

    def bring(recipe, folder):
        (folder / recipe.file).write_bytes(content)
        return folder / recipe.file

    monkeypatch.setattr(download, "_pip", bring)
    recipe = make_recipe(content)
    return recipe, catalog.fetch(recipe, silent).path


def flip(folder):
    path = min(folder.iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


CHANGES = {
    "was changed": flip,
    "is missing": lambda folder: min(folder.iterdir()).unlink(),
    "was added": lambda folder: (folder / "extra.png").write_bytes(b"x"),
    "it is a folder": lambda folder: (folder / "extra").mkdir(),
}


@pytest.mark.parametrize("says", CHANGES)
def test_what_was_changed_is_said_and_made_again(kept_set, says):
    recipe, folder = kept_set
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    CHANGES[says](folder)
    said: list[str] = []
    catalog.fetch(recipe, said.append)
    assert says in said[0]
    assert "is made again" in said[0]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not list(folder.parent.glob(".fetch-*"))
    catalog.fetch(recipe, pytest.fail)  # says nothing


def test_a_set_without_a_list_is_counted_and_listed(kept_set):
    recipe, folder = kept_set
    kept._list(folder).unlink()
    catalog.fetch(recipe, pytest.fail)
    assert kept.problem(recipe, folder) == ""
    kept._list(folder).unlink()
    min(folder.iterdir()).unlink()
    assert kept.problem(recipe, folder) == "2 of 3 images"
    kept._list(folder).write_text("[1]")
    assert kept.problem(recipe, folder) == "its list can't be read"
