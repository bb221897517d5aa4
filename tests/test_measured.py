"""Domains of measured values: every number reaches the network, pixels without a value count nowhere, and a file of
many images is cut into images whose training and test parts don't touch."""

import numpy as np
import pytest
import tifffile
import torch
from data_folders import opened
from small import tiny_settings

from translate.data import DataSettings
from translate.errors import UserError
from translate.metrics.true_values import TrueValues
from translate.train.build import build_mode
from translate.train.complete import with_data
from translate.values.domain import FILL, DomainType

SIDE = 12
EXACT = {"size": SIDE, "load": 1, "flip": 0}


def write(folder, arrays, suffix=".npy", **options):
    folder.mkdir(parents=True, exist_ok=True)
    for number, array in enumerate(arrays):
        path = folder / f"{number:02d}{suffix}"
        if suffix == ".npy":
            np.save(path, array)
        else:
            tifffile.imwrite(path, array, metadata=None, **options)
    return folder


def noise(count, shape=(SIDE, SIDE), kind=np.uint16, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(0, 60000, shape).astype(kind) for _ in range(count)]


def pair(tmp_path, a, b, *more, **options):
    return write(tmp_path / "a", a, *more, **options), write(tmp_path / "b", b, *more, **options)


def tiny(mode, data, **changes):
    settings = tiny_settings(mode, {"data": data.settings.model_dump()}, changes)
    return build_mode(with_data(settings, data, None))


@pytest.mark.parametrize("channels", [1, 2, 4, 13])
def test_a_batch_holds_every_number_of_the_files(tmp_path, channels):
    arrays = noise(6, (SIDE, SIDE, channels) if channels > 1 else (SIDE, SIDE))
    planar = {"planarconfig": "contig"} if channels > 1 else {}
    folders = pair(tmp_path, arrays, arrays, ".tif", photometric="minisblack", **planar)
    data = opened(*folders, DataSettings(**EXACT, range_a="0:65535", range_b="0:65535"))
    x, y = next(data.batches(0, 5, 5))
    domain = DomainType(0, 65535, channels, "uint16")
    whole = {array.tobytes() for array in arrays}
    for image in x:
        values = domain.from_network(image.permute(1, 2, 0).numpy(), None)
        assert values.tobytes() in whole
    assert torch.equal(x, y)
    assert data.domains[0].type.channels == channels


def test_the_type_is_found_said_and_recorded(tmp_path):
    said = []
    a, b = pair(tmp_path, noise(4, kind=np.int16), [image / np.float32(7) for image in noise(4)])
    data = opened(a, b, DataSettings(**EXACT, unit_b="m", nodata_a="-5"), said=said)
    first, second = (domain.type for domain in data.domains)
    assert (first.dtype, first.nodata, second.dtype, second.unit) == ("int16", -5, "float32", "m")
    lowest, highest = (round(float(f([np.load(p) for p in b.iterdir()])), 1) for f in (np.min, np.max))
    assert round(second.low, 1) == lowest
    assert round(second.high, 1) == highest
    assert any("float32, 1 channel" in line and "m as -1 and 1" in line for line in said)


def test_percentiles_leave_out_what_is_rare(tmp_path):
    images = [np.full((SIDE, SIDE), 100, np.float32) for _ in range(4)]
    for image in images:
        image[:, ::2] = 50
    images[0][0, 0] = 1e6
    domain = opened(*pair(tmp_path, images, images), DataSettings(**EXACT, range_a="1%:99%")).domains[0].type
    assert domain.low <= 50
    assert 100 <= domain.high < 1000


def test_pixels_without_a_value_are_those_of_either_of_a_pair(tmp_path):
    a, b = noise(4), noise(4, seed=1)
    for image in a:
        image[:3] = 9
    for image in b:
        image[:, :2] = 9
    data = opened(*pair(tmp_path, a, b), DataSettings(**EXACT, nodata_a=9, nodata_b=9))
    x, y = data.example(0)
    absent = np.zeros((SIDE, SIDE), bool)
    absent[:3], absent[:, :2] = True, True
    for image in (x, y):
        assert ((image[0] == FILL) == absent).all()
        assert np.isfinite(image).all()


