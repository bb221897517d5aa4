"""`translate convert` on files of measured values: numbers, units, coordinates and masks come out, as the same kind."""

import json

import numpy as np
import pytest
from data_files import photo, save
from test_convert import convert
from value_models import HU, ramp, value_model

import translate
from translate.values import files
from translate.values.domain import DomainType

MR = DomainType(0, 4095, 1, "uint16", "", None)
HEIGHTS = DomainType(-500, 9000, 1, "float32", "m", -9999.0)
BANDS = DomainType(0, 10000, 4, "uint16", "", 0.0, ("B2", "B3", "B4", "B8"))


@pytest.fixture
def run(monkeypatch, capsys):
    return lambda *words, code=0: convert(monkeypatch, capsys, *words, code=code)


def report(folder) -> dict:
    return json.loads((folder / "report.json").read_text())


@pytest.fixture
def same(tmp_path):
    return lambda source, target, **more: value_model(
        tmp_path / "model" / "m.safetensors", source, target, same=True, **more
    )


def write_npy(path, array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def write_tiff(path, array, **options) -> None:
    import tifffile

    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array[..., 0] if array.shape[2] == 1 else array, photometric="minisblack", **options)


@pytest.mark.parametrize("kind", ["npy", "tif", "nii", "nii.gz"])
def test_integers_come_out_as_they_went_in(run, same, tmp_path, kind):
    model = same(MR, MR)
    array = ramp(30, 41, 1, MR)
    if kind == "npy":
        write_npy(tmp_path / "in" / "x.npy", array)
    elif kind == "tif":
        write_tiff(tmp_path / "in" / "x.tif", array)
    else:
        nibabel = pytest.importorskip("nibabel")
        (tmp_path / "in").mkdir()
        affine = np.array([[0, -0.9, 0, 10], [1.1, 0, 0, -20], [0, 0, 3, 7], [0, 0, 0, 1]])
        nibabel.save(nibabel.Nifti1Image(array.transpose(1, 0, 2), affine), tmp_path / "in" / f"x.{kind}")
    said = run(model, tmp_path / "in", tmp_path / "out")
    assert "1 channel of uint16, 0:4095" in said
    result = files.read(tmp_path / "out" / f"x.{kind}").array
    assert result.dtype == np.uint16
    assert np.array_equal(result, files.read(tmp_path / "in" / f"x.{kind}").array)
    assert "1 unchanged" in run(model, tmp_path / "in", tmp_path / "out")
    assert report(tmp_path / "out")["model"]["values"]["from"]["high"] == 4095


