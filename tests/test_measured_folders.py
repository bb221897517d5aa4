"""Folders as users have them: series of DICOM as pairs, volumes of 8 bits, and mixed numbers."""

import importlib.util

import numpy as np
import pytest
import tifffile
from data_folders import opened
from test_measured import EXACT, SIDE, write
from values_files import dicom

from translate.data import DataSettings, open_data
from translate.errors import UserError


def bytes_of(count, shape=(SIDE, SIDE)):
    random = np.random.default_rng(0)
    return [random.integers(0, 255, shape).astype(np.uint8) for _ in range(count)]


def read(data):
    """The numbers of all training and test images, as a set of bytes."""
    domain = data.domains[0]
    parts = [domain.train, domain.test]
    images = [part.reader.whole(item) for part in parts for item in part.items]
    return {domain.type.from_network(image, None).tobytes() for image in images}


def test_series_of_pairs_are_in_the_same_part_of_both_domains(tmp_path):
    pytest.importorskip("pydicom")
    for letter in "ab":
        for patient in range(6):
            folder = tmp_path / letter / f"p{patient}"
            folder.mkdir(parents=True)
            for place in range(1 + patient % 3):
                array = np.full((SIDE, SIDE, 1), 100 * patient, np.int16) + np.arange(SIDE, dtype=np.int16)[:, None]
                uid = f"1.2.{'12'['ab'.index(letter)]}.{7 * patient + ord(letter)}"  # of its own in each domain
                dicom(folder / f"{place}.dcm", array, (0.0, 0.0, float(place)), SeriesInstanceUID=uid)
    data = opened(tmp_path / "a", tmp_path / "b", DataSettings(**EXACT))
    first, second = data.domains
    for one, other in ((first.train, second.train), (first.test, second.test)):
        assert [item.key for item in one.items] == [item.key for item in other.items]
    patients = [{item.key.split("/")[0] for item in part.items} for part in (first.train, first.test)]
    assert not patients[0] & patients[1]


def test_all_slices_of_a_stack_of_8_bits_are_seen(tmp_path):
    stacks = bytes_of(4, (3, SIDE, SIDE))
    for letter in "ab":
        (tmp_path / letter).mkdir()
        for number, stack in enumerate(stacks):
            tifffile.imwrite(tmp_path / letter / f"{number}.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    data = opened(tmp_path / "a", tmp_path / "b", DataSettings(**EXACT))
    assert read(data) == {image.tobytes() for stack in stacks for image in stack}


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 3)])
def test_arrays_of_8_bits_are_read(tmp_path, shape):
    arrays = bytes_of(4, shape)
    folders = write(tmp_path / "a", arrays), write(tmp_path / "b", arrays)
    assert read(opened(*folders, DataSettings(**EXACT))) == {array.tobytes() for array in arrays}


def test_colours_of_dicom_are_read(tmp_path):
    pytest.importorskip("pydicom")
    arrays = bytes_of(4, (SIDE, SIDE, 3))
    for letter in "ab":
        (tmp_path / letter).mkdir()
        for number, array in enumerate(arrays):
            uid = f"1.2.3.{number}"
            dicom(tmp_path / letter / f"{number}.dcm", array, SeriesInstanceUID=uid)
    assert read(opened(tmp_path / "a", tmp_path / "b", DataSettings(**EXACT))) == {a.tobytes() for a in arrays}


def test_numbers_that_share_no_range_and_folders_without_one_are_refused_in_words(tmp_path):
    deep = [image.astype(np.uint16) * 200 for image in bytes_of(3)]
    mixed = write(tmp_path / "mixed", [*deep, *bytes_of(3)])
    with pytest.raises(UserError, match="8-bit integers"):
        opened(mixed, mixed, DataSettings(**EXACT, side_by_side="yes"))
    broken = [image.astype(np.float32) for image in bytes_of(3)]
    for image in broken:
        image[0, 0] = np.nan
    folder = write(tmp_path / "nan", broken)
    with pytest.raises(UserError, match=r"contains NaN.*nodata_a"):
        opened(folder, mixed, DataSettings(**EXACT))


@pytest.mark.parametrize(("turn", "shift", "fits"), [(0, 0, True), (2, 0, False), (0, 3, False)])
def test_a_turned_or_shifted_grid_is_another_grid_however_it_is_said(tmp_path, turn, shift, fits):
    kind = tifffile.DATATYPE.DOUBLE
    arrays = [image.astype(np.float32) for image in bytes_of(4)]
    scale = [(33550, kind, 3, (10.0, 10.0, 0.0), True), (33922, kind, 6, (0.0, 0.0, 0.0, 5e5, 5e6, 0.0), True)]
    matrix = (10.0, turn, 0.0, 5e5, turn, -10.0, 0.0, 5e6 + shift, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    folders = (
        write(tmp_path / "a", arrays, ".tif", extratags=scale),
        write(tmp_path / "b", arrays, ".tif", extratags=[(34264, kind, 16, matrix, True)]),
    )
    if fits:
        assert len(opened(*folders, DataSettings(**EXACT)).domains[0].train.items) == 3
        return
    with pytest.raises(UserError, match="lie on different grids"):
        opened(*folders, DataSettings(**EXACT))


@pytest.mark.parametrize(("suffix", "extra"), [(".nii", "medical"), (".dcm", "medical"), (".tif", "science")])
def test_without_an_extra_its_files_name_it(tmp_path, monkeypatch, suffix, extra):
    bands = np.zeros((16, 16, 5), np.uint16)
    for number in range(3):
        (tmp_path / "a").mkdir(exist_ok=True)
        path = tmp_path / "a" / f"{number}{suffix}"
        if suffix == ".tif":
            tifffile.imwrite(path, bands, photometric="minisblack", planarconfig="contig")
        else:
            head = bytearray(400)
            head[128:132], head[344:348] = b"DICM", b"n+1\0"
            path.write_bytes(head[:132] + bytes(268) if suffix == ".dcm" else bytes(344) + head[344:])
    find = importlib.util.find_spec
    gone = ("nibabel", "pydicom", "tifffile", "imagecodecs")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in gone else find(name, *more))
    with pytest.raises(UserError, match=rf"\d{suffix}: .*pip install 'imgtranslate\[{extra}\]' reads it"):
        open_data(str(tmp_path / "a"), None, DataSettings(size=16), paired=False, seed=0, say=lambda text: None)
