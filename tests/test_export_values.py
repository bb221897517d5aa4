"""Exported models of measured values: the same numbers out of the same files, and what can't be exported is said."""

import subprocess
import sys

import numpy as np
import pytest
from small import ENVIRONMENT, run_verb
from value_models import HU, ramp, value_model

import translate
from translate.values.domain import DomainType

BANDS = DomainType(0, 10000, 13, "uint16", "", 0.0)
HEIGHTS = DomainType(-500, 9000, 1, "float32", "m", -9999.0)


def export(monkeypatch, capsys, *words) -> tuple[int, str]:
    code, out, err = run_verb(monkeypatch, capsys, "export", *words)
    return code, out + err


@pytest.mark.parametrize(("source", "target"), [(BANDS, HEIGHTS), (HU, HU)], ids=["bands", "hu"])
def test_an_onnx_file_gives_the_values_of_the_generator(tmp_path, monkeypatch, capsys, source, target):
    pytest.importorskip("onnxruntime")
    model = value_model(tmp_path / "m.safetensors", source, target, norm="instance")
    code, said = export(monkeypatch, capsys, model, "--to", "onnx", "--out", tmp_path / "m.onnx")
    assert code == 0, said
    ours, theirs = translate.load(model), translate.load(tmp_path / "m.onnx")
    assert (theirs.type_in, theirs.type_out) == (source, target)
    array = ramp(40, 37, source.channels, source)
    array[3:9, 5:20] = source.nodata
    np.testing.assert_allclose(
        theirs(array), ours(array), atol=1e-4 * (target.high - target.low) / 2 + (target.dtype == "int16")
    )
    assert (theirs(array)[3:9, 5:20] == target.nodata).all()
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "x.npy", array)
    for name in ("m.onnx", "m.safetensors"):
        code, out, err = run_verb(
            monkeypatch, capsys, "convert", tmp_path / name, tmp_path / "in", tmp_path / f"{name}-out"
        )
        assert code == 0, out + err
    results = [np.load(tmp_path / f"{name}-out" / "x.npy") for name in ("m.onnx", "m.safetensors")]
    np.testing.assert_allclose(
        results[0], results[1], atol=1e-4 * (target.high - target.low) / 2 + (target.dtype == "int16")
    )


WITHOUT_TORCH = """
import sys
from translate.cli import main


class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ImportError("there is no torch")


sys.meta_path.insert(0, NoTorch())
sys.argv = ["translate", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
def test_an_onnx_file_converts_values_without_torch(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    model = value_model(tmp_path / "m.safetensors", HU, HU)
    code, said = export(monkeypatch, capsys, model, "--to", "onnx", "--out", tmp_path / "m.onnx")
    assert code == 0, said
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "x.npy", ramp(20, 20, 1, HU))
    words = ["convert", tmp_path / "m.onnx", tmp_path / "in", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)], env=ENVIRONMENT, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert np.load(tmp_path / "out" / "x.npy").dtype == np.int16


def test_a_torch_program_says_its_values(tmp_path, monkeypatch, capsys):
    import json
    import zipfile

    model = value_model(tmp_path / "m.safetensors", HU, HEIGHTS)
    code, said = export(monkeypatch, capsys, model, "--to", "torch", "--out", tmp_path / "m.pt2")
    assert code == 0, said
    with zipfile.ZipFile(tmp_path / "m.pt2") as archive:
        [name] = [name for name in archive.namelist() if name.endswith("imgtranslate.json")]
        assert json.loads(archive.read(name))["values"] == {"a": HU.record(), "b": HEIGHTS.record()}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "web"], "13 to 1 channels, and a page shows 1 or 3"),
        (["--to", "junyanz"], "which --to junyanz can't hold"),
        (["--to", "onnx", "--io", "uint8"], "--io uint8 holds 8 bits"),
        (["--to", "onnx", "--quantize", "int8", "--calibration", "x"], "--quantize is for models of pictures"),
    ],
)
def test_what_holds_no_values_is_refused(tmp_path, monkeypatch, capsys, words, says):
    model = value_model(tmp_path / "m.safetensors", BANDS, HEIGHTS)
    code, said = export(monkeypatch, capsys, model, *words, "--out", tmp_path / "x")
    assert code == 2
    assert says in said
    assert not (tmp_path / "x").exists()
