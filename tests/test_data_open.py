"""Opening data: layouts, split, fit, settings, fingerprint."""

import shutil

import numpy as np
import pytest
from data_files import photo, save, snapshot
from data_folders import folder, keys, numbered, opened

from translate.data import DataSettings, description
from translate.errors import UserError
from translate.image import rgb8

# Layouts


def test_two_folders(tmp_path):
    a = folder(tmp_path / "a", [*numbered(20), "deep/er/x.JPG"])
    b = folder(tmp_path / "b", [*numbered(20, "webp"), "deep/er/x.png"], seed=50)
    before = snapshot(tmp_path)
    data = opened(a, b)
    assert data.paired
    assert data.truth
    assert not data.problems
    assert keys(data.train_a + data.test_a) == [*(name[:-4] for name in numbered(20)), "deep/er/x"]
    assert [item.key for item in data.test_a] == [item.key for item in data.test_b]
    assert [item.key for item in data.train_a] == [item.key for item in data.train_b]
    assert 1 <= len(data.test_a) < 8
    assert snapshot(tmp_path) == before


def test_unpaired_folders_have_no_truth(tmp_path):
    data = opened(folder(tmp_path / "a", numbered(20)), folder(tmp_path / "b", numbered(7)), paired=False)
    assert not data.truth
    assert len(data.train_a + data.test_a) == 20
    assert len(data.train_b + data.test_b) == 7


def test_the_split_stays_when_images_come_and_go(tmp_path):
    data = opened(folder(tmp_path / "a", numbered(60)), folder(tmp_path / "b", numbered(60)))
    for name in numbered(60)[::2]:
        (tmp_path / "a" / name).unlink()
    fewer = opened(tmp_path / "a", tmp_path / "b", paired=False)
    assert set(keys(fewer.test_a)) <= set(keys(data.test_a))
    assert keys(fewer.test_b) == keys(data.test_b) == ["017", "023", "035"]


@pytest.mark.parametrize("given", ["root", "sides", "inside"])
def test_given_test_images(tmp_path, given):
    if given == "inside":
        names = {"a/train": 5, "a/test": 2, "b/train": 6, "b/test": 3}
        a, b = tmp_path / "a", tmp_path / "b"
    else:
        names = {"trainA": 5, "testA": 2, "trainB": 6, "testB": 3}
        a, b = (tmp_path, tmp_path) if given == "root" else (tmp_path / "trainA", tmp_path / "trainB")
    for name, count in names.items():
        folder(tmp_path / name, numbered(count))
    data = opened(a, b, paired=False)
    assert [len(part) for part in (data.train_a, data.test_a, data.train_b, data.test_b)] == [5, 2, 6, 3]
    assert not data.truth


@pytest.mark.parametrize("split", [False, True])
def test_side_by_side(tmp_path, split):
    left, right = photo(20, 20, 1), photo(20, 20, 2)
    for part in ("train/", "test/") if split else ("",):
        for number in range(4):
            save(tmp_path / f"{part}{number}.png", np.concatenate([left + number, right], axis=1))
    data = opened(tmp_path, tmp_path, DataSettings(size=20, load=1))
    assert len(data.test_a) == (4 if split else 1)
    assert len(data.train_a) == (4 if split else 3)
    xs, ys = data.test_images("a"), data.test_images("b")
    np.testing.assert_array_equal(xs[0], left + int(data.test_a[0].key))
    np.testing.assert_array_equal(ys[0], right)


def test_one_folder_that_is_not_side_by_side(tmp_path):
    folder(tmp_path / "a", numbered(4))
    with pytest.raises(UserError, match="not side-by-side pairs"):
        opened(tmp_path / "a", tmp_path / "a")
    with pytest.raises(UserError, match="not side-by-side pairs"):
        opened(tmp_path / "a", tmp_path / "a", paired=False)


def test_a_plain_image_among_side_by_side_ones_is_not_split(tmp_path):
    folder(tmp_path, numbered(30), size=(20, 40))
    save(tmp_path / "square.png", photo(20, 20))
    data = opened(tmp_path, tmp_path)
    assert "square" not in keys(data.train_a + data.test_a)
    assert any("square.png" in str(problem) and "twice as wide" in str(problem) for problem in data.problems)


