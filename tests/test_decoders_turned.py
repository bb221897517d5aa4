"""Pictures are turned upright by EXIF once, and by nothing else."""

import io

import numpy as np
import pytest
from data_files import photo, pil
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from translate.image import picture, png, rgb8
from translate.image.picture import Picture


def _text(xmp: bytes):
    information = PngInfo()
    information.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return information


def test_only_exif_turns_pictures():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    image = Image.fromarray(photo(20, 30))
    assert picture.parse(pil(image, "PNG", pnginfo=_text(xmp))).size == (20, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["TIFF", "PNG", "JPEG"])
def test_eight_bits_are_turned_once(orientation, suffix):
    exif = Image.Exif()
    exif[274] = orientation
    image = Image.fromarray(photo(20, 30))
    found = picture.parse(pil(image, suffix, exif=exif))
    want = picture.of_pil(Image.open(io.BytesIO(pil(image, suffix)))).colours
    turns = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
             5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
             8: lambda a: np.rot90(a)}  # fmt: skip
    np.testing.assert_array_equal(found.colours, turns[orientation](want))


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "JPEG"])
def test_an_opened_pil_image_is_turned_once_and_a_half_one_is_refused(kind):
    exif = Image.Exif()
    exif[274] = 6
    data = pil(Image.fromarray(photo(20, 30)), kind, exif=exif)
    assert picture.of_pil(Image.open(io.BytesIO(data))).size == (30, 20)
    np.testing.assert_array_equal(picture.of_pil(Image.open(io.BytesIO(data))).colours, picture.parse(data).colours)
    whole = pil(Image.fromarray(photo(200, 300)), kind)
    with pytest.raises(rgb8.ImageError):
        picture.of_pil(Image.open(io.BytesIO(whole[: len(whole) * 2 // 3])))


def test_exif_behind_a_picture_of_sixteen_bits_turns_it():
    data = picture.encode(Picture(np.zeros((20, 30, 3), np.uint16)), ".png")[0]
    exif = Image.Exif()
    exif[274] = 6
    chunk = png.chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    assert picture.parse(data[:-12] + chunk + data[-12:]).size == (30, 20)


def test_the_old_form_of_exif_in_a_png_turns_it():
    exif = Image.Exif()
    exif[274] = 6
    content = exif.tobytes()
    text = f"\nexif\n{len(content):8d}\n{content.hex()}\n"
    information = PngInfo()
    information.add_text("Raw profile type exif", text, zip=True)
    assert picture.parse(pil(Image.fromarray(photo(20, 30)), "PNG", pnginfo=information)).size == (30, 20)
