"""TIFFs of measured values: slices, channels, windows from several threads, and what each style of file carries."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from values_files import geo, numbers, of_geo

from translate.errors import UserError
from translate.image.source import ImageError
from translate.values import files
from translate.values.array import Values

tifffile = pytest.importorskip("tifffile")
LAYOUTS = {
    "strips": ({"planarconfig": "contig", "compression": "lzw", "rowsperstrip": 7}, "YXS"),
    "tiles": ({"planarconfig": "contig", "compression": "zlib", "predictor": True, "tile": (16, 32)}, "YXS"),
    "planes in tiles": ({"planarconfig": "separate", "compression": "zstd", "tile": (32, 16), "bigtiff": True}, "SYX"),
    "planes in one piece": ({"planarconfig": "separate", "byteorder": ">"}, "SYX"),
    "one piece": ({"planarconfig": "contig", "byteorder": ">"}, "YXS"),
    "half strips": ({"planarconfig": "contig", "compression": "packbits", "rowsperstrip": 40}, "YXS"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_windows_are_parts_of_the_whole_in_any_thread(tmp_path, layout, dtype):
    options, axes = LAYOUTS[layout]
    array = numbers(dtype, 3, shape=(101, 83))
    given = array if axes == "YXS" else np.moveaxis(array, 2, 0)
    tifffile.imwrite(tmp_path / "x.tif", given, photometric="minisblack", metadata=None, **options)
    assert files.header(tmp_path / "x.tif").windowed
    np.testing.assert_array_equal(files.read(tmp_path / "x.tif").array, array)
    random = np.random.default_rng(1)
    places = [(*random.integers(0, (70, 60)), *random.integers(1, (31, 23))) for _ in range(40)]
    places += [(0, 0, 101, 83), (100, 82, 1, 1)]
    with ThreadPoolExecutor(4) as pool:
        for place, part in zip(places, pool.map(lambda p: files.window(tmp_path / "x.tif", *p), places), strict=True):
            top, left, height, width = place
            np.testing.assert_array_equal(part, array[top : top + height, left : left + width])
            assert part.flags.writeable
            assert part.dtype.isnative


@pytest.mark.parametrize("place", [(-1, 0, 5, 5), (0, 0, 0, 5), (97, 0, 5, 5), (0, 80, 5, 5)])
def test_a_window_outside_of_the_image_is_an_error(tmp_path, place):
    np.save(tmp_path / "x.npy", numbers("uint8", 3, shape=(101, 83)))
    with pytest.raises(ValueError, match="no window of"):
        files.window(tmp_path / "x.npy", *place)


@pytest.mark.parametrize(
    ("axes", "shape", "slices", "channels"),
    [("ZCYX", (4, 2, 80, 70), 4, 2), ("TZYX", (2, 3, 80, 70), 6, 1), ("TZCYX", (2, 3, 4, 80, 70), 6, 4),
     ("CYX", (5, 80, 70), 1, 5)],
)  # fmt: skip
@pytest.mark.parametrize("style", ["ome", "imagej"])
def test_a_stack_is_written_as_the_stack_that_was_read(tmp_path, style, axes, shape, slices, channels):
    array = np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)
    more = {"compression": "zlib", "tile": (32, 32)} if style == "ome" else {}
    tifffile.imwrite(
        tmp_path / "x.tif", array, photometric="minisblack", metadata={"axes": axes}, **{style: True}, **more
    )
    header = files.header(tmp_path / "x.tif")
    assert (header.slices, header.channels) == (slices, channels)
    read = [files.read(tmp_path / "x.tif", number) for number in range(slices)]
    files.write(tmp_path / "y.tif", read[0], [one.array for one in read])
    with tifffile.TiffFile(tmp_path / "y.tif") as file:
        assert (file.series[0].kind, file.series[0].axes) == (style, axes)
        np.testing.assert_array_equal(file.asarray(), array)
    part = files.window(tmp_path / "x.tif", 30, 20, 40, 50, slice=slices - 1)
    np.testing.assert_array_equal(part, read[-1].array[30:70, 20:70])
    with pytest.raises(ImageError, match=f"has no slice {slices}: it has {slices}"):
        files.read(tmp_path / "x.tif", slices)


def test_pages_of_a_plain_tiff_are_slices(tmp_path):
    array = numbers("int16", 5, shape=(80, 70))
    tifffile.imwrite(tmp_path / "x.tif", np.moveaxis(array, 2, 0), photometric="minisblack", metadata=None)
    assert files.header(tmp_path / "x.tif").slices == 5
    read = [files.read(tmp_path / "x.tif", number) for number in range(5)]
    files.write(tmp_path / "y.tif", read[0], [one.array for one in read])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "y.tif"), np.moveaxis(array, 2, 0))


@pytest.mark.parametrize("rotation", [0, 0.5])
@pytest.mark.parametrize("place", ["Area", "Point"])
def test_the_coordinates_stay_where_they_are_when_the_size_changes(tmp_path, rotation, place):
    geo(tmp_path / "x.tif", numbers("uint16", 2, shape=(80, 70)), rotation, place)
    found = files.read(tmp_path / "x.tif")
    found.array = found.array.repeat(2, 0).repeat(2, 1)
    files.write(tmp_path / "y.tif", found)
    before, after = (of_geo(tmp_path / name)[1][0] for name in ("x.tif", "y.tif"))
    assert after * (140, 160) == pytest.approx(before * (70, 80), rel=1e-9)
    assert after * (0, 0) == pytest.approx(before * (0, 0), rel=1e-9)
    assert found.notes == ["its georeference was scaled to the new size"]


def test_other_channels_have_their_own_names_and_keep_the_place(tmp_path):
    """13 bands become 2: names of bands that are gone aren't written to others."""
    geo(tmp_path / "x.tif", numbers("uint16", 13))
    found = files.read(tmp_path / "x.tif")
    made = Values(numbers("float32", 2), np.nan, "K", ("day", "night"), found.kind, found.carried)
    files.write(tmp_path / "y.tif", made)
    (_, (transform, crs, nodata, names, units, tags)), (_, wanted) = (
        of_geo(tmp_path / "y.tif"),
        of_geo(tmp_path / "x.tif"),
    )
    assert (transform, crs, tags) == (wanted[0], wanted[1], wanted[5])
    assert (nodata, names, units) == ("nan", ("day", "night"), ("K", "K"))


