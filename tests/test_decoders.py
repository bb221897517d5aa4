"""A decoder is not trusted beyond what it knows: odd files are read rightly, damaged ones refused, by both doors."""

import io
import re
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tiff_files
from data_files import photo, pil, save
from data_folders import one_domain
from PIL import Image
from small import tiny_model
from test_convert import convert

from translate.image import decode, picture, png, rgb8
from translate.image.picture import Picture

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import mutants

SOURCES = mutants.sources()


def trained_on(data: bytes, tmp_path: Path, **options) -> np.ndarray:
    (tmp_path / "x").write_bytes(data)
    return rgb8.read(tmp_path / "x", **options)


def a_png(depth: int, colour: int, values: np.ndarray, key: tuple[int, ...], before: bytes = b"") -> bytes:
    """A PNG of any depth with one transparent value. values: (H, W, samples)."""
    height, width, samples = values.shape
    bits = values.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1) & 1
    rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"tRNS", struct.pack(f">{samples}H", *key)), (b"IDAT", packed), (b"IEND", b"")]
    return png.SIGNATURE + before + b"".join(png.chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("name", SOURCES)
def test_training_sees_what_is_used(name, tmp_path):
    """One reader for both: an opaque picture of 8 bits is the same array."""
    try:
        found = picture.parse(SOURCES[name])
    except rgb8.ImageError as error:
        with pytest.raises(rgb8.ImageError, match=re.escape(str(error))):
            trained_on(SOURCES[name], tmp_path)
        return
    seen = trained_on(SOURCES[name], tmp_path, channels=1 if found.grey else 3, background=(255, 255, 255))
    used = picture.to_bytes(picture.flatten(found, (255, 255, 255)))
    assert np.abs(seen.astype(int) - used).max() <= (1 if found.alpha is not None else 0)


@pytest.mark.parametrize("peak", [1, 3, 100, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("kind", ["P5", "P6", "P2", "P3"])
def test_netpbm_of_any_largest_value(kind, peak):
    channels = 3 if kind in ("P6", "P3") else 1
    values = np.random.default_rng(0).integers(0, peak + 1, (5, 7, channels))
    values[0, 0] = peak
    head = f"{kind} # a comment\n7 5\n# another\n{peak}\n".encode()
    if kind in ("P5", "P6"):
        data = head + values.astype(np.uint8 if peak < 256 else ">u2").tobytes()
    else:
        data = head + b"\n".join(b" ".join(b"%d" % v for v in row.ravel()) for row in values)
    found = picture.parse(data)
    top = picture.PEAKS[found.colours.dtype.name]
    assert top == (255 if peak < 256 else 65535)
    np.testing.assert_allclose(found.colours, values * (top / peak), atol=0.51)
    with pytest.raises(rgb8.ImageError, match="truncated"):
        picture.parse(data[: len(data) * 2 // 3])


@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)])
def test_a_transparent_value_of_any_depth(depth, colour, tmp_path):
    samples = 3 if colour == 2 else 1
    values = np.random.default_rng(1).integers(0, 1 << depth, (6, 8, samples))
    key = tuple(int(v) for v in values[2, 3])
    found = picture.parse(a_png(depth, colour, values, key))
    peak = np.iinfo(found.colours.dtype).max
    np.testing.assert_array_equal(found.colours, np.rint(values * (peak / ((1 << depth) - 1))))
    np.testing.assert_array_equal(found.alpha == 0, (values == key).all(axis=2))
    assert set(np.unique(found.alpha)) <= {0, peak}
    seen = trained_on(a_png(depth, colour, values, key), tmp_path, background=(255, 0, 255))
    assert (seen[2, 3] == (255, 0, 255)).all()


def test_an_animation_of_sixteen_bits_shows_its_own_picture(tmp_path):
    """Chunks of an animation before the picture: OpenCV would give the animation's first frame."""
    own, other = (np.full((4, 5, 3), level, np.uint16) for level in (1000, 60000))
    data, frame = (picture.encode(Picture(array), ".png")[0] for array in (own, other))
    start = 33 + 0
    control = png.chunk(b"acTL", struct.pack(">II", 1, 0))
    shown = png.chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 5, 4, 0, 0, 1, 10, 0, 0))
    place = frame.index(b"IDAT")
    packed = frame[place + 4 : place + 4 + int.from_bytes(frame[place - 4 : place], "big")]
    moving = png.chunk(b"fdAT", struct.pack(">I", 1) + packed)
    animated = data[:start] + control + data[start:-12] + shown + moving + data[-12:]
    assert (picture.parse(animated).colours == 1000).all()
    assert (trained_on(animated, tmp_path) == round(1000 / 257)).all()


