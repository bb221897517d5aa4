"""Resizing, PNG files and contact sheets."""

import numpy as np
from data_files import photo

from translate.image import rgb8


def test_resize_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    for how in ("bicubic", "lanczos", "area"):
        small = rgb8.resize(stripes, (16, 16), how)
        assert small.shape == (16, 16, 3)
        assert np.abs(small[:, 2:-2].astype(int) - 128).max() < 12, how
    assert rgb8.resize(stripes[..., :1], (5, 7)).shape == (5, 7, 1)


def test_png_round_trip(tmp_path):
    for array in (photo(), photo()[..., :1]):
        (tmp_path / "x.png").write_bytes(rgb8.to_png(array))
        np.testing.assert_array_equal(rgb8.read(tmp_path / "x.png", channels=array.shape[2]), array)


def test_sheet_shows_small_images_large_and_unchanged():
    picture = photo(16, 16)
    sheet = rgb8.sheet([[picture, picture[..., :1], None]] * 16, headings=["input", "→ output", "Größe"], caption="x")
    height, width = sheet.shape[:2]
    assert 0.7 < width / height < 3  # 16 rows of 3 would be a ribbon of 1 : 5
    large = picture.repeat(8, 0).repeat(8, 1)
    views = np.lib.stride_tricks.sliding_window_view(sheet[:, :, 0], (128, 128))
    assert (views[:60, :20] == large[..., 0]).all(axis=(2, 3)).any()