def test_tiles_that_gdal_left_out_are_nodata(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(tmp_path / "x.tif", "w", driver="GTiff", height=128, width=128, count=1, nodata=-5,
                       dtype="int16", tiled=True, blockxsize=64, blockysize=64, SPARSE_OK=True, crs="EPSG:4326",
                       transform=rasterio.Affine(1, 0, 0, 0, -1, 0)) as file:  # fmt: skip
        file.write(np.full((64, 64), 3, np.int16), 1, window=rasterio.windows.Window(0, 0, 64, 64))
    array = files.read(tmp_path / "x.tif").array
    assert (array[:64, :64] == 3).all()
    assert (array[64:] == -5).all()


def test_a_mask_of_gdal_is_said_to_be_left_out(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        geo(tmp_path / "x.tif", numbers("uint8", 3))
        with rasterio.open(tmp_path / "x.tif", "r+") as file:
            file.nodata = None
            file.write_mask(numbers("uint8", 1)[..., 0] > 9)
    found = files.read(tmp_path / "x.tif")
    np.testing.assert_array_equal(found.array, numbers("uint8", 3))
    assert found.notes == ["its mask is not read: only a nodata value marks pixels without a value"]


def test_a_scale_is_kept_and_not_applied(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    geo(tmp_path / "x.tif", numbers("uint16", 1))
    with rasterio.open(tmp_path / "x.tif", "r+") as file:
        file.scales, file.offsets = [0.0001], [-0.1]
    found = files.read(tmp_path / "x.tif")
    np.testing.assert_array_equal(found.array, numbers("uint16", 1))
    assert "scale and offset are kept and not applied" in found.notes[0]
    files.write(tmp_path / "y.tif", found)
    found.array = found.array.astype(np.float32)
    files.write(tmp_path / "z.tif", found)
    scales = []
    for name in ("y.tif", "z.tif"):
        with rasterio.open(tmp_path / name) as file:
            scales.append((file.scales, file.offsets))
    assert scales == [((0.0001,), (-0.1,)), ((1.0,), (0.0,))]  # of other numbers it would be wrong


def test_imagej_has_no_signed_integers(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", numbers("uint16", 1)[..., 0], imagej=True)
    found = files.read(tmp_path / "x.tif")
    found.array = found.array.astype(np.int32) - 9
    files.write(tmp_path / "y.tif", found)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "y.tif"), found.array[..., 0])
    assert found.notes == ["not an ImageJ stack: ImageJ's have no int32"]


def test_tiles_of_heights_are_written_as_tiff_with_their_coordinates(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    heights = np.random.default_rng(0).integers(-50, 3000, (1201, 1201)).astype(">i2")
    heights[0, 0] = -32768
    heights.tofile(tmp_path / "N46E007.hgt")
    found = files.read(tmp_path / "N46E007.hgt")
    np.testing.assert_array_equal(found.array[..., 0], heights)
    assert (found.nodata, found.unit, files.header(tmp_path / "N46E007.hgt").windowed) == (-32768, "m", True)
    np.testing.assert_array_equal(files.window(tmp_path / "N46E007.hgt", 7, 5, 20, 30)[..., 0], heights[7:27, 5:35])
    files.write(tmp_path / "y.tif", found)
    with rasterio.open(tmp_path / "N46E007.hgt") as before, rasterio.open(tmp_path / "y.tif") as after:
        assert (after.crs, after.transform, after.nodata) == (before.crs, before.transform, before.nodata)
        np.testing.assert_array_equal(after.read(), before.read())
    with pytest.raises(UserError, match=r"\.hgt files are only read; \.tif holds the same numbers and coordinates"):
        files.encode("z.hgt", found)
