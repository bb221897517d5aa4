"""Batches: a function of (seed, n) only, whatever the workers and wherever training begins again."""

import os
import random

import albumentations
import numpy as np
import pytest
import torch
from data_files import photo, save
from data_folders import collect, same, three_folders

from translate.data import DataSettings, open_data
from translate.data.augment import Augment
from translate.errors import UserError

VARIED = {"size": (16, 20), "rotate": 10, "brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return three_folders(tmp_path_factory.mktemp("folders"))


def opened(root, b="b", *, paired=True, seed=0, **settings):
    return open_data(str(root / "a"), str(root / b), DataSettings(**{**VARIED, **settings}), paired=paired, seed=seed,
                     say=lambda text: None)  # fmt: skip


def test_every_image_once_an_epoch_in_a_new_order(folders):
    data = opened(folders, "c", paired=False)
    for domain, items in ((0, data.train_a), (1, data.train_b)):
        epochs = [[data.order(domain, e * len(items) + i) for i in range(len(items))] for e in range(3)]
        assert all(sorted(epoch) == list(range(len(items))) for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) == 3
    assert [data.order(0, n) for n in range(8)] != [
        opened(folders, "c", paired=False, seed=1).order(0, n) for n in range(8)
    ]


def test_the_order_never_changes(folders):
    """Written down: a resumed run must see what it would have seen, also with another version of NumPy."""
    from translate.data.order import nth

    assert [nth(0, 0, 10, n) for n in range(12)] == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9, 7, 6]
    assert [nth(7, 1, 5, n) for n in range(5)] == [1, 3, 2, 4, 0]


def test_shapes_and_range(folders):
    data = opened(folders, channels_b=1)
    x, y = next(iter(data.batches(0, 6, 4)))
    assert x.shape == (4, 3, 16, 20)
    assert y.shape == (4, 1, 16, 20)
    assert x.dtype == y.dtype == torch.float32
    assert -1 <= x.min() < -0.5
    assert 0.5 < x.max() <= 1
    assert [len(x) for x, _ in data.batches(0, 10, 4)] == [4, 4, 2]
    assert list(data.batches(5, 5, 4)) == []
    assert len(data.files_of(0, 4)) == 4
    first = data.train_a[data.order(0, 0)]
    assert first.name.endswith(f"a/{first.key}.png")
    assert data.files_of(0, 1) == [f"{first.name}, {first.name.replace('a/', 'b/')}"]


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("cache", ["ram", "none"])
def test_wherever_it_starts(folders, paired, cache):
    data = opened(folders, "b" if paired else "c", paired=paired, cache=cache)
    whole = collect(data, 0, 60, 4)
    fresh = opened(folders, "b" if paired else "c", paired=paired, cache="ram")
    assert same([part[24:] for part in whole], collect(fresh, 24, 60, 4))
    assert same(whole, collect(fresh, 0, 60, 7))  # nor on the size of the batch
    assert not same(whole, collect(opened(folders, "b" if paired else "c", paired=paired, seed=3), 0, 60, 4))


def test_workers_make_no_difference(folders):
    data = opened(folders, "c", paired=False)
    alone = collect(data, 5, 40, 4)
    assert same(alone, collect(data, 5, 40, 4, workers=2))


def test_ranks_share_a_batch(folders):
    data = opened(folders)
    whole = [x for x, _ in data.batches(0, 16, 8)]
    shares = [[x for x, _ in data.batches(0, 16, 8, share=(rank, 2))] for rank in (0, 1)]
    for batch, first, second in zip(whole, *shares, strict=True):
        assert torch.equal(batch[0::2], first)
        assert torch.equal(batch[1::2], second)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_global_random_numbers_are_left_alone(folders, workers):
    data = opened(folders)
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    collect(data, 0, 8, 4, workers=workers)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()
    assert random.getstate() == states[2]


