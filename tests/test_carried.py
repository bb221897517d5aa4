"""What else a file holds comes along or is said to be left out; notes say what was done, not what was meant."""

import io
import json
import os
import shutil

import numpy as np
import pytest
import tiff_files
from data_files import photo, swap_red_and_blue
from data_folders import folder, numbered, opened
from PIL import Image, ImageCms
from small import tiny_model
from test_convert import convert
from test_convert_video import film

from translate.convert.video import shown_seconds
from translate.data import description
from translate.image import picture, rgb8, tiff_tags
from translate.image.tiff_tags import Entry

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = swap_red_and_blue(SRGB)  # red and blue have changed places, so that a conversion is seen
GEO = {
    33550: Entry(12, (0.5, 0.25, 0.0)),
    33922: Entry(12, (2.0, 4.0, 0.0, 440720.0, 3751320.0, 0.0)),
    34735: Entry(3, (1, 1, 0, 1, 1024, 0, 1, 1)),
    42113: Entry(2, (b"-9999\0",)),
}


def pil(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def smaller(data: bytes, suffix: str, size: tuple[int, int]):
    """(the file made smaller, notes)"""
    found = picture.parse(data)
    found.colours = picture.resize(found.colours, size)
    return picture.encode(found, suffix)


# Colour profiles


@pytest.mark.parametrize("kind", ["RGB", "P", "tRNS", "RGBA"])
def test_a_profile_is_applied_where_it_is_said_to_be(kind):
    image = Image.fromarray(photo(16, 16)).quantize(64) if kind == "P" else Image.fromarray(photo(16, 16))
    if kind == "RGBA":
        image.putalpha(200)
    options = {"transparency": (1, 2, 3)} if kind == "tRNS" else {}
    plain = picture.parse(pil(image, "PNG", **options))
    found = picture.parse(pil(image, "PNG", icc_profile=WIDE, **options))
    assert any("converted to sRGB" in note for note in found.notes)
    assert np.abs(found.colours.astype(int) - plain.colours[..., ::-1]).mean() < 3
    assert (found.alpha is None) == (kind in ("RGB", "P"))


def test_a_profile_for_another_kind_of_picture_is_said_to_be_left_out():
    ink = Image.fromarray(photo(16, 16)).convert("CMYK")
    found = picture.parse(pil(ink, "JPEG", icc_profile=WIDE))
    np.testing.assert_array_equal(found.colours, picture.parse(pil(ink, "JPEG")).colours)
    assert any("left out" in note and "profile" in note for note in found.notes)
    assert not any("converted to sRGB" in note for note in found.notes)


def test_a_profile_in_a_tiff_of_sixteen_bits_is_said_to_be_left_out():
    data = tiff_files.file(tiff_files.Case(16, 3, 2), more=((34675, 7, WIDE),))
    assert any("profile is left out" in note for note in picture.parse(data).notes)


# Pixel density, georeference, EXIF


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp"])
def test_pixel_density_stays_and_is_scaled_with_the_size(suffix):
    data = pil(Image.fromarray(photo(40, 60)), picture.FORMATS[suffix], dpi=(300, 200))
    same = Image.open(io.BytesIO(picture.encode(picture.parse(data), suffix)[0]))
    assert same.info["dpi"] == pytest.approx((300, 200), abs=0.1)
    half, _ = smaller(data, suffix, (20, 30))
    assert Image.open(io.BytesIO(half)).info["dpi"] == pytest.approx((150, 100), abs=0.6)


def test_pixel_density_of_sixteen_bits_stays():
    data = picture.encode(picture.Picture(np.zeros((4, 4, 3), np.uint16), carried={"dpi": (300.0, 300.0)}), ".png")[0]
    assert Image.open(io.BytesIO(data)).info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert picture.parse(data).carried["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_the_place_on_the_earth_stays_and_is_scaled_with_the_size(bits):
    case = tiff_files.Case(bits, 3, 2)
    more = tuple((tag, entry.kind, entry.values if entry.kind != 2 else entry.values[0]) for tag, entry in GEO.items())
    data = tiff_files.file(case, np.repeat(np.repeat(tiff_files.stored(case), 4, 0), 2, 1), more)
    again = tiff_tags.Tags(picture.encode(picture.parse(data), ".tif")[0])
    assert {tag: again.tags[tag] for tag in GEO} == GEO
    half, notes = smaller(data, ".tif", (18, 14))
    tags = tiff_tags.Tags(half).tags
    assert tags[33550].values == (1.0, 0.5, 0.0)
    assert tags[33922].values == (1.0, 2.0, 0.0, 440720.0, 3751320.0, 0.0)
    assert tags[34735] == GEO[34735]
    assert notes == ["its georeference was scaled to the new size"]
    assert "georeference left out: PNG holds none" in picture.encode(picture.parse(data), ".png")[1]


def test_our_tiffs_are_as_other_readers_read_them():
    tifffile = pytest.importorskip("tifffile")
    for kind in (np.uint8, np.uint16, np.float32):
        for channels in (1, 2, 3, 4):
            top = 1 if kind == np.float32 else np.iinfo(kind).max
            values = (np.random.default_rng(channels).random((300, 50, channels)) * top).astype(kind)
            made = picture.Picture(values[..., :1] if channels < 3 else values[..., :3])
            made.alpha = values[..., -1] if channels % 2 == 0 else None
            data = picture.encode(made, ".tif")[0]
            np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)).reshape(values.shape), values)