@pytest.mark.parametrize("mode", ["pix2pix", "cycle"])
def test_no_loss_depends_on_what_a_file_holds_where_there_is_no_value(tmp_path, mode):
    """The masked half of the target is drawn anew: all losses and G's gradient stay."""
    found = []
    for seed in (1, 2):
        a, b = noise(4), noise(4, seed=5)
        for image, other in zip(b, noise(4, seed=seed), strict=True):
            image[:6] = other[:6] // 60000  # 0 or 1, of which both are 0 as no value
        data = opened(*pair(tmp_path / str(seed), [np.where(i > 9, i, 9) for i in a], b), DataSettings(
            **EXACT, nodata_a=0, nodata_b=0, range_a="0:60000", range_b="0:60000"))  # fmt: skip
        torch.manual_seed(0)
        game = tiny(mode, data)
        turns = list(game.step(*next(data.batches(0, 2, 2))))
        losses = {name: float(loss.detach()) for turn in turns for name, loss in turn.losses.items()}
        found.append(losses)
    assert found[0] == found[1]
    assert all(np.isfinite(value) for value in found[0].values())


def test_a_generator_has_no_output_where_its_input_has_no_value(tmp_path):
    images = noise(4)
    for image in images:
        image[:4] = 9
    data = opened(*pair(tmp_path, images, images), DataSettings(**EXACT, nodata_a=9, nodata_b=9))
    x, _ = next(data.batches(0, 2, 2))
    x = x.requires_grad_()
    fake = tiny("pix2pix", data).G(x)
    assert (fake[:, :, :4] == FILL).all()
    assert (fake[:, :, 4:] != FILL).any()
    fake[:, :, :4].sum().backward()
    assert x.grad is None or not x.grad.any(), "nothing can be learned there"


