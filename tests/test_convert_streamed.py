"""Files of measured values that are larger than memory: translated in windows, as in one piece, in little memory."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from small import ENVIRONMENT
from test_convert import convert
from value_models import value_model

from translate.model import streaming
from translate.values import files
from translate.values.domain import DomainType
from translate.values.tiled import TiledWriter

MICROSCOPE = DomainType(0, 65535, 1, "uint16", "", 0.0)
FLOATS = DomainType(-1, 1, 2, "float32")


@pytest.fixture
def run(monkeypatch, capsys):
    return lambda *words, code=0: convert(monkeypatch, capsys, *words, code=code)


def slide(height: int, width: int) -> np.ndarray:
    """(H, W, 1) of uint16: structures on empty ground."""
    y, x = np.mgrid[:height, :width]
    values = (
        30000 + 20000 * np.sin(y / 11) * np.cos(x / 17) + np.random.default_rng(0).integers(0, 5000, (height, width))
    )
    values[(y // 64 + x // 64) % 3 == 0] = 0
    return values.astype(np.uint16)[..., None]


def write(path, array, tile=64) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
        return
    with TiledWriter(path, *array.shape, array.dtype, tile=tile) as writer:
        writer.put(array)


@pytest.mark.parametrize("suffix", ["tif", "npy"])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_streamed_is_as_in_one_piece(run, tmp_path, suffix, norm):
    model = value_model(tmp_path / "m.safetensors", MICROSCOPE, FLOATS, norm=norm, filters=8, blocks=2)
    write(tmp_path / "in" / f"x.{suffix}", slide(330, 270))
    run(model, tmp_path / "in", tmp_path / "whole")
    said = run(model, tmp_path / "in", tmp_path / "parts", "--tile", "64")
    assert "330 x 270 pixels in 30 tiles of 64" in said
    assert ("norms need a pass over 30 of them each" in said) == (norm == "instance")
    whole, parts = (files.read(tmp_path / out / f"x.{suffix}") for out in ("whole", "parts"))
    assert parts.array.shape == (330, 270, 2)
    assert np.isnan(whole.array).any()
    np.testing.assert_allclose(parts.array, whole.array, atol=5e-5)
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["report.json", f"x.{suffix}"]
    assert "1 unchanged" in run(model, tmp_path / "in", tmp_path / "parts", "--tile", "64")


def test_what_exceeds_the_limit_of_pixels_or_the_memory_is_streamed_by_itself(run, tmp_path, monkeypatch):
    model = value_model(tmp_path / "m.safetensors", MICROSCOPE, MICROSCOPE, norm="batch")
    array = slide(200, 300)
    write(tmp_path / "in" / "x.tif", array)
    run(model, tmp_path / "in", tmp_path / "whole")
    said = run(model, tmp_path / "in", tmp_path / "parts", "--max-pixels", "1000")
    assert "200 x 300 pixels in" in said
    whole, parts = (files.read(tmp_path / out / "x.tif").array for out in ("whole", "parts"))
    assert np.abs(whole.astype(int) - parts).max() <= 1
    assert ((parts == 0) == (array == 0)).all()
    np.savez(tmp_path / "in" / "y.npz", array)
    said = run(model, tmp_path / "in", tmp_path / "other", "--max-pixels", "1000", code=3)
    assert "more than the limit of 1,000" in said


def test_estimated_statistics_are_said(run, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "SAMPLED", 12)
    model = value_model(tmp_path / "m.safetensors", MICROSCOPE, MICROSCOPE, norm="instance")
    write(tmp_path / "in" / "x.tif", slide(400, 400))
    said = run(model, tmp_path / "in", tmp_path / "out", "--tile", "64", "--norms", "sample")
    assert "are estimated from 12 of 49 tiles; --norms exact finds them in" in said
    [entry] = json.loads((tmp_path / "out" / "report.json").read_text())["files"]
    assert any("estimated from 12 of 49 tiles" in note for note in entry["notes"])
    exact = run(model, tmp_path / "in", tmp_path / "exact", "--tile", "64", "--norms", "exact")
    assert "are estimated" not in exact


def test_a_kind_that_cannot_be_written_in_parts_is_said_before_the_work(run, tmp_path):
    model = value_model(tmp_path / "m.safetensors", MICROSCOPE, MICROSCOPE, norm="instance")
    write(tmp_path / "in" / "x.tif", slide(100, 100))
    said = run(model, tmp_path / "in", tmp_path / "out", "--tile", "32", "--format", "png", code=2)
    assert "x.tif: 100 x 100 pixels are written in parts, as .tif or .npy; --format tif does" in said
    assert "norms need" not in said


def test_values_are_counted_once(run, tmp_path):
    model = value_model(tmp_path / "m.safetensors", DomainType(0, 1000, 1, "uint16"), FLOATS, norm="instance")
    array = np.full((150, 150, 1), 500, np.uint16)
    array[60:70, 60:70] = 2000
    write(tmp_path / "in" / "x.tif", array)
    run(model, tmp_path / "in", tmp_path / "out", "--tile", "32")
    [entry] = json.loads((tmp_path / "out" / "report.json").read_text())["files"]
    assert entry["cut_off"] == 100


def test_a_value_that_is_none_fails_the_file_and_leaves_nothing(run, tmp_path):
    model = value_model(tmp_path / "m.safetensors", DomainType(0, 1, 1, "float32"), FLOATS, norm="batch")
    array = np.zeros((200, 200, 1), np.float32)
    array[150, 150] = np.nan
    write(tmp_path / "in" / "x.tif", array)
    said = run(model, tmp_path / "in", tmp_path / "out", "--tile", "32", code=2)
    assert "x.tif: contains NaN or infinity" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]


PEAK = """
import resource, sys
from translate.cli import main
sys.argv = ["translate", *sys.argv[1:]]
try:
    main()
finally:
    print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_large_file_needs_little_memory(tmp_path):
    """12,000 × 12,000 pixels of 16 bits: 288 MB in the file, over 40 GB in the network's layers."""
    model = value_model(tmp_path / "m.safetensors", MICROSCOPE, MICROSCOPE, network="light", norm="batch", filters=4)
    side = 12_000
    (tmp_path / "in").mkdir()
    block = np.tile(slide(512, 1200), (1, 10, 1))
    with TiledWriter(tmp_path / "in" / "x.tif", side, side, 1, np.uint16) as writer:
        for top in range(0, side, 512):
            writer.put(block[: min(512, side - top)])
    words = ["convert", str(model), str(tmp_path / "in"), str(tmp_path / "out"), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *words], env={**os.environ, **ENVIRONMENT}, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    peak = int(done.stdout.rsplit("PEAK", 1)[1]) * 1024
    assert peak < 2.5e9, f"{peak / 1e9:.2f} GB"  # 1.4 to 1.9 GB were seen, more where the disk is slow
    header = files.header(tmp_path / "out" / "x.tif")
    assert (header.height, header.width, header.dtype) == (side, side, "uint16")
