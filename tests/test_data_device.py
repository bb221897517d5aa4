"""Batches that are varied where the training runs (here the CPU): a function of (seed, n) only, wherever pixels are."""

import contextlib
import multiprocessing
import random

import numpy as np
import pytest
import torch
from data_files import photo, save
from data_folders import collect, folder, numbered, one_domain, same, three_folders

from translate.data import DataSettings, loader, on_device, open_data, opening
from translate.data.dataset import to_floats
from translate.errors import UserError

COLOURS = {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return three_folders(tmp_path_factory.mktemp("folders"))


def opened(root, b="b", *, paired=True, seed=0, **settings):
    chosen = DataSettings(**{"size": (16, 20), "augment_on": "device", **settings})
    return open_data(str(root / "a"), str(root / b), chosen, paired=paired, seed=seed, say=lambda text: None)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("varied", [{}, {"rotate": 10, **COLOURS}])
def test_a_function_of_the_seed_and_the_number(folders, paired, varied):
    b = "b" if paired else "c"
    kept = opened(folders, b, paired=paired, **varied)
    whole = collect(kept, 0, 60, 4)
    assert [part.shape for part in whole] == [(60, 3, 16, 20)] * 2
    assert all(part.dtype == torch.float32 and -1 <= part.min() < -0.5 and 0.5 < part.max() <= 1 for part in whole)
    assert same(whole, collect(kept, 0, 60, 8))
    assert same([part[23:] for part in whole], collect(opened(folders, b, paired=paired, **varied), 23, 60, 4))
    assert not same(whole, collect(opened(folders, b, paired=paired, seed=3, **varied), 0, 60, 4))
    read = opened(folders, b, paired=paired, cache="none", **varied)  # pixels come with the batch
    assert not read.in_memory
    assert same(whole, collect(read, 0, 60, 4))
    assert same(whole, collect(read, 0, 60, 4, workers=2))


def test_ranks_share_a_batch(folders):
    data = opened(folders, rotate=10, **COLOURS)
    whole = collect(data, 0, 16, 8)
    for rank in (0, 1):
        share = collect(data, 0, 16, 8, share=(rank, 2))
        assert same([part[rank::2] for part in whole], share)


def test_crop_and_mirror_only_pick_pixels(folders):
    """Every image is a window of the one whose turn it is, mirrored or not, exactly as on the CPU path."""
    data = opened(folders, "c", paired=False)
    for domain, made in enumerate(collect(data, 0, 100, 5)):
        found = []
        for n, image in enumerate(made.numpy()):
            whole = to_floats(data.domains[domain].train[data.order(domain, n)])
            windows = np.lib.stride_tricks.sliding_window_view(whole, (16, 20), (1, 2))
            hits = [(*at, flip) for flip in (0, 1) for at in np.ndindex(windows.shape[1:3])
                    if np.array_equal(windows[:, *at, :, :: -1 if flip else 1], image)]  # fmt: skip
            assert len(hits) == 1
            found.append(hits[0])
        tops, lefts, flips = np.array(found).T
        assert set(tops) == set(range(whole.shape[1] - 16 + 1))
        assert set(lefts) == set(range(whole.shape[2] - 20 + 1))
        assert 0.35 < flips.mean() < 0.65


def test_pairs_move_together_and_only_the_input_changes_colour(folders):
    plain, coloured = opened(folders, rotate=10), opened(folders, rotate=10, **COLOURS)
    x, y = collect(plain, 0, 30, 5)
    assert torch.equal(x, y)
    changed, target = collect(coloured, 0, 30, 5)
    assert torch.equal(target, y)
    assert (changed - x).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_unpaired_domains_vary_independently(folders):
    data = opened(folders, paired=False, load=1)
    flips = []
    for domain, made in enumerate(collect(data, 0, 200, 10)):
        plain = [to_floats(data.domains[domain].train[data.order(domain, n)]) for n in range(200)]
        flips.append([not np.array_equal(image, as_is) for image, as_is in zip(made.numpy(), plain, strict=True)])
    assert 0.35 < (np.array(flips[0]) == np.array(flips[1])).mean() < 0.65


@pytest.mark.parametrize("cache", ["ram", "none"])
def test_classes_come_along(tmp_path, cache):
    for number, name in enumerate(("cat", "dog", "emu")):
        folder(tmp_path / "a" / name, numbered(8), seed=20 * number)
    data = one_domain(tmp_path / "a", "auto", augment_on="device", cache=cache, channels_a=1, contrast=0.5)
    plain = one_domain(tmp_path / "a", "auto", channels_a=1)
    for (x, c), (_, expected) in zip(data.batches(3, 40, 8), plain.batches(3, 40, 8), strict=True):
        assert x.shape == (len(c), 1, 20, 20)
        assert c.dtype == torch.int64
        assert torch.equal(c, expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_global_random_numbers_are_left_alone(folders, workers):
    data = opened(folders, cache="none", rotate=10, **COLOURS)
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    collect(data, 0, 8, 4, workers=workers)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()
    assert random.getstate() == states[2]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_is_named(folders, tmp_path, workers):
    for number in range(12):
        save(tmp_path / "a" / f"{number}.png", photo(24, 24, number))
    settings = DataSettings(size=16, cache="none", augment_on="device")
    data = open_data(str(tmp_path / "a"), str(folders / "b"), settings, paired=False, seed=0, say=lambda text: None)
    gone = data.train_a[data.order(0, 2)]
    gone.path.unlink()
    with pytest.raises(UserError, match=rf"/a/{gone.key}\.png can't be read any more \(does not exist\)"):
        collect(data, 0, 12, 2, workers=workers)


def test_a_wrong_place_is_one_sentence():
    with pytest.raises(UserError, match=r"^x: 'augment_on' is 'gpu', but input should be 'auto', 'cpu' or 'device'\.$"):
        DataSettings.parse({"augment_on": "gpu"}, "x")


# Memory


def test_images_are_kept_when_they_fit_into_free_memory(folders, monkeypatch):
    needed = opened(folders).domains[0].train.stack.nbytes * 3  # 2 domains, and the smaller test images
    monkeypatch.setattr(opening, "free_memory", lambda: needed)
    assert not opened(folders).in_memory
    assert opened(folders, cache="ram").in_memory
    monkeypatch.setattr(opening, "free_memory", lambda: 4 * needed)
    assert opened(folders).in_memory


def test_they_stay_on_a_gpu_when_they_take_a_quarter_of_its_free_memory(monkeypatch):
    class Stack(torch.Tensor):
        def to(self, device):
            return str(device)

    monkeypatch.setattr(on_device.torch, "from_numpy", lambda array: torch.as_tensor(array).as_subclass(Stack))
    stacks = [np.zeros((10, 5, 5, 4), np.uint8)] * 2
    for free, expected in ((8000, ["cuda", "cuda"]), (7999, [])):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**9))
        assert on_device._resident(stacks, torch.device("cuda")) == expected
    assert on_device._resident([stacks[0], None], torch.device("cuda")) == []


