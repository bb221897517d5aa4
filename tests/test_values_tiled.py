"""Tiled TIFFs with a pyramid, written row by row: as GDAL and tifffile read them, and what is left after a failure."""

import subprocess
import sys

import numpy as np
import pytest
from values_files import geo, imagej, numbers, of_geo, ome

from translate.system.files import remove_leftovers
from translate.values import files, tiled
from translate.values.pyramid import halved
from translate.values.tiled import TiledWriter

tifffile = pytest.importorskip("tifffile")
rasterio = pytest.importorskip("rasterio")


def write(path, array, like=None, rows=100, **options):
    height, width, channels = array.shape
    with TiledWriter(path, height, width, channels, array.dtype, like, **options) as writer:
        for top in range(0, height, rows):
            writer.put(array[top : top + rows])


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("dtype", "channels"), [("uint16", 1), ("float32", 2), ("int16", 13), ("uint8", 3)])
def test_gdal_and_tifffile_read_all_levels(tmp_path, monkeypatch, dtype, channels, big):
    monkeypatch.setattr(tiled, "CLASSIC", 0 if big else tiled.CLASSIC)
    array = numbers(dtype, channels, shape=(1101, 130))
    geo(tmp_path / "x.tif", array)
    write(tmp_path / "y.tif", array, files.outline(tmp_path / "x.tif"), tile=128)
    written, meta = of_geo(tmp_path / "y.tif")
    np.testing.assert_array_equal(written, array)
    assert meta == of_geo(tmp_path / "x.tif")[1]
    with rasterio.open(tmp_path / "y.tif") as file:
        assert file.overviews(1) == [2, 4]
        assert file.block_shapes[0] == (128, 128)
    with rasterio.open(tmp_path / "y.tif", overview_level=0) as file:
        half = np.moveaxis(file.read(), 0, 2)
    with tifffile.TiffFile(tmp_path / "y.tif") as file:
        assert file.is_bigtiff == big
        [series] = file.series
        assert [level.shape[:2] for level in series.levels] == [(1101, 130), (551, 65), (276, 33)]
        levels = [level.asarray().reshape(*level.shape[:2], channels) for level in series.levels]
    np.testing.assert_array_equal(levels[0], array)
    np.testing.assert_array_equal(levels[1], half)
    nodata = files.header(tmp_path / "y.tif").nodata
    np.testing.assert_array_equal(half, halved(array, nodata))
    np.testing.assert_array_equal(levels[2], halved(half, nodata))
    assert files.header(tmp_path / "y.tif").windowed
    np.testing.assert_array_equal(files.window(tmp_path / "y.tif", 120, 25, 300, 100), array[120:420, 25:125])


def test_a_mean_leaves_out_what_has_no_value():
    array = np.array([[1, 4, 9], [0, 6, 0], [0, 0, 8]], np.uint8)[..., None]
    np.testing.assert_array_equal(halved(array, None)[..., 0], [[3, 4], [0, 8]])
    np.testing.assert_array_equal(halved(array, 0)[..., 0], [[4, 9], [0, 8]])
    holes = np.where(array == 0, np.nan, array).astype(np.float32)
    np.testing.assert_array_equal(halved(holes, float("nan"))[..., 0], np.float32([[11 / 3, 9], [np.nan, 8]]))


def test_classes_of_a_palette_are_not_averaged(tmp_path):
    classes = np.random.default_rng(0).choice([3, 200], (600, 600)).astype(np.uint8)
    palette = np.random.default_rng(1).integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", classes, photometric="palette", colormap=palette, metadata=None)
    write(tmp_path / "y.tif", classes[..., None], files.outline(tmp_path / "x.tif"))
    with tifffile.TiffFile(tmp_path / "y.tif") as file:
        np.testing.assert_array_equal(file.pages[0].colormap, palette)
        np.testing.assert_array_equal(file.series[0].levels[1].asarray(), classes[::2, ::2])


@pytest.mark.parametrize("make", [ome, imagej])
def test_a_stack_becomes_a_plain_tiff_with_its_size_and_names(tmp_path, make):
    array = numbers("uint16", 2)
    make(tmp_path / "x.tif", array)
    write(tmp_path / "y.tif", array, files.outline(tmp_path / "x.tif"))
    with tifffile.TiffFile(tmp_path / "y.tif") as file:
        tags = file.pages[0].tags
        assert [tags[282].value[0] / tags[282].value[1], tags[283].value[0] / tags[283].value[1]] == [40000, 20000]
        assert tags[296].value == 3  # per centimetre
        np.testing.assert_array_equal(file.asarray(), array)
    assert files.header(tmp_path / "y.tif").names == files.header(tmp_path / "x.tif").names


@pytest.mark.parametrize(
    ("given", "error"),
    [([550], "550 of 600 rows were put"), ([550, 51], "after 550 of 600"), ([300, "stop"], "stop")],
)
def test_an_image_that_is_not_finished_leaves_nothing(tmp_path, given, error):
    array = numbers("uint16", 1, shape=(600, 600))

    def put_all():
        with TiledWriter(tmp_path / "x.tif", 600, 600, 1, np.uint16) as writer:
            for rows in given:
                if rows == "stop":
                    raise ValueError("stop")
                writer.put(array[:rows])
                assert [path.name.endswith(".part") for path in tmp_path.iterdir()] == [True]

    with pytest.raises(ValueError, match=error):
        put_all()
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_the_image_does_not_decide_the_memory(tmp_path):
    """Rows of tiles are held, and of each next level half as many: nothing grows with the image's height."""
    writer = TiledWriter(tmp_path / "x.tif", 1 << 20, 4096, 1, np.uint16)
    assert sum(level.held.nbytes for level in writer.level.all()) < 4 * 512 * 4096 * 2


SCRIPT = """
import os, resource, signal, sys
import numpy as np
from translate.errors import UserError
from translate.values.tiled import TiledWriter
noise = np.random.default_rng(0).integers(0, 65536, (512, 1024, 1)).astype(np.uint16)
if sys.argv[2] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    with TiledWriter(sys.argv[1], 2048, 1024, 1, "uint16") as writer:
        for number in range(4):
            writer.put(noise)
            if sys.argv[2] == "killed" and number == 2:
                os.kill(os.getpid(), signal.SIGKILL)
except UserError as error:
    print(error)
    sys.exit(error.code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals and limits")
@pytest.mark.parametrize(("what", "code"), [("killed", -9), ("full", 74)])
def test_a_kill_and_a_full_disk_leave_no_file_under_its_name(tmp_path, what, code):
    (tmp_path / "x.tif").write_bytes(b"old")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "x.tif"), what]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, ended.stderr
    assert (tmp_path / "x.tif").read_bytes() == b"old"
    if what == "full":
        assert f"{tmp_path / 'x.tif'} could not be written: File too large. Free some space" in ended.stdout
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.tif"]
