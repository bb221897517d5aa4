"""Image files read and written with nothing lost: bits, alpha, grey, orientation; and what can't be kept is said."""

import io

import cv2
import numpy as np
import pytest
from data_files import photo, swap_red_and_blue
from PIL import Image, ImageCms, ImageOps

from translate.image import picture, rgb8
from translate.image.picture import Picture


def ramp(channels: int, kind: str = "uint16", height: int = 20, width: int = 30) -> np.ndarray:
    """All levels of a kind that 600 pixels can hold, another order in each channel."""
    values = np.linspace(0, np.iinfo(kind).max, height * width).astype(kind).reshape(height, width)
    return np.stack([np.roll(values, 7 * shift, axis=1) for shift in range(channels)], axis=2)


def deep(array: np.ndarray, suffix: str) -> bytes:
    """A file of 16 bits or floats as other programs write them."""
    if array.shape[2] >= 3:
        array = array[..., [2, 1, 0, *range(3, array.shape[2])]]
    return cv2.imencode(suffix, np.ascontiguousarray(array))[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_come_and_go(suffix, channels):
    if suffix == ".ppm" and channels != 3:
        suffix, channels = ".pgm", 1
    array = ramp(channels)
    read = picture.parse(deep(array, suffix))
    assert read.colours.dtype == np.uint16
    assert np.array_equal(read.colours, array[..., :3])
    assert (read.alpha is None) == (channels != 4)
    data, notes = picture.encode(read, suffix)
    again = picture.parse(data)
    assert np.array_equal(again.colours, read.colours)
    assert notes == []
    if channels == 4:
        assert np.array_equal(again.alpha, array[..., 3])


def test_sixteen_bit_grey_with_alpha_keeps_both(tmp_path):
    grey, alpha = ramp(1)[..., 0], ramp(2)[..., 1]
    read = picture.parse(picture.encode(Picture(grey[..., None], alpha), ".png")[0])
    assert np.array_equal(read.colours[..., :1], grey[..., None])
    assert np.array_equal(read.alpha, alpha)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (-3.5, 9000.0)])
def test_float_tiffs_keep_their_range(channels, low, high):
    array = (ramp(channels).astype(np.float64) / 65535 * (high - low) + low).astype(np.float32)
    read = picture.parse(deep(array, ".tif"))
    assert read.colours.dtype == np.float32
    assert read.colours.min() == pytest.approx(0, abs=1e-6)
    assert read.colours.max() == pytest.approx(1, abs=1e-6)
    again = cv2.imdecode(np.frombuffer(picture.encode(read, ".tif")[0], np.uint8), cv2.IMREAD_UNCHANGED)
    expected = array[..., ::-1] if channels == 3 else array[..., 0]
    np.testing.assert_allclose(again, expected, atol=1e-4 * max(1, high))