@pytest.mark.parametrize("augment_on", ["cpu", "device"])
def test_workers_see_the_decoded_images_without_a_copy(folders, monkeypatch, augment_on):
    """Python's own choice of how processes begin may be to send them everything, here made an error."""
    data = opened(folders, augment_on=augment_on)
    expected = collect(data, 0, 8, 4)
    before = multiprocessing.get_start_method()
    monkeypatch.setattr(type(data), "__getstate__", lambda self: pytest.fail("the data was copied"))
    multiprocessing.set_start_method("spawn", force=True)
    try:
        assert same(expected, collect(data, 0, 8, 4, workers=1))
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_on_cuda_the_next_batch_is_on_its_way_before_one_is_used(monkeypatch):
    """With a stand-in for CUDA: what is asked of it, in order."""
    log = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def record_event(self):
            return f"event {len(log)}"

        def wait_event(self, event):
            log.append(f"wait for {event}")

    class Part:
        def __init__(self, name):
            self.name = name

        def record_stream(self, stream):
            log.append(f"{self.name} kept for {stream.name}")

    @contextlib.contextmanager
    def on(stream):
        log.append(stream.name)
        yield
        log.append("main")

    def bring(name):
        log.append(f"bring {name}")
        return (Part(name),)

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("side"))
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("main"))
    for (part,) in loader.brought(iter([("one",), ("two",)]), torch.device("cuda"), bring):
        log.append(f"use {part.name}")
    assert log == [
        *("side", "bring one", "main", "side", "bring two", "main"),
        *("wait for event 2", "one kept for main", "use one", "wait for event 5", "two kept for main", "use two"),
    ]
