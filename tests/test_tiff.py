"""TIFF of every layout is read as it is meant, or refused by name; never otherwise."""

import collections
import io
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tiff_files
from PIL import Image
from tiff_files import Case, every_case

from translate.image import picture, rgb8, tiff, tiff_layout, tiff_tags
from translate.image.picture import Picture

CASES = list(every_case())
SOME = [case for number, case in enumerate(CASES) if number % 23 == 0]


def read(case: Case) -> Picture | str:
    """The picture, or why it is refused; a sound file is never called damaged."""
    try:
        found = picture.parse(tiff_files.file(case))
    except rgb8.ImageError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "kind that can't be read" in refusal or tiff.EXTRA in refusal, (case, refusal)
        return refusal
    colours, alpha = tiff_files.truth(case)
    peak = picture.PEAKS[found.colours.dtype.name]
    assert peak == {8: 255, 32: 1}.get(case.bits, 65535), case
    step = {8: 1 / 255, 12: 1 / 65535, 16: 1 / 65535, 32: 1e-6}[case.bits]
    # How bright an associated colour is that is nearly transparent, few levels say.
    sure = alpha[..., None] > 0.1 if alpha is not None and case.extra == tiff_layout.ASSOCIATED else 1
    assert found.colours.shape == colours.shape, case
    assert (np.abs(found.colours / peak - colours) * sure).max() <= (10.1 if case.extra == 1 else 0.6) * step, case
    assert (found.alpha is None) == (alpha is None), case
    assert alpha is None or np.abs(found.alpha / peak - alpha).max() <= 0.6 * step, case
    return found


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in SOME])
def test_some_of_the_matrix(case):
    read(case)


@pytest.mark.slow
def test_the_whole_matrix():
    refused = collections.Counter()
    for case in CASES:
        found = read(case)
        if isinstance(found, str):
            refused[(case.bits, case.samples, case.photometric, case.extra)] += 1
    # What is refused has samples that are no colours: several that nobody named.
    assert all(samples > (3 if photometric == 2 else 1) + 1 for _, samples, photometric, _ in refused), refused
    assert len(CASES) - sum(refused.values()) > 1000


@pytest.mark.slow
def test_without_the_extra_it_is_read_rightly_or_refused_by_name(monkeypatch):
    monkeypatch.setattr(tiff, "science", lambda: False)
    read_rightly = [case for case in CASES if not isinstance(read(case), str)]
    assert {case.bits for case in read_rightly} == {8, 16, 32}


def damaged_files() -> list[bytes]:
    """A TIFF that libtiff prints errors about, and a PNG of 16 bits that libpng does."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (33, 41, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "TIFF", compression="tiff_lzw")
    lzw = bytearray(buffer.getvalue())
    lzw[60:90] = b"\xff" * 30
    deep = bytearray(picture.encode(Picture(noise.astype(np.uint16) * 257), ".png")[0])
    place = deep.index(b"IDAT") + 4
    length = int.from_bytes(deep[place - 8 : place - 4], "big")
    deep[place : place + length] = zlib.compress(bytes([9]) + bytes(41 * 6))[:length].ljust(length, b"\0")
    deep[place + length : place + length + 4] = struct.pack(">I", zlib.crc32(bytes(deep[place - 4 : place + length])))
    return [bytes(lzw), bytes(deep)]


def test_what_c_libraries_say_of_damaged_files_is_not_printed(capfd):
    """In many threads at once, and afterwards stderr is what it was."""
    with ThreadPoolExecutor(4) as pool:
        refusals = list(pool.map(refusal, damaged_files() * 20))
    assert all(refusals)
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def refusal(data: bytes) -> str:
    try:
        picture.parse(data)
    except rgb8.ImageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("tag", tiff_layout.STRUCTURE)
def test_a_damaged_number_that_the_place_of_the_pixels_depends_on_is_never_replaced_by_its_default(tag):
    data = bytearray(tiff_files.file(Case(8, 4, 2, compression=8)))
    entry = next((at for at in range(len(data) - 12) if data[at : at + 2] == struct.pack("<H", tag)
                  and data[at + 2 : at + 4] in (b"\3\0", b"\4\0")), None)  # fmt: skip
    if entry is None:
        pytest.skip("not in this file")
    for kind, count, value in ((3, 1 << 20, 1 << 31), (2, 1, 1), (99, 1, 1), (3, 0, 1)):
        data[entry + 2 : entry + 12] = struct.pack("<HII", kind, count, value)
        with pytest.raises(rgb8.ImageError, match="damaged"):
            picture.parse(bytes(data))


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_of_tiff_is_converted(bits):
    top = (1 << bits) - 1
    colours = {(100, 0, 0): (255, 255, 255), (0, 0, 0): (0, 0, 0), (53.24, 80.09, 67.20): (255, 0, 0)}
    unit = 256 if bits == 16 else 1
    for lab, rgb in colours.items():
        stored = [round(lab[0] / 100 * top), *(round(v * unit) % (top + 1) for v in lab[1:])]
        values = np.full((4, 4, 3), stored, np.uint8 if bits == 8 else np.uint16)
        data = tiff_files.file(tiff_files.Case(bits, 3, 8), values)
        found = picture.parse(data)
        assert "LAB converted to RGB" in found.notes
        assert np.abs(picture.to_bytes(found.colours)[0, 0].astype(int) - rgb).max() <= 12  # red in D50 and D65


def test_tags_of_a_damaged_directory_are_left_out():
    case = tiff_files.Case(16, 3, 2)
    data = tiff_files.file(case)
    for place in range(0, len(data), 3):
        for value in (0, 0x7F, 0xFF):
            tiff_tags.Tags(data[:place] + bytes([value]) + data[place + 1 :])
        tiff_tags.Tags(data[:place])