def test_links_are_followed_once(tmp_path):
    folder(tmp_path / "elsewhere", ["linked.png"])
    a = folder(tmp_path / "a", numbered(10))
    (a / "more").symlink_to(tmp_path / "elsewhere")
    (a / "round").symlink_to(a)
    folder(a / ".ipynb_checkpoints", ["000-checkpoint.png"])
    (a / "._000.png").write_bytes(b"a system's own file")
    data = opened(a, folder(tmp_path / "b", numbered(4)), paired=False)
    assert keys(data.train_a + data.test_a) == [*(name[:-4] for name in numbered(10)), "more/linked"]
    assert not data.problems


@pytest.mark.parametrize("what", ["empty", "no images"])
def test_a_folder_without_images(tmp_path, what):
    (tmp_path / "a").mkdir()
    if what == "no images":
        (tmp_path / "a" / "readme.txt").write_text("x")
    with pytest.raises(UserError, match=r"no images in .*recognised: apng, avif, bmp"):
        opened(tmp_path / "a", folder(tmp_path / "b", numbered(4)))


# Settings


def test_sizes():
    assert DataSettings(size=64).size == (64, 64)
    assert DataSettings(size="128").size == (128, 128)
    assert DataSettings(size="256x512").size == (256, 512)
    assert DataSettings(size=[32, 48]).size == (32, 48)
    assert DataSettings().load_size == (286, 286)  # the papers'
    assert DataSettings.model_validate(DataSettings(size="20x30").plain()).size == (20, 30)
    for wrong in ("big", 0, -5, 3, "10x", 1.5, [1, 2, 3]):
        with pytest.raises(UserError, match="size"):
            DataSettings.parse({"size": wrong}, "x.toml")
    with pytest.raises(UserError, match="#7f7f7f"):
        DataSettings.parse({"background": "greenish"}, "x.toml")
    assert DataSettings(background="#0a0B0c").background_rgb == (10, 11, 12)


def test_every_setting_is_described():
    assert all(field.description for field in DataSettings.model_fields.values())


@pytest.mark.parametrize("fit", ["stretch", "cover"])
def test_fit(tmp_path, fit):
    wide = photo(20, 60)
    a = folder(tmp_path / "a", numbered(6))
    for name in numbered(6):
        save(a / name, wide)
    data = opened(a, folder(tmp_path / "b", numbered(6)), DataSettings(size=20, fit=fit), paired=False)
    expected = wide[:, 20:40] if fit == "cover" else rgb8.resize(wide, (20, 20))
    np.testing.assert_array_equal(data.test_images("a")[0], expected)
    assert data.train_images("a").shape == (len(data.train_a), 20, 20, 3)
    assert len(data.train_images("a", every=4)) == -(-len(data.train_a) // 4)


def test_most_images(tmp_path):
    a, b = folder(tmp_path / "a", numbered(40)), folder(tmp_path / "b", numbered(40))
    data = opened(a, b, DataSettings(size=16, max_images=5))
    assert len(data.train_a) == 5
    assert keys(data.train_a) == keys(data.train_b)


def test_fingerprint(tmp_path):
    a, b = folder(tmp_path / "a", numbered(20)), folder(tmp_path / "b", numbered(20), seed=50)
    first = description.fingerprint(opened(a, b))
    assert description.fingerprint(opened(a, b, DataSettings(size=24, flip=0, cache="none"))) == first
    shutil.copytree(tmp_path, tmp_path.parent / "copy", dirs_exist_ok=True)
    assert description.fingerprint(opened(tmp_path.parent / "copy" / "a", tmp_path.parent / "copy" / "b")) == first
    save(a / "004.png", photo(20, 20, 999))
    changed = opened(a, b)
    assert description.fingerprint(changed) != first
    assert set(description.record(changed)["files"]) == {f"{side}/{n:03d}" for side in "ab" for n in range(20)}
