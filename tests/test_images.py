"""Reading images as a viewer shows them, refusing what isn't one, and drawing contact sheets."""

import subprocess
import sys
import time

import numpy as np
import pytest
from data_files import bad_files, bomb, photo, png, save, snapshot, swap_red_and_blue
from PIL import Image, ImageCms

from translate.image import picture, rgb8

RED, WHITE = (255, 0, 0), (255, 255, 255)


# As a viewer shows it


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    upright = photo()
    stored = {  # what a camera held that way writes
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x112] = orientation
    path = save(tmp_path / "x.png", np.ascontiguousarray(stored), exif=exif)
    np.testing.assert_array_equal(rgb8.read(path), upright)
    with Image.open(path) as image:
        np.testing.assert_array_equal(picture.of_pil(image).colours, upright)
    np.testing.assert_array_equal(picture.parse(rgb8.contents(path)).colours, upright)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bit_grey_keeps_256_levels(tmp_path, suffix):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    path = tmp_path / f"x.{suffix}"
    if suffix == "pgm":
        path.write_bytes(b"P5 256 256 65535\n" + ramp.astype(">u2").tobytes())
    else:
        Image.fromarray(ramp).save(path)
    array = rgb8.read(path, channels=1)
    assert len(np.unique(array)) == 256
    np.testing.assert_array_equal(array[..., 0], np.rint(ramp / 257).astype(np.uint8))
    np.testing.assert_array_equal(rgb8.read(path), np.repeat(array, 3, axis=2))


def test_sixteen_bit_colour_png(tmp_path):
    values = np.arange(0, 65536, 16, dtype=np.uint16)
    pixels = np.stack([values, values[::-1], np.full_like(values, 0x8000)], axis=1)
    (tmp_path / "x.png").write_bytes(png(len(values), 1, 16, 2, b"\0" + pixels.astype(">u2").tobytes()))
    array = rgb8.read(tmp_path / "x.png")
    assert np.abs(array[0].astype(int) - pixels / 257).max() <= 1  # Pillow takes the upper byte
    assert len(np.unique(array[0, :, 0])) == 256


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (0, 65535), (-3, 900_000)])
def test_float_and_integer_tiff(tmp_path, low, high):
    values = np.linspace(low, high, 256, dtype=np.float32).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "x.tif")
    np.testing.assert_allclose(rgb8.read(tmp_path / "x.tif", channels=1)[..., 0].ravel(), np.arange(256), atol=1)


def test_what_hides_under_transparency_is_never_seen(tmp_path):
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0] = 255  # red everywhere, but ...
    rgba[4:, :, 3] = 255  # ... opaque in the lower half only
    array = rgb8.read(save(tmp_path / "x.png", rgba))
    assert (array[:4] == WHITE).all()
    assert (array[4:] == RED).all()
    black = rgb8.read(tmp_path / "x.png", background=(0, 0, 0))
    assert (black[:4] == 0).all()


def test_half_transparency_is_mixed(tmp_path):
    rgba = np.full((2, 2, 4), (255, 0, 0, 128), np.uint8)
    assert tuple(rgb8.read(save(tmp_path / "x.png", rgba), background=(0, 0, 255))[0, 0]) == (128, 0, 127)


