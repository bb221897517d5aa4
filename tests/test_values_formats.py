"""An identity through a file of each format: read, to a network's values and back, written, read by another library."""

from pathlib import Path

import numpy as np
import pytest
from values_files import LIBRARIES, numbers

from translate.errors import UserError
from translate.values import files, formats
from translate.values.array import Values
from translate.values.domain import DomainType
from translate.values.formats import ANY, FORMATS, REFUSED

CHANNELS = (1, 2, 3, 4, 13)
RANGES = {"uint8": (0, 255), "uint16": (0, 65535), "float32": (-1000, 3000)}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dtype", RANGES)
def test_an_identity_gives_the_same_numbers_and_metadata(tmp_path, name, dtype):
    form, (make, independent) = FORMATS[name], LIBRARIES[name]
    held = [channels for channels in CHANNELS if form.holds(dtype, channels)]
    for channels in held:
        before, after = tmp_path / f"{channels}{form.suffix}", tmp_path / f"out{channels}{form.suffix}"
        array = numbers(dtype, channels)
        make(before, array)
        found = files.read(before)
        header = files.header(before)
        assert (header.height, header.width, header.channels) == found.array.shape == array.shape
        assert (header.dtype, header.slices, header.windowed) == (dtype, 1, form.windows)
        assert found.array.dtype == dtype
        np.testing.assert_array_equal(files.window(before, 11, 22, 33, 44), array[11:44, 22:66])
        low, high = RANGES[dtype]
        domain = DomainType(low, high, channels, dtype, nodata=found.nodata)
        levels = domain.to_network(found.array, found.nodata)
        found.array = domain.from_network(levels, found.nodata)
        files.write(after, found)
        assert files.kind_of(after) == files.kind_of(before)
        ours, meta = independent(after)
        theirs, wanted = independent(before)
        assert meta == wanted
        np.testing.assert_array_equal(theirs, array)
        absent = np.isnan(levels)
        tolerance = 0 if dtype != "float32" else float(np.spacing(np.float32(high)))
        error = np.abs(ours.astype(np.float64) - array.astype(np.float64))
        assert error[~absent].max() <= tolerance
        assert absent.mean() < 0.2
        if found.nodata is not None:
            np.testing.assert_array_equal(ours[absent], found.nodata)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.otherwise == REFUSED])
def test_what_a_format_cannot_hold_is_refused(name):
    form = FORMATS[name]
    for dtype in RANGES:
        for channels in CHANNELS:
            if not form.holds(dtype, channels):
                with pytest.raises(UserError, match=rf"^x{form.suffix}: .* not {channels} of {dtype}; \.tif and \.npy"):
                    files.encode(f"x{form.suffix}", Values(numbers(dtype, channels)))


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.types == ANY])
@pytest.mark.parametrize("dtype", [dtype for dtype in ANY if dtype not in RANGES])
def test_all_types_of_numbers_are_held_exactly(tmp_path, name, dtype):
    form, bounds = FORMATS[name], np.iinfo(dtype)
    for channels in (1, 5):
        array = np.random.default_rng(0).integers(bounds.min, bounds.max, (70, 90, channels), dtype, endpoint=True)
        array.flat[:2] = bounds.min, bounds.max
        files.write(tmp_path / f"{channels}{form.suffix}", Values(array))
        found = files.read(tmp_path / f"{channels}{form.suffix}").array
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.slices and name != "DICOM"])
@pytest.mark.parametrize("channels", [1, 3])
def test_slices_of_another_kind_of_volume_are_all_written(tmp_path, name, channels):
    """What was a volume of one kind becomes one of another, with `--format`."""
    path = tmp_path / f"x{FORMATS[name].suffix}"
    slices = [numbers("int16", channels, seed) for seed in range(5)]
    files.write(path, Values(slices[0], kind="other"), slices)
    assert files.header(path).slices == 5
    for number, array in enumerate(slices):
        np.testing.assert_array_equal(files.read(path, number).array, array)


def test_a_format_without_slices_does_not_drop_them():
    for suffix in (".png", ".jp2", ".webp"):
        with pytest.raises(UserError, match=rf"^x{suffix}: one file holds one image, not 5 slices; \.tif, \.nii"):
            files.encode(f"x{suffix}", Values(numbers("uint8", 3)), [numbers("uint8", 3)] * 5)


def test_the_page_has_the_table_of_the_code():
    page = (Path(__file__).parents[1] / "docs" / "values.md").read_text(encoding="utf-8")
    assert formats.table() == page.split(formats.START)[1].split(formats.END)[0].strip()


def test_every_suffix_is_of_a_module_that_is_there():
    for form in FORMATS.values():
        assert files.suffix_of(f"x{form.suffix}") in files.SUFFIXES