def test_pairs_move_together_and_only_the_input_changes_colour(folders):
    """Both folders hold the same pictures: without colour changes both sides must stay equal."""
    plain = opened(folders, brightness=0, contrast=0, saturation=0, hue=0)
    coloured = opened(folders)
    for n in range(30):
        x, y = plain.example(n)
        assert np.array_equal(x, y)
        changed, target = coloured.example(n)
        assert np.array_equal(target, y)
        assert not np.array_equal(changed, x)


def test_unpaired_domains_vary_independently(folders):
    data = opened(folders, paired=False, rotate=0, brightness=0, contrast=0, saturation=0, hue=0, load=1, flip=0.5)
    flips = []
    for n in range(200):
        flips.append([])
        for domain, image in enumerate(data.example(n)):
            plain = data.domains[domain].train[data.order(domain, n)]
            flips[-1].append(not np.array_equal(image, plain.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1))
    flips = np.array(flips)
    assert (flips.mean(axis=0) > 0.35).all()
    assert (flips.mean(axis=0) < 0.65).all()
    assert 0.35 < (flips[:, 0] == flips[:, 1]).mean() < 0.65


def test_flip_and_crop_are_independent():
    """With one seed for all steps, as Compose.set_random_seed gives, a mirrored image is always cropped alike."""
    settings = DataSettings(size=16, load=2)
    augment = Augment(settings, 3, colour=False)
    ramp = np.stack([*np.meshgrid(np.arange(32), np.arange(32)), np.zeros((32, 32), int)], axis=2).astype(np.uint8)
    tops, lefts, flips = [], [], []
    for n in range(400):
        out = augment.geometry(ramp, str(n)).astype(int)
        flips.append(out[0, 0, 0] > out[0, 1, 0])
        lefts.append(out[..., 0].min())
        tops.append(out[..., 1].min())
    assert set(tops) == set(lefts) == set(range(17))
    for first, second in ((flips, lefts), (flips, tops), (lefts, tops)):
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.15


def test_rotation_shows_the_background_in_the_corners(folders):
    settings = DataSettings(size=16, load=1, flip=0, rotate=45, background="#102030")
    augment = Augment(settings, 3, colour=False)
    corners = {tuple(augment.geometry(np.full((16, 16, 3), 200, np.uint8), str(n))[0, 0]) for n in range(20)}
    assert (16, 32, 48) in corners


def test_without_augmentation_the_images_come_as_they_are(folders):
    data = opened(folders, size=(24, 24), load=1, flip=0, rotate=0, brightness=0, contrast=0, saturation=0, hue=0)
    x, _ = data.example(3)
    np.testing.assert_array_equal(
        np.rint((x.transpose(1, 2, 0) + 1) * 127.5), photo(24, 24, int(data.train_a[data.order(0, 3)].key))
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_vanishes_is_named(folders, tmp_path, workers):
    for number in range(12):
        save(tmp_path / "a" / f"{number}.png", photo(24, 24, number))
    data = open_data(str(tmp_path / "a"), str(folders / "b"), DataSettings(size=16, cache="none"), paired=False, seed=0,
                     say=lambda text: None)  # fmt: skip
    gone = data.train_a[data.order(0, 2)]
    gone.path.unlink()
    with pytest.raises(UserError, match=rf"/a/{gone.key}\.png can't be read any more \(does not exist\)") as caught:
        collect(data, 0, 12, 2, workers=workers)
    assert "Traceback" not in str(caught.value)


def test_a_worker_that_dies_is_explained(folders, monkeypatch):
    data = opened(folders)
    monkeypatch.setattr(type(data), "example", lambda self, n: os._exit(9))
    with pytest.raises(UserError, match=r"a process that loads images died .*a/\d+\.png, .*b/\d+\.png"):
        collect(data, 0, 8, 4, workers=1)


def test_albumentations_never_looks_for_updates():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"
    assert albumentations.__version__.startswith("2.0.")