def test_sizes_in_exif_are_the_new_ones():
    exif = Image.Exif()
    exif[271] = "camera"
    exif.get_ifd(0x8769).update({0xA002: 60, 0xA003: 40, 0x9003: "2026:01:01 00:00:00"})
    data, _ = smaller(pil(Image.fromarray(photo(40, 60)), "JPEG", exif=exif), ".jpg", (20, 30))
    kept = Image.open(io.BytesIO(data)).getexif()
    assert kept[271] == "camera"
    assert dict(kept.get_ifd(0x8769)) == {0xA002: 30, 0xA003: 20, 0x9003: "2026:01:01 00:00:00"}


def test_what_a_format_can_not_hold_is_said():
    exif = Image.Exif()
    exif[271] = "camera"
    found = picture.parse(pil(Image.fromarray(photo()), "JPEG", exif=exif, dpi=(300, 300)))
    _, notes = picture.encode(found, ".gif")
    assert "pixel density left out: GIF holds none" in notes
    assert any("EXIF left out" in note for note in notes)


# What is left out


@pytest.fixture
def odd_folder(tmp_path):
    """Pictures of every ending that is read, and others."""
    image = Image.fromarray(photo())
    (tmp_path / "in").mkdir()
    for suffix, kind in picture.FORMATS.items():
        made = image.convert("1") if suffix == ".pbm" else image
        made.save(tmp_path / "in" / f"x{suffix[1:]}{suffix}", kind)
    for name in ("one.heic", "two.HEIC", "three.jp2", "notes.txt", ".hidden", "LICENSE"):
        (tmp_path / "in" / name).write_bytes(b"x")
    return tmp_path / "in"


def test_all_endings_are_read_and_the_rest_is_counted(odd_folder, tmp_path, monkeypatch, capsys):
    model = tiny_model(tmp_path / "m.safetensors")
    said = convert(monkeypatch, capsys, model, odd_folder, tmp_path / "out")
    assert "passed over, since no image's name ends so: 2 .heic, 1 .jp2, 1 .txt, 1 no ending" in said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["passed_over"] == {".heic": 2, ".jp2": 1, ".txt": 1, "no ending": 1}
    assert report["translated"] == len(picture.FORMATS)
    for path in (tmp_path / "out").glob("x*"):
        assert rgb8.read(path).shape == (24, 36, 3), path


def test_training_says_what_it_passes_over(tmp_path):
    folder(tmp_path / "a", numbered(4))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a" / "x.heic").write_bytes(b"x")
    said: list[str] = []
    data = opened(tmp_path / "a", tmp_path / "b", said=said)
    assert any("passed over" in line for line in said)
    assert any("1 .heic" in line for line in said)
    assert any(kind == "passed over" and "1 .heic" in text for kind, text in description.record(data)["problems"])


def test_a_video_that_is_cut_does_not_become_a_shorter_one(tmp_path, monkeypatch, capsys):
    model = tiny_model(tmp_path / "m.safetensors")
    film(tmp_path / "in" / "film.avi", frames=60)
    whole = (tmp_path / "in" / "film.avi").read_bytes()
    (tmp_path / "in" / "cut.avi").write_bytes(whole[: len(whole) // 2])
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", code=3)
    assert "of its 60 frames can be read: cut or damaged" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["film.avi", "report.json"]


def test_an_mp4_says_how_long_it_is_shown(tmp_path):
    film(tmp_path / "film.mp4", frames=50, fps=12.5)
    film(tmp_path / "film.avi", frames=50)
    assert shown_seconds(tmp_path / "film.mp4") == pytest.approx(4, abs=0.1)
    assert shown_seconds(tmp_path / "film.avi") == float("inf")


def test_a_pipe_and_a_playlist_are_no_videos(tmp_path, monkeypatch, capsys):
    model = tiny_model(tmp_path / "m.safetensors")
    film(tmp_path / "in" / "film.avi", frames=3)
    os.mkfifo(tmp_path / "in" / "pipe.mp4")
    (tmp_path / "in" / "list.avi").write_text("ffconcat version 1.0\nfile film.avi\n")
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", code=3)
    assert "pipe.mp4: a pipe (FIFO), not a file" in said
    assert "list.avi: not a video of a kind that is read" in said
