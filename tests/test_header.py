"""Headers say what decoding finds, for every kind of file."""

import numpy as np
import pytest
from data_files import bad_files, photo, save
from PIL import Image

from translate.image import decode, header
from translate.image.source import ImageError, contents

GREY = photo(20, 30)[..., 0]
RGBA = np.dstack([photo(20, 30), GREY])


def palette() -> Image.Image:
    image = Image.fromarray(photo(20, 30)).convert("P")
    image.info["transparency"] = 0
    return image


FILES = {
    "rgb.png": (Image.fromarray(photo(20, 30)), {}),
    "grey.png": (Image.fromarray(GREY), {}),
    "alpha.png": (Image.fromarray(RGBA), {}),
    "palette.png": (palette(), {}),
    "deep.png": (Image.fromarray(GREY.astype(np.uint16) * 200), {}),
    "photo.jpg": (Image.fromarray(photo(20, 30)), {"exif": {0x0112: 6}}),
    "large.jpg": (Image.fromarray(photo(900, 1300)), {"quality": 100}),
    "cmyk.jpg": (Image.fromarray(photo(20, 30)).convert("CMYK"), {}),
    "a.webp": (Image.fromarray(RGBA), {}),
    "a.avif": (Image.fromarray(photo(20, 30)), {}),
    "a.gif": (Image.fromarray(GREY), {}),
    "a.bmp": (Image.fromarray(photo(20, 30)), {}),
    "a.tga": (Image.fromarray(photo(200, 300)), {}),
    "a.ppm": (Image.fromarray(photo(20, 30)), {}),
    "a.tif": (Image.fromarray(photo(20, 30)), {}),
    "large.tif": (Image.fromarray(photo(200, 300)), {}),
    "float.tif": (Image.fromarray(GREY.astype(np.float32)), {}),
}


@pytest.mark.parametrize("name", FILES)
def test_headers_agree_with_decoding(name, tmp_path):
    image, options = FILES[name]
    if exif := options.pop("exif", None):
        block = Image.Exif()
        block.update(exif)
        options = {**options, "exif": block}
    image.save(tmp_path / name, **options)
    found, raw = header.read(tmp_path / name), decode.decode(contents(tmp_path / name))
    assert (found.height, found.width) == raw.colours.shape[:2]
    assert found.alpha == (raw.alpha is not None)
    assert found.bits == {255: 8, 65535: 16, None: 32}[raw.peak]
    if found.kind not in ("GIF", "PNG") or "palette" not in name:
        assert found.grey == (raw.colours.shape[2] == 1) or found.kind == "GIF"


def test_profiles_are_named(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save(tmp_path / "a.png", photo(), icc_profile=profile)
    save(tmp_path / "b.jpg", photo(), icc_profile=b"no profile")
    save(tmp_path / "c.png", photo())
    names = [header.read(tmp_path / name).profile for name in ("a.png", "b.jpg", "c.png")]
    assert "sRGB" in names[0]
    assert names[1:] == ["damaged", ""]


def test_what_is_no_image_is_refused_in_the_same_words_and_nothing_hangs(tmp_path):
    for name, words in bad_files(tmp_path).items():
        try:
            header.read(tmp_path / name)
        except ImageError as error:
            refused = str(error)
        else:
            continue  # whole by its header
        if words and "limit" not in words:
            assert words.split(" (")[0] in refused or "not exist" in refused or "link" in refused, name