def test_a_geotiff_keeps_its_place_and_its_mask(run, same, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    model = same(BANDS, BANDS)
    array = np.random.default_rng(0).integers(1, 10001, (60, 50, 4)).astype(np.uint16)
    array[10:20, 5:30] = 0
    about = {
        "driver": "GTiff", "height": 60, "width": 50, "count": 4, "dtype": "uint16", "nodata": 0,
        "crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, 399960, 0, -10, 5000040),
    }  # fmt: skip
    (tmp_path / "in").mkdir()
    with rasterio.open(tmp_path / "in" / "s2.tif", "w", **about) as file:
        file.write(array.transpose(2, 0, 1))
    run(model, tmp_path / "in", tmp_path / "out")
    with rasterio.open(tmp_path / "in" / "s2.tif") as before, rasterio.open(tmp_path / "out" / "s2.tif") as after:
        assert (after.crs, after.transform, after.nodata) == (before.crs, before.transform, before.nodata)
        assert after.descriptions == BANDS.names
        assert np.array_equal(after.read(), before.read())
        assert np.array_equal(after.read_masks(), before.read_masks())


def test_elevation_becomes_a_picture_with_the_same_place(run, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    model = value_model(tmp_path / "m.safetensors", HEIGHTS, None)
    array = ramp(40, 40, 1, HEIGHTS)
    array[:10] = -9999
    about = {
        "driver": "GTiff", "height": 40, "width": 40, "count": 1, "dtype": "float32", "nodata": -9999,
        "crs": "EPSG:2056", "transform": rasterio.Affine(2, 0, 2600000, 0, -2, 1200000),
    }  # fmt: skip
    (tmp_path / "in").mkdir()
    with rasterio.open(tmp_path / "in" / "dem.tif", "w", **about) as file:
        file.write(array[..., 0], 1)
    run(model, tmp_path / "in", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "dem.tif") as file:
        assert (file.count, file.dtypes[0], file.crs, file.transform) == (3, "uint8", about["crs"], about["transform"])
        mask = file.dataset_mask()
    assert (mask[:10] == 0).all()
    assert (mask[10:] == 255).all()


def test_pictures_become_values(run, tmp_path):
    model = value_model(tmp_path / "m.safetensors", None, HEIGHTS)
    save(tmp_path / "in" / "a.png", photo())
    said = run(model, tmp_path / "in", tmp_path / "none", code=2)
    assert "failed: a.png: .png files hold" in said
    assert "not 1 of float32; .tif and .npy hold any numbers" in said
    save(tmp_path / "in" / "grey.png", photo()[..., 0])
    said = run(model, tmp_path / "in", tmp_path / "out", "--format", "tif", "--compare")
    assert "side by side" in said
    result = files.read(tmp_path / "out" / "a.tif")
    assert (result.array.dtype, result.array.shape[2]) == (np.float32, 1)
    np.testing.assert_allclose(result.array, translate.load(model)(tmp_path / "in" / "a.png"), atol=1e-3)


def test_values_beyond_the_range_are_cut_off_and_counted(run, same, tmp_path):
    model = same(HU, HU)
    array = np.full((9, 9, 1), 100, np.int16)
    array[0, :3] = 5000
    array[1, 0] = -2000
    write_npy(tmp_path / "in" / "x.npy", array)
    said = run(model, tmp_path / "in", tmp_path / "out")
    assert "1 of them: values outside -1024:3071 HU were cut off" in said
    [entry] = report(tmp_path / "out")["files"]
    assert entry["cut_off"] == 3
    result = np.load(tmp_path / "out" / "x.npy")
    assert (result[0, :3] == 3071).all()
    assert result[1, 0] == -2000, "no value stays no value"
    run(model, tmp_path / "in", tmp_path / "wide", "--range", "-1024:7166")
    assert "cut_off" not in report(tmp_path / "wide")["files"][0]


def test_a_bad_file_costs_only_itself(run, same, tmp_path):
    model = same(MR, MR)
    folder = tmp_path / "in"
    write_npy(folder / "good.npy", ramp(20, 20, 1, MR))
    write_npy(folder / "three.npy", np.zeros((20, 20, 3), np.uint16))
    write_npy(folder / "nan.npy", np.full((20, 20), np.nan, np.float32))
    (folder / "text.tif").write_text("not an image")
    (folder / "cut.npy").write_bytes((folder / "good.npy").read_bytes()[:300])
    (folder / "notes.txt").write_text("mine")
    said = run(model, folder, tmp_path / "out", code=3)
    assert "passed over, since no image's name ends so: 1 .txt" in said
    failed = {entry["file"]: entry["reason"] for entry in report(tmp_path / "out")["failed"]}
    assert failed["three.npy"] == "3 channels, where the model takes 1"
    assert "contains NaN or infinity" in failed["nan.npy"]
    assert "not an image" in failed["text.tif"]
    assert set(failed) == {"three.npy", "nan.npy", "text.tif", "cut.npy"}
    assert all(len(reason) < 150 and "\n" not in reason for reason in failed.values())
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".json"] == ["good.npy"]


def test_format_changes_the_kind(run, same, tmp_path):
    model = same(MR, MR)
    array = ramp(20, 20, 1, MR)
    write_npy(tmp_path / "in" / "x.npy", array)
    run(model, tmp_path / "in", tmp_path / "out", "--format", "tif")
    assert np.array_equal(files.read(tmp_path / "out" / "x.tif").array, array)
    run(model, tmp_path / "in" / "x.npy", tmp_path / "one.png")
    assert np.array_equal(files.read(tmp_path / "one.png").array, array)
    said = run(model, tmp_path / "in", tmp_path / "none", "--format", "jpg", code=2)
    assert ".jpg files hold" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--size", "20"], "--size is for pictures"),
        (["--alpha", "drop"], "--alpha is for pictures"),
        (["--norms", "most"], "--norms must be exact, sample or auto"),
    ],
)
def test_options_of_pictures_are_refused(run, same, tmp_path, words, says):
    write_npy(tmp_path / "in" / "x.npy", ramp(9, 9, 1, MR))
    assert says in run(same(MR, MR), tmp_path / "in", tmp_path / "out", *words, code=2)
    assert not (tmp_path / "out").exists()


def test_the_sheet_shows_the_range_as_black_to_white(run, same, tmp_path):
    from PIL import Image

    model = same(HU, HU)
    array = np.full((64, 64, 1), -1024, np.int16)
    array[:, 32:] = 3071
    write_npy(tmp_path / "in" / "x.npy", array)
    run(model, tmp_path / "in", tmp_path / "out", "--compare")
    sheet = np.asarray(Image.open(tmp_path / "out" / "compare.png").convert("L"))
    assert (sheet == 0).sum() >= 2 * 64 * 32
    assert (sheet == 255).sum() >= 2 * 64 * 32