def test_grey_with_alpha(tmp_path):
    la = np.stack([np.full((4, 4), 90, np.uint8), np.zeros((4, 4), np.uint8)], axis=2)
    la[0, 0, 1] = 255
    Image.fromarray(la, "LA").save(tmp_path / "x.png")
    array = rgb8.read(tmp_path / "x.png")
    assert tuple(array[0, 0]) == (90, 90, 90)
    assert tuple(array[1, 1]) == WHITE


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_palette_with_a_transparent_colour(tmp_path, suffix):
    indices = np.zeros((4, 4), np.uint8)
    indices[0] = 1
    image = Image.fromarray(indices, "P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / f"x.{suffix}", transparency=0)
    array = rgb8.read(tmp_path / f"x.{suffix}")
    assert (array[0] == (0, 0, 255)).all()
    assert (array[1:] == WHITE).all()


def test_cmyk(tmp_path):
    ink = np.zeros((8, 8, 4), np.uint8)
    ink[:, :4] = (0, 255, 255, 0)  # magenta and yellow: red
    Image.fromarray(ink, "CMYK").save(tmp_path / "x.tif")
    array = rgb8.read(tmp_path / "x.tif")
    assert (array[:, :4] == RED).all()
    assert (array[:, 4:] == WHITE).all()
    Image.fromarray(ink, "CMYK").save(tmp_path / "x.jpg", quality=95)
    assert np.abs(rgb8.read(tmp_path / "x.jpg").astype(int) - array).mean() < 8


def test_lab_is_converted(tmp_path):
    lab = np.zeros((4, 4, 3), np.uint8)
    lab[..., 0] = 255
    Image.fromarray(lab, "LAB").save(tmp_path / "x.tif")
    assert rgb8.read(tmp_path / "x.tif").min() > 245  # L = 100 without colour is white


def test_embedded_profile_is_used(tmp_path):
    """The same numbers mean other colours in another profile; one that is damaged is passed over."""
    array = photo()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()  # not for RGB: unusable
    plain = rgb8.read(save(tmp_path / "plain.png", array))
    for damaged in (profile, b"no profile at all"):
        np.testing.assert_array_equal(rgb8.read(save(tmp_path / "x.png", array, icc_profile=damaged)), plain)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(rgb8.read(save(tmp_path / "x.png", array, icc_profile=srgb)), plain)
    swapped = swap_red_and_blue(srgb)
    read = rgb8.read(save(tmp_path / "x.png", array, icc_profile=swapped))
    assert np.abs(read.astype(int) - plain[..., ::-1]).mean() < 3


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((0, 0, 255), RED)]
    for suffix in ("gif", "png", "webp"):
        path = tmp_path / f"x.{suffix}"
        frames[0].save(
            path, save_all=True, append_images=frames[1:], **({"lossless": True} if suffix == "webp" else {})
        )
        assert (rgb8.read(path) == (0, 0, 255)).all(), suffix


def test_grey_and_colour_on_request(tmp_path):
    path = save(tmp_path / "x.jpg", photo())
    assert rgb8.read(path).shape == (24, 36, 3)
    assert rgb8.read(path, channels=1).shape == (24, 36, 1)
    one_bit = Image.fromarray(photo()).convert("1")
    one_bit.save(tmp_path / "bits.png")
    assert set(np.unique(rgb8.read(tmp_path / "bits.png"))) == {0, 255}


def test_the_content_decides_not_the_suffix(tmp_path):
    save(tmp_path / "x.png", photo())
    (tmp_path / "x.png").rename(tmp_path / "x.jpg")
    np.testing.assert_array_equal(rgb8.read(tmp_path / "x.jpg"), photo())
    assert rgb8.is_image_name("a.JPeG")
    assert not rgb8.is_image_name("Thumbs.db")


# What isn't an image


def test_bad_files_are_refused_with_their_reason(tmp_path):
    expected = bad_files(tmp_path / "bad")
    before = snapshot(tmp_path)
    for name, reason in expected.items():
        with pytest.raises(rgb8.ImageError) as caught:
            rgb8.read(tmp_path / "bad" / name)
        assert reason in str(caught.value), name
        assert len(str(caught.value)) < 130, name
        assert str(tmp_path) not in str(caught.value), name
    assert snapshot(tmp_path) == before


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = bomb(tmp_path / "x.png")
    assert path.stat().st_size < 50_000
    start = time.perf_counter()
    with pytest.raises(rgb8.ImageError, match="max_pixels"):
        rgb8.read(path)
    assert time.perf_counter() - start < 0.5


def test_mutants_raise_nothing_but_image_errors(tmp_path):
    generator = np.random.default_rng(0)
    sources = [save(tmp_path / f"x.{s}", photo(32, 32)).read_bytes() for s in ("png", "jpg", "webp", "gif", "tif")]
    path = tmp_path / "mutant.png"
    refused = 0
    for number in range(500):
        data = bytearray(sources[number % len(sources)])
        for place in generator.integers(0, len(data), generator.integers(1, 8)):
            data[place] = generator.integers(0, 256)
        path.write_bytes(data if number % 3 else data[: generator.integers(0, len(data))])
        try:
            assert rgb8.read(path).dtype == np.uint8
        except rgb8.ImageError:
            refused += 1
    assert refused > 100


def test_importing_images_does_not_import_torch():
    code = "import sys, translate.image.rgb8, translate.catalog; print('torch' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
