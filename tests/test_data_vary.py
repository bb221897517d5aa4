"""What is drawn for an image, and each change against its formula and against the CPU path."""

import colorsys

import cv2
import numpy as np
import pytest
import torch
from data_files import photo
from PIL import Image, ImageEnhance

from translate.data import DataSettings
from translate.data.augment import Augment
from translate.data.vary import DRAWS, Vary, uniform

SIDE = 24
IMAGE = photo(SIDE, SIDE, 5).copy()
COLOURS = {"brightness": 0.4, "contrast": 0.5, "saturation": 0.6, "hue": 0.15}


def settings(**changes) -> DataSettings:
    return DataSettings(**{"size": SIDE, "load": 1, "flip": 0, **changes})


def varied(count: int, image=IMAGE, *, colour=True, **changes) -> tuple[np.ndarray, np.ndarray]:
    """(images (count, H, W, C) on a scale of 0 to 255, their rows)"""
    vary = Vary(settings(**changes), image.shape[2], colour)
    rows = vary.draw(uniform(0, 0, range(count)))
    made = vary(torch.from_numpy(image)[None], torch.zeros(count, dtype=torch.long), torch.from_numpy(rows), rows)
    return (made.permute(0, 2, 3, 1).numpy() + 1) * 127.5, rows


def on_the_cpu(count: int, image=IMAGE, **changes) -> np.ndarray:
    augment = Augment(settings(**changes), 3, colour=True)
    return np.stack([augment.colour(augment.geometry(image, str(n)), str(n)) for n in range(count)]).astype(float)


def floats(rows: np.ndarray, count: int) -> np.ndarray:
    return np.ascontiguousarray(rows[:, -count:]).view(np.float32)


# Random numbers


def test_random_numbers_are_those_of_the_image():
    whole = uniform(7, 1, range(100))
    assert whole.shape == (100, DRAWS)
    assert np.array_equal(whole[40:60], uniform(7, 1, range(40, 60)))
    assert np.array_equal(whole[41:60:3], uniform(7, 1, range(41, 60, 3)))
    large = 2**63 - 1
    assert np.array_equal(
        uniform(large, 0, range(10**9, 10**9 + 5))[2:], uniform(large, 0, range(10**9 + 2, 10**9 + 5))
    )
    for other in (uniform(8, 1, range(100)), uniform(7, 0, range(100))):
        assert abs(np.corrcoef(whole.ravel(), other.ravel())[0, 1]) < 0.1


def test_the_random_numbers_never_change():
    """Written down: a resumed run must see what it would have seen, also with another version of NumPy."""
    assert uniform(7, 1, range(3, 4))[0, :3] == pytest.approx(
        [0.6514309761317684, 0.5853704482664657, 0.13402589786450392]
    )


def test_random_numbers_are_uniform_and_independent():
    numbers = uniform(0, 0, range(4000))
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1
    assert np.abs(numbers.mean(axis=0) - 0.5).max() < 4 * 12**-0.5 / 4000**0.5
    assert np.abs(np.corrcoef(numbers.T) - np.eye(DRAWS)).max() < 4 / 4000**0.5
    assert np.abs(np.corrcoef(numbers[1:].T, numbers[:-1].T) - np.eye(2 * DRAWS)).max() < 4.5 / 4000**0.5


def test_every_crop_is_as_likely_and_flips_as_often_as_set():
    vary = Vary(settings(size=20, load=1.2, flip=0.3), 3, colour=False)
    top, left, mirrored, _ = vary.draw(uniform(0, 0, range(5000))).T
    for place in (top, left):
        counts = np.bincount(place, minlength=5)
        assert len(counts) == 5
        assert np.abs(counts / 5000 - 0.2).max() < 0.025
    assert mirrored.mean() == pytest.approx(0.3, abs=0.025)
    assert np.abs(np.corrcoef([top, left, mirrored]) - np.eye(3)).max() < 0.06


# Each change