JPEGS = {
    "plain": {},
    "restart markers": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_damaged_jpegs_are_refused_and_sound_ones_are_as_pillow_reads_them(mode, options):
    noise = np.random.default_rng(0).integers(-20, 20, (200, 300, 3))
    image = Image.fromarray((photo(200, 300).astype(int) + noise).clip(0, 255).astype(np.uint8)).convert(mode)
    data = pil(image, "JPEG", quality=90, **options)
    half = len(data) // 2
    np.testing.assert_array_equal(
        picture.parse(data).colours.squeeze(),
        np.asarray(Image.open(io.BytesIO(data)).convert("L" if mode == "L" else "RGB")),
    )
    picture.parse(data + b"what a telephone adds")
    picture.parse(data[:-2] + bytes(20) + data[-2:])  # padding
    for damaged in (
        data[:half] + b"\xff\xd9",
        data[:half] + np.random.default_rng(1).bytes(512) + data[half + 512 :],
        data[:half],
        data[:half] + data[half + 512 :],
    ):
        with pytest.raises(rgb8.ImageError, match=r"damaged|truncated"):
            picture.parse(damaged)


def test_the_pixel_limit_holds_whatever_a_chunk_says():
    head = png.chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 16, 0, 0, 0, 0))
    wrong = png.chunk(b"tEXt", b"Comment\0x")[:-1] + b"\0"
    data = png.SIGNATURE + head + wrong + png.chunk(b"IDAT", zlib.compress(bytes(1000))) + png.chunk(b"IEND", b"")
    with pytest.raises(rgb8.ImageError, match="limit of 64,000,000"):
        picture.parse(data)


@pytest.mark.parametrize("kind", [2, 7, 5, 12])
def test_a_width_that_is_no_number_is_that_files_failure(kind):
    case = tiff_files.Case(16, 1, 1)
    data = bytearray(tiff_files.file(case))
    place = data.index(struct.pack("<HH", 256, 4))
    data[place + 2 : place + 4] = struct.pack("<H", kind)
    with pytest.raises(rgb8.ImageError):
        picture.parse(bytes(data))


def test_sound_files_are_not_called_damaged():
    grey = Image.fromarray(photo()).convert("L")
    associated = tiff_files.Case(8, 2, 1, extra=1)
    assert picture.parse(tiff_files.file(associated)).alpha is not None
    odd = pil(grey, "JPEG").replace(b"JFIF", b"JFIF")
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0128, 2, 1, 0x61) + bytes(4)
    with_odd_exif = odd[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + odd[2:]
    np.testing.assert_array_equal(picture.parse(with_odd_exif).colours, picture.parse(odd).colours)
    twelve = bytearray(odd)
    place = twelve.index(b"\xff\xc0")
    twelve[place + 4] = 12
    with pytest.raises(rgb8.ImageError, match=r"of a kind that can't be read here \(a JPEG of 12 bits\)"):
        picture.parse(bytes(twelve))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"<!DOCTYPE html><html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "git lfs pull"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
    ],
)
def test_what_is_no_image_is_called_what_it_is(head, name):
    with pytest.raises(rgb8.ImageError, match=name):
        picture.parse(head + bytes(100))


def test_sixteen_bit_grey_with_alpha_stays_so():
    grey, alpha = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100, np.arange(600, dtype=np.uint16).reshape(20, 30)
    for suffix in (".png", ".tif"):
        again = picture.parse(picture.encode(Picture(grey[..., None], alpha), suffix)[0])
        np.testing.assert_array_equal(again.colours, grey[..., None])
        np.testing.assert_array_equal(again.alpha, alpha)


@pytest.mark.slow
def test_thousands_of_mutants():
    """None raises anything but ImageError, or takes more than 300 MB or 2 s. All 100,000: benchmarks/mutants.py."""
    counts, lines = mutants.campaign(3000, 1, 1)
    assert not lines, "\n".join(lines)
    assert counts["refused"] > 3000


def test_junk_between_the_parts_of_a_jpegs_header_is_no_damage():
    data = pil(Image.fromarray(photo(40, 60)), "JPEG")
    place = data.index(b"\xff\xdb")
    odd_profile = b"\xff\xe2" + struct.pack(">H", 20) + b"ICC_PROFILE\0\x09\x01xxxx"
    for junk in (b"\0\0\0\0\0", b"some text", odd_profile):
        again = picture.parse(data[:place] + junk + data[place:])
        np.testing.assert_array_equal(again.colours, picture.parse(data).colours)


def test_an_exception_nobody_thought_of_costs_only_its_file(tmp_path, monkeypatch, capsys):
    """In converting and in the check of a training's data: a decoder that breaks on one file."""
    for number in range(6):
        save(tmp_path / "in" / f"{number}.png", photo(20, 30, seed=number))
    save(tmp_path / "in" / "odd.png", np.zeros((7, 9, 3), np.uint8))
    real = decode.decode

    def breaks(data: bytes, max_pixels: int = 10**9):
        raw = real(data, max_pixels)
        if raw.colours.shape[0] == 7:
            raise ZeroDivisionError("a decoder's own fault")
        return raw

    monkeypatch.setattr(decode, "decode", breaks)
    monkeypatch.setattr(rgb8, "decode", breaks)
    model = tiny_model(tmp_path / "m.safetensors")
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", code=3)
    assert "6 translated" in said
    assert "odd.png: a decoder's own fault" in said
    told: list[str] = []
    data = one_domain(tmp_path / "in", said=told)
    assert len(data.train_a) + len(data.test_a) == 6
    assert any("odd.png: a decoder's own fault" in line for line in told)
