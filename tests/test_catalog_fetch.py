"""Fetching: checked, whole or not at all, offline afterwards."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_files import make_recipe, photo, silent, snapshot, vendor_wheel

from translate import catalog
from translate.catalog import download, prepare
from translate.catalog.fetching import workplace
from translate.catalog.recipe import Recipe
from translate.errors import UNAVAILABLE, UserError
from translate.image import rgb8

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def brought(monkeypatch):
    """pip replaced by something that brings the given bytes; returns how often it was called."""
    calls: list[str] = []
    content = {"bytes": vendor_wheel()}

    def bring(recipe: Recipe, folder: Path) -> Path:
        calls.append(recipe.name)
        (folder / recipe.file).write_bytes(content["bytes"])
        return folder / recipe.file

    monkeypatch.setattr(download, "_pip", bring)
    return calls, content


def test_fetch_applies_the_rules(brought, cache):
    _calls, content = brought
    said: list[str] = []
    recipe = make_recipe(content["bytes"])
    folder = catalog.fetch(recipe, said.append)
    assert sorted(path.name for path in folder.path.iterdir()) == ["1F468-200D-1F33E.png", "1F600.png", "2764.png"]
    # of the two hearts the fully qualified one
    np.testing.assert_array_equal(rgb8.read(folder.path / "2764.png"), photo(12, 12, 2))
    assert folder.count == 3
    before = next(i for i, line in enumerate(said) if "downloading" in line)
    assert any("None at all." in line for line in said[:before])
    assert any("MB" in line for line in said[:before])


def test_fetched_once_and_offline_afterwards(brought, cache, monkeypatch):
    calls, content = brought
    first, second = make_recipe(content["bytes"]), make_recipe(content["bytes"], name="two", inside="Set/Two/*.png")
    second = make_recipe(content["bytes"], name="two", inside="Set/Two/*.png", drop_shared_with=["Set/One"])
    catalog.fetch(first, silent)
    catalog.fetch(second, silent)
    assert calls == ["one"]  # they share the archive
    monkeypatch.setattr(download, "_pip", lambda *_: pytest.fail("went to the network"))
    before = snapshot(cache)
    catalog.fetch(first, silent)
    assert snapshot(cache) == before


def test_a_flipped_byte_is_refused(brought, cache):
    _calls, content = brought
    good = content["bytes"]
    recipe = make_recipe(good)
    for place in np.linspace(0, len(good) - 1, 20).astype(int):
        content["bytes"] = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises(UserError, match="is not the file that was expected") as caught:
            catalog.fetch(recipe, silent)
        assert caught.value.code == UNAVAILABLE
        assert not [path for path in cache.rglob("*") if path.is_file()]
    content["bytes"] = good
    assert catalog.fetch(recipe, silent).count == 3


def test_a_damaged_archive_in_the_cache_is_fetched_again(brought, cache):
    calls, content = brought
    recipe = make_recipe(content["bytes"])
    (cache / "archives").mkdir(parents=True)
    (cache / "archives" / recipe.file).write_bytes(content["bytes"][:-5])
    assert catalog.fetch(recipe, silent).count == 3
    assert calls == ["one"]


def test_other_contents_are_refused(brought, cache):
    _, content = brought
    with pytest.raises(UserError, match="holds 3 images with digest"):
        catalog.fetch(make_recipe(content["bytes"], contents="1" * 64), silent)
    assert not list((cache / "datasets").iterdir())


def test_a_killed_fetch_is_not_taken_for_complete(brought, cache, tmp_path):
    """Killed hard while images are being written: the next fetch begins again and is complete."""
    _calls, content = brought
    recipe = make_recipe(content["bytes"])
    (cache / "archives").mkdir(parents=True)
    (cache / "archives" / recipe.file).write_bytes(content["bytes"])
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    script = """
        import pathlib, sys, time
        from translate import catalog
        write = pathlib.Path.write_bytes
        def slow(path, content):
            write(path, content)
            print("written", flush=True)
            time.sleep(60)
        pathlib.Path.write_bytes = slow
        catalog.fetch(catalog.Recipe.model_validate_json(pathlib.Path(sys.argv[1]).read_text()), lambda text: None)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "recipe.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = list((cache / "datasets").iterdir())
    assert len(left) == 1
    assert left[0].name.startswith(".fetch-")
    folder = catalog.fetch(recipe, silent)
    assert len(list(folder.path.iterdir())) == 3
    assert left[0].exists()  # it may have just been made by another process
    old = time.time() - 60
    os.utime(left[0], (old, old))
    with workplace(cache / "datasets") as living:
        os.utime(living.parent, (old, old))
        catalog.fetch(recipe.model_copy(update={"name": "another"}), silent)
        assert not left[0].exists()  # its process has ended
        assert living.exists()


def test_two_processes_at_once(brought, cache, monkeypatch):
    """The other one finishes while ours is preparing: ours takes the finished folder."""
    _calls, content = brought
    recipe = make_recipe(content["bytes"])
    target = cache / "datasets" / f"{recipe.name}-{recipe.stamp}"
    original = prepare.images

    def and_the_other(recipe, source, folder, say):
        count = original(recipe, source, folder, say)
        if not target.exists():
            target.mkdir()
            for path in folder.iterdir():
                (target / path.name).write_bytes(path.read_bytes())
        return count

    monkeypatch.setattr(prepare, "images", and_the_other)
    assert catalog.fetch(recipe, silent).path == target
    assert sorted(path.name for path in target.parent.iterdir()) == [target.name, f"{target.name}.json"]
    assert len(list(target.iterdir())) == 3


def test_an_installed_package_is_used_and_checked(monkeypatch, tmp_path):
    """Without any download; but its contents must be the recipe's too."""
    content = vendor_wheel()
    recipe = make_recipe(content)
    root = tmp_path / "site-packages"
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in file.namelist():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(file.read(name))
    monkeypatch.setattr(download, "installed", lambda recipe: root)
    monkeypatch.setattr(download, "_pip", lambda *_: pytest.fail("went to the network"))
    assert catalog.fetch(recipe, silent).count == 3
    (root / "Set/One/U+1F600.png").write_bytes(rgb8.to_png(photo(12, 12, 55)))
    with pytest.raises(UserError, match="uninstall or repair"):
        catalog.fetch(recipe.model_copy(update={"sha256": "f" * 64}), silent)