def test_windows_cover_a_picture_once_and_its_test_part_lies_apart(tmp_path):
    picture = np.arange(60 * 50, dtype=np.uint16).reshape(60, 50) + 1
    picture[:SIDE, :SIDE] = 0
    folders = pair(tmp_path, [picture], [picture], ".tif", tile=(16, 16))
    settings = DataSettings(**EXACT, fit="windows", nodata_a=0, range_a="0:4000", range_b="0:4000", test_percent=20)
    data = opened(*folders, settings)
    tests = [item.window for item in data.test_a]
    trained = [item.window for item in data.train_a]
    assert len(tests) + len(trained) == (60 // SIDE) * (50 // SIDE) - 1, "the empty window is left out"
    assert min(top for top, *_ in tests) >= max(top for top, *_ in trained)
    seen = data.domains[0].type.from_network(np.stack([data.domains[0].train[i] for i in range(len(trained))]), 0)
    for window, array in zip(trained, seen, strict=True):
        top, left, height, width = window
        np.testing.assert_array_equal(array[..., 0], picture[top : top + height, left : left + width])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_windows_of_ground_are_left_out(tmp_path, kind):
    """Of 8-bit pictures and of measured values; noise, so that no window is of one value."""
    glass = np.random.default_rng(0).integers(230, 256, (96, 96, 3)).astype(kind)
    glass[:48, :48] = np.random.default_rng(1).integers(0, 200, (48, 48, 3))
    folders = pair(tmp_path, [glass], [glass], ".tif", photometric="rgb", tile=(16, 16))
    settings = DataSettings(**EXACT, fit="windows", ground_a="230:255", range_a="0:255")
    data = opened(*folders, settings)
    windows = [item.window for item in (*data.train_a, *data.test_a)]
    assert len(windows) == 16
    assert max(max(top, left) for top, left, *_ in windows) == 36


def test_slices_of_a_volume_stay_together_and_see_their_neighbours(tmp_path):
    volumes = [np.stack(noise(5, (SIDE, SIDE, 1), seed=seed)) for seed in range(6)]
    data = opened(*pair(tmp_path, volumes, volumes), DataSettings(**EXACT, neighbours=1, test_percent=30))
    assert {item.whole for item in data.test_a}.isdisjoint(item.whole for item in data.train_a)
    assert len(data.train_a) + len(data.test_a) == 30
    x, y = data.domains[0].train, data.domains[1].train
    place = next(i for i, item in enumerate(x.items) if item.slice == 0)
    own = np.load(x.items[place].path)
    levels = data.domains[0].type.to_network
    np.testing.assert_array_equal(x[place], levels(np.concatenate([own[0], own[0], own[1]], axis=2), None))
    assert y[place].shape[2] == 1


def test_errors_are_in_the_unit_and_only_where_both_have_values():
    truth = np.zeros((2, 16, 16, 1), np.float32)
    outputs = truth + 0.5
    outputs[0, :8], truth[1, :, :4] = np.nan, np.nan
    outputs[0, 8:] += 0.25
    found = TrueValues(truth, span=200, unit="HU").errors(outputs)
    np.testing.assert_allclose(found["MAE (HU)"], [75, 50], rtol=1e-6)
    np.testing.assert_allclose(found["L1"], [0.375, 0.25], rtol=1e-6)
    np.testing.assert_allclose(found["PSNR"], [-20 * np.log10(0.375), -20 * np.log10(0.25)], rtol=1e-6)


@pytest.mark.parametrize(
    ("a", "settings", "words"),
    [
        (
            noise(4),
            {"brightness": 0.2},
            "data.brightness would change the values of a, which are measured; set it to 0",
        ),
        (noise(4), {"show_a": "4"}, "there is no channel 4: the files have 1"),
        (noise(4), {"augment_on": "device"}, "measured values need cpu, or auto"),
        ([np.full((SIDE, SIDE), np.nan, np.float32)] * 4, {}, r"contains NaN.*nodata_a"),
    ],
)
def test_what_does_not_fit_is_said_before_the_first_step(tmp_path, a, settings, words):
    with pytest.raises(UserError, match=words):
        opened(*pair(tmp_path, a, noise(4)), DataSettings(**EXACT, **settings))


def test_a_file_of_other_channels_or_with_nan_is_left_out_by_name(tmp_path):
    images = [image.astype(np.float32) for image in noise(8)]
    images[3][2, 2] = np.nan
    folder = write(tmp_path / "a", images)
    np.save(folder / "99.npy", np.zeros((SIDE, SIDE, 5), np.float32))
    data = opened(folder, write(tmp_path / "b", noise(8)), DataSettings(**EXACT), paired=False)
    texts = [problem.text for problem in data.problems]
    assert any("03.npy" in text and "nan" in text for text in texts)
    assert any("99.npy: has 5 channels, where the others of its domain have 1" in text for text in texts)


@pytest.mark.parametrize("value", ["5%:1%", "3:2", "a:b", "-1%:50%", "0%:101%"])
def test_a_range_that_is_none_is_refused(value):
    with pytest.raises(UserError, match="range_a"):
        DataSettings.parse({"range_a": value}, "the settings")


def test_pairs_on_other_grids_are_left_out_by_name(tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="needs the extra medical")
    for side in "ab":
        (tmp_path / side).mkdir()
        for number in range(6):
            affine = np.eye(4)
            affine[0, 3] = 5 if (side, number) == ("b", 3) else 0
            volume = np.random.default_rng(number).random((SIDE, SIDE, 3)).astype(np.float32)
            nibabel.save(nibabel.Nifti1Image(volume, affine), tmp_path / side / f"{number}.nii")
    data = opened(tmp_path / "a", tmp_path / "b", DataSettings(**EXACT, test_percent=20))
    [problem] = [problem for problem in data.problems if problem.kind == "pair"]
    assert "a/3.nii, slice" in problem.text
    assert "bring them to one grid" in problem.text
    assert len(data.train_a) + len(data.test_a) == 15


def test_windows_of_pictures_of_other_sizes_are_no_pairs(tmp_path):
    first, second = np.stack(noise(1, (48, 48)))[0], np.stack(noise(1, (48, 60)))[0]
    a, b = pair(tmp_path, [first, *noise(9, (48, 48))], [second, *noise(9, (48, 48))], ".tif")
    data = opened(a, b, DataSettings(**EXACT, fit="windows", test_percent=30))
    texts = [problem.text for problem in data.problems if problem.kind == "pair"]
    assert sum("so their windows show different places" in text for text in texts) == 1
    assert all(item.whole != "00" for item in (*data.train_a, *data.test_a))