def test_nan_is_named():
    array = np.full((4, 4, 1), np.nan, np.float32)
    with pytest.raises(rgb8.ImageError, match="NaN"):
        picture.parse(deep(array, ".tif"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_is_applied_to_deep_files_too(orientation, suffix):
    shallow = photo(20, 30)
    exif = Image.Exif()
    exif[274] = orientation
    upright = ImageOps.exif_transpose(_with_exif(shallow, exif))
    data = _deep_with_orientation(shallow.astype(np.uint16) * 257, orientation, suffix)
    read = picture.parse(data)
    assert read.colours.dtype == np.uint16
    assert np.array_equal(read.colours // 257, np.asarray(upright))


def _with_exif(array: np.ndarray, exif: Image.Exif) -> Image.Image:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", exif=exif)
    return Image.open(buffer)


def _deep_with_orientation(array: np.ndarray, orientation: int, suffix: str) -> bytes:
    data = deep(array, suffix)
    if suffix == ".png":  # an eXIf chunk before the pixels
        import struct
        import zlib

        exif = Image.Exif()
        exif[274] = orientation
        body = exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
        place = data.index(b"IDAT") - 4
        return data[:place] + chunk + data[place:]
    # TIFF: OpenCV writes no orientation; use its place for another short tag, PlanarConfiguration (284), is wrong, so
    # the directory is written anew with one entry more.
    return _tiff_with_tag(data, 274, orientation)


def _tiff_with_tag(data: bytes, tag: int, value: int) -> bytes:
    import struct

    order = "<" if data[:2] == b"II" else ">"
    (place,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, place)
    entries = [data[place + 2 + 12 * i : place + 14 + 12 * i] for i in range(count)]
    entries = [entry for entry in entries if struct.unpack_from(order + "H", entry)[0] != tag]
    entries.append(struct.pack(order + "HHIHH", tag, 3, 1, value, 0))
    entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry)[0])
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", 0)
    return data[:4] + struct.pack(order + "I", len(data)) + data[8:] + directory


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_deep_file_cut_short_is_refused(suffix):
    data = deep(np.random.default_rng(0).integers(0, 65536, (64, 64, 3)).astype(np.uint16), suffix)
    for share in (0.2, 0.5, 0.9):
        with pytest.raises(rgb8.ImageError):
            picture.parse(data[: int(len(data) * share)])


def test_a_deep_file_of_too_many_pixels_is_refused_unread():
    for suffix in (".png", ".tif"):
        with pytest.raises(rgb8.ImageError, match="max_pixels"):
            picture.parse(deep(ramp(3), suffix), max_pixels=500)
        with pytest.raises(rgb8.ImageError, match="max_pixels"):
            picture.parse(deep(ramp(3).astype(np.float32), ".tif"), max_pixels=500)


@pytest.mark.parametrize("suffix", [s for s in picture.FORMATS if s not in (".gif", ".pbm")])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_is_written_and_read(suffix, channels):
    array = photo(20, 30)[..., :channels]
    data, notes = picture.encode(Picture(array), suffix)
    again = picture.parse(data)
    assert again.colours.shape[:2] == (20, 30)
    lossy = picture.FORMATS[suffix] in ("JPEG", "WEBP", "AVIF")
    difference = np.abs(np.broadcast_to(again.colours, (20, 30, 3)).astype(int) - array)
    assert difference.mean() < 6 if lossy else difference.max() == 0
    assert notes == []


def test_gif_says_what_it_loses():
    data, notes = picture.encode(Picture(photo()), ".gif")
    assert picture.parse(data).size == (24, 36)
    assert notes == ["GIF holds 256 colours"]


def test_pbm_says_that_it_is_none():
    data, notes = picture.encode(Picture(photo()), ".pbm")
    assert np.array_equal(picture.parse(data).colours, photo())
    assert "written as a PGM or PPM" in notes[0]


def test_quality_is_heeded():
    sizes = [len(picture.encode(Picture(photo(64, 64)), ".jpg", quality=q)[0]) for q in (10, 95)]
    assert sizes[0] < sizes[1]
    data, _ = picture.encode(Picture(photo()), ".webp", quality=100)
    assert np.array_equal(picture.parse(data).colours, photo())


def test_alpha_and_depth_that_a_format_can_not_hold_are_said():
    array, alpha = ramp(3), ramp(1)[..., 0]
    data, notes = picture.encode(Picture(array, alpha), ".jpg", background=(0, 0, 255))
    assert len(notes) == 2
    assert "JPEG has no transparency" in notes[0]
    assert "8 bits" in notes[1]
    assert picture.parse(data).alpha is None
    clear = Picture(photo(), np.zeros((24, 36), np.uint8))
    blue = picture.parse(picture.encode(clear, ".bmp", background=(0, 0, 255))[0]).colours
    assert (blue == (0, 0, 255)).all()


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_laying_on_a_background_is_rounded_and_exact_at_the_ends(kind):
    peak = np.iinfo(kind).max
    colours = ramp(3, kind)
    alpha = ramp(1, kind)[..., 0]
    got = picture.flatten(Picture(colours, alpha), (255, 0, 128)).astype(np.float64)
    share = alpha[..., None] / peak
    ground = np.rint(np.array([255, 0, 128]) * (peak / 255))
    np.testing.assert_allclose(got, colours * share + ground * (1 - share), atol=0.5 + 1e-6)


def test_profiles_are_converted_and_said():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    buffer = io.BytesIO()
    Image.fromarray(photo()).save(buffer, "PNG", icc_profile=swap_red_and_blue(srgb))
    read = picture.parse(buffer.getvalue())
    assert np.abs(read.colours.astype(int) - photo()[..., ::-1]).mean() < 3
    assert any("converted to sRGB" in note for note in read.notes)
    buffer = io.BytesIO()
    Image.fromarray(photo()).save(buffer, "PNG", icc_profile=srgb)
    assert picture.parse(buffer.getvalue()).notes == []


def test_exif_stays_without_its_orientation():
    exif = Image.Exif()
    exif[274], exif[271] = 6, "a camera"
    buffer = io.BytesIO()
    Image.fromarray(photo()).save(buffer, "JPEG", exif=exif)
    data, _ = picture.encode(picture.parse(buffer.getvalue()), ".jpg")
    kept = Image.open(io.BytesIO(data)).getexif()
    assert kept[271] == "a camera"
    assert 274 not in kept


def test_animations_and_cmyk_are_said():
    frames = [Image.fromarray(photo(seed=seed)) for seed in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert "the first of 3 frames" in picture.parse(buffer.getvalue()).notes
    buffer = io.BytesIO()
    frames[0].convert("CMYK").save(buffer, "JPEG")
    assert "CMYK converted to RGB" in picture.parse(buffer.getvalue()).notes


def test_resizing_deep_pictures_is_as_resizing_shallow_ones():
    array = photo(64, 48)
    shallow = picture.resize(array, (20, 31)).astype(int)
    deeper = picture.resize(array.astype(np.uint16) * 257, (20, 31)) / 257
    floats = picture.resize((array / 255).astype(np.float32), (20, 31)) * 255
    assert np.abs(deeper - shallow).max() <= 1.5
    assert np.abs(floats - shallow).max() <= 1.5
