"""Trainings on measured values from the command line: continued exactly, scored as converted, with their units."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from small import run_verb

SIDE = 16
WORDS = [
    "--size", SIDE, "--set", "data.load=1", "--set", "data.flip=0", "--set", "generator.filters=4", "--preset", "cpu",
    "--set", "discriminator.network=patch", "--set", "discriminator.filters=4", "--set", "train.report=false",
    "--set", "data.nodata_b=-9999", "--set", "data.range_b=-1024:1000", "--set", "data.unit_b=HU",
    "--set", "train.score_images=8", "--set", "train.batch=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Pairs of floats and of integers in HU, of which two rows have no value."""
    folder = tmp_path_factory.mktemp("scans")
    random = np.random.default_rng(0)
    for name in ("mr", "ct"):
        (folder / name).mkdir()
    for number in range(30):
        mr = random.random((SIDE, SIDE)).astype(np.float32) * 300
        ct = np.rint(mr * 3 - 500).astype(np.int16)
        ct[:2] = -9999
        np.save(folder / "mr" / f"{number:02d}.npy", mr)
        np.save(folder / "ct" / f"{number:02d}.npy", ct)
    return folder


def train(monkeypatch, capsys, scans, out, images, *more):
    code, said, err = run_verb(
        monkeypatch, capsys, "train", "--mode", "pix2pix", "--a", scans / "mr", "--b", scans / "ct", *WORDS,
        "--images", images, "--out", out, *more,
    )  # fmt: skip
    assert code == 0, said + err
    return said


def test_a_continued_training_ends_with_equal_bits(tmp_path, monkeypatch, capsys, scans):
    train(monkeypatch, capsys, scans, tmp_path / "whole", 24, "--set", "train.save_every=8")
    train(monkeypatch, capsys, scans, tmp_path / "parts", 24, "--set", "train.save_every=8")
    for newest in sorted((tmp_path / "parts" / "checkpoints").glob("*.safetensors"))[1:]:
        newest.unlink()  # as if it had been killed there
    (tmp_path / "parts" / "generator.safetensors").unlink()
    train(monkeypatch, capsys, scans, tmp_path / "parts", 24, "--set", "train.save_every=8")
    one, other = (load_file(tmp_path / name / "generator.safetensors") for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_error_that_is_printed_is_that_of_the_written_files(tmp_path, monkeypatch, capsys, scans):
    run = tmp_path / "run"
    said = train(monkeypatch, capsys, scans, run, 16)
    held_out = json.loads((run / "data.json").read_text())["a"]["test"]
    (tmp_path / "in").mkdir()
    for key in held_out:
        (tmp_path / "in" / f"{key}.npy").write_bytes((scans / "mr" / f"{key}.npy").read_bytes())
    code, out, err = run_verb(
        monkeypatch, capsys, "convert", run / "generator.safetensors", tmp_path / "in", tmp_path / "out"
    )
    assert code == 0, out + err
    errors = []
    for key in held_out:
        made, truth = np.load(tmp_path / "out" / f"{key}.npy"), np.load(scans / "ct" / f"{key}.npy")
        assert made.dtype == np.int16
        known = truth != -9999
        errors.append(np.abs(made.astype(float) - truth)[known].mean())
    code, out, err = run_verb(monkeypatch, capsys, "evaluate", run / "generator.safetensors", "--out", tmp_path / "e")
    assert code == 0, out + err
    rows = json.loads((tmp_path / "e" / "evaluation.json").read_text())["directions"]["a2b"]["scores"]
    mae = next(row["value"] for row in rows if row["name"] == "MAE (HU)")
    assert mae == pytest.approx(np.mean(errors), abs=1e-3)
    assert f"MAE (HU) {mae:.4g} (n={len(held_out)})" in said