def test_crop_and_mirror_by_indexing():
    image = photo(30, 30, 1)
    stack = np.stack([image, image[::-1], 255 - image])
    vary = Vary(settings(size=(20, 24), load=1.25, flip=0.5), 3, colour=False)
    rows = vary.draw(uniform(0, 0, range(40)))
    places = np.arange(40) % 3
    made = vary(torch.from_numpy(stack), torch.from_numpy(places), torch.from_numpy(rows), rows)
    for got, place, (top, left, mirrored, _) in zip(made, places, rows, strict=True):
        window = stack[place][top : top + 20, left : left + 24][:, :: -1 if mirrored else 1]
        expected = torch.from_numpy(window.transpose(2, 0, 1).astype(np.float32)) / 127.5 - 1
        assert torch.equal(got, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_rotation_as_opencv_does_it(channels):
    image = np.ascontiguousarray(IMAGE[..., :channels])
    made, rows = varied(12, image, rotate=40, background="#405060")
    angles = floats(rows, 1)[:, 0]
    assert angles.min() < -20
    assert angles.max() > 20
    fill = (0x40, 0x50, 0x60) if channels == 3 else (0x50,)
    for got, angle in zip(made, angles, strict=True):
        middle = (SIDE - 1) / 2
        matrix = cv2.getRotationMatrix2D((middle, middle), float(angle), 1)
        expected = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderValue=fill)
        assert np.abs(got - expected.reshape(got.shape)).max() < 3  # some versions of OpenCV know 1/32 of a pixel
        if abs(angle) > 8:
            assert got[0, 0] == pytest.approx(fill, abs=0.01)


@pytest.mark.parametrize(
    ("name", "formula"),
    [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color)],
)
def test_colours_as_pillow_changes_them(name, formula):
    made, rows = varied(20, **{name: 0.8})
    factors = floats(rows, 1)[:, 0]
    assert factors.min() < 0.6
    assert factors.max() > 1.4
    for got, factor in zip(made, factors, strict=True):
        expected = np.asarray(formula(Image.fromarray(IMAGE)).enhance(float(factor)), float)
        assert np.abs(got - expected).max() < 2  # Pillow rounds, its greys too


def test_hue_by_colorsys():
    made, rows = varied(10, hue=0.5)
    turns = floats(rows, 1)[:, 0] / (2 * np.pi)
    assert turns.min() < -0.25
    assert turns.max() > 0.25
    for got, turn in zip(made, turns, strict=True):
        for y, x in ((0, 0), (5, 17), (23, 9)):
            hue, saturation, value = colorsys.rgb_to_hsv(*(IMAGE[y, x] / 255))
            assert got[y, x] / 255 == pytest.approx(colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value), abs=1e-4)


def test_changes_come_in_the_drawn_order():
    """The second of two changes sees what the first has cut off."""
    made, rows = varied(40, brightness=0.9, saturation=0.9)
    orders = set()
    for got, row in zip(made, rows, strict=True):
        brightness, saturation = floats(row[None], 2)[0]
        image = Image.fromarray(IMAGE)
        for turn in row[3:5]:
            image = (ImageEnhance.Brightness, ImageEnhance.Color)[turn](image).enhance(
                float((brightness, saturation)[turn])
            )
        assert np.abs(got - np.asarray(image, float)).max() < 5
        orders.add(tuple(row[3:5]))
    assert orders == {(0, 1), (1, 0)}


# Against the CPU path


EACH = [{name: amount} for name, amount in COLOURS.items()]


@pytest.mark.parametrize(
    "changes", [*EACH, COLOURS, {"rotate": 30}, {"rotate": 20, "flip": 0.3, **COLOURS}], ids=lambda it: "+".join(it)
)
def test_both_paths_have_the_same_statistics(changes):
    """Means and spreads of pixels over many draws; a range that is wrong by a quarter is seen."""
    count = 600
    first, second = on_the_cpu(count, **changes), varied(count, **changes)[0].astype(float)
    for statistic in (lambda x: x, lambda x: np.abs(x - first.mean(axis=0))):
        a, b = statistic(first), statistic(second)
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / count)
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error + 0.55).all()  # the CPU path rounds
