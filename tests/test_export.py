"""Exported files: run by onnxruntime, or torch alone, they give what the trained network gives, at any size."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from export_models import ONE, SIZES, pixels, write_model
from PIL import Image

from translate.errors import UserError
from translate.export import parity
from translate.export.graph import Source
from translate.export.onnx import checked, convert
from translate.export.probes import choose, drawn
from translate.export.run import Options, export
from translate.model.onnx_engine import OnnxEngine
from translate.model.torch_engine import TorchEngine, to_input

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A light generator in both directions."""
    path = tmp_path_factory.mktemp("models") / "lines.safetensors"
    return write_model(path, network="light", norm="group", upsampling="resize", directions=("a2b", "b2a"))


@pytest.fixture(scope="session")
def proto(model):
    return convert(Source.load(model, "a2b"), "float")


@pytest.fixture(scope="session")
def float_file(model, proto, tmp_path_factory) -> Path:
    path, source = tmp_path_factory.mktemp("float") / "lines.onnx", Source.load(model, "a2b")
    path.write_bytes(checked(source, proto, "float", "fp32", choose(source, str(model)))[0])
    return path


@pytest.fixture(scope="session")
def uint8_file(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("uint8") / "lines.onnx"
    export(Options(str(model), "onnx", path, io="uint8"))
    return path


def test_onnx_equals_torch_at_every_size_and_batch(model, float_file):
    mine, theirs = TorchEngine.load(model), OnnxEngine.load(float_file)
    for number, (height, width) in enumerate([ONE, *SIZES]):
        levels = pixels((1 + number % 2, height, width, 3), number).astype(np.float32) / 255
        np.testing.assert_allclose(theirs(levels), mine(levels), rtol=0, atol=1e-5)
    for kind, peak in (("uint8", 255), ("uint16", 65535)):
        levels = (pixels((1, 20, 30, 3)).astype(np.float64) / 255 * peak).astype(kind)
        found, wanted = theirs(levels), mine(levels)
        assert found.dtype == wanted.dtype == np.dtype(kind)
        assert np.abs(found.astype(int) - wanted).max() <= 1


@pytest.mark.slow
def test_uint8_files_give_the_translators_levels(model, uint8_file):
    mine, theirs = TorchEngine.load(model), OnnxEngine.load(uint8_file)
    for number, size in enumerate([ONE, *SIZES]):
        levels = pixels((2, *size, 3), number)
        assert np.abs(theirs(levels).astype(int) - mine(levels)).max() <= 1
    with pytest.raises(UserError, match=r"8-bit pictures only, not float32; --io float"):
        theirs(np.zeros((1, 4, 4, 3), np.float32))


def test_the_file_says_what_it_is(model, float_file):
    proto = onnx.load(float_file)
    onnx.checker.check_model(proto, full_check=True)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 18)]
    ports = [proto.graph.input[0], proto.graph.output[0]]
    assert [port.name for port in ports] == ["image", "translated"]
    for port in ports:
        dims = port.type.tensor_type.shape.dim
        assert [dim.dim_param or dim.dim_value for dim in dims] == ["batch", 3, "height", "width"]
    engine = OnnxEngine.load(float_file)
    said = engine.description
    assert list(said["directions"]) == ["a2b"]
    assert said["directions"]["a2b"]["from"] == "lines"
    assert said["onnx"]["source_sha256"] == Source.load(model, "a2b").sha256
    assert (said["onnx"]["io"], said["onnx"]["precision"], said["onnx"]["opset"]) == ("float", "fp32", 18)
    difference = said["onnx"]["difference"]
    assert difference["max"] < 1e-5
    assert difference["pictures"] == "drawn pictures"
    assert difference["images"] == 8
    assert [1, 1] in difference["sizes"]
    assert any(height % 2 and height > 32 for height, _ in difference["sizes"])


@pytest.mark.slow
def test_equal_generators_are_equal_files(model, float_file, tmp_path):
    export(Options(str(model), "onnx", tmp_path / "again.onnx"))
    assert (tmp_path / "again.onnx").read_bytes() == float_file.read_bytes()


@pytest.mark.slow
def test_files_tell_nothing_of_this_machine(model, float_file, program_file):
    with zipfile.ZipFile(program_file) as archive:
        contents = [float_file.read_bytes(), *(archive.read(name) for name in archive.namelist())]
    for known in (str(ROOT), str(model.parent), sys.prefix, "site-packages", "stack_trace"):
        assert not any(known.encode() in content for content in contents)


@pytest.fixture(scope="session")
def program_file(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("program") / "lines.pt2"
    assert "at most 0, 0 on average" in export(Options(str(model), "torch", path))[1]
    return path


@pytest.mark.slow
def test_a_torch_program_needs_torch_alone(model, program_file, tmp_path):
    """In a process that can't import this toolkit: the file is loaded and run at every size."""
    network = Source.load(model, "a2b").network
    inputs = [to_input(pixels((1 + n % 2, *size, 3), n)) for n, size in enumerate([ONE, *SIZES])]
    torch.save([(x, network(x)) for x in inputs], tmp_path / "cases.pt")
    code = (
        "import sys, torch; sys.modules['translate'] = None\n"
        "run = torch.export.load(sys.argv[1]).module()\n"
        "print(max(float((run(x) - y).abs().max()) for x, y in torch.load('cases.pt')))"
    )
    command = [sys.executable, "-c", code, str(program_file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert float(done.stdout) < 1e-6, done.stderr


def test_beyond_the_tolerance_nothing_is_written(model, proto):
    source = Source.load(model, "a2b")
    compared = drawn(source), "drawn pictures"
    with pytest.raises(UserError, match=r"differs too much from .*: max .* nothing was written") as caught:
        checked(source, proto, "float", "fp32", compared, tolerance=(0, 0))
    assert caught.value.code == parity.INEXACT == 6


def test_a_graph_of_other_weights_is_noticed(model, proto):
    """The comparison compares: a2b's graph does not pass for b2a's."""
    other = Source.load(model, "b2a")
    with pytest.raises(UserError, match="differs too much"):
        checked(other, proto, "float", "fp32", (drawn(other), "drawn pictures"))


def test_a_missing_package_is_one_sentence(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match="pip install onnx onnxscript onnxruntime"):
        export(Options(str(model), "onnx", tmp_path / "x.onnx"))


def test_pictures_of_one_colour_prove_nothing(model, proto, tmp_path):
    (tmp_path / "grey").mkdir()
    Image.new("RGB", (32, 32), "grey").save(tmp_path / "grey" / "x.png")
    source = Source.load(model, "a2b")
    with pytest.raises(UserError, match="pictures of grey have one colour each"):
        checked(source, proto, "float", "fp32", choose(source, str(model), tmp_path / "grey"))


def test_names_and_wrong_wishes(model, tmp_path, monkeypatch, pictures):
    monkeypatch.chdir(tmp_path)
    taken = tmp_path / "taken.onnx"
    taken.write_bytes(b"mine")
    wrong = [
        (Options(str(model), "tflite"), "--to tflite: it should be one of onnx, torch, junyanz, web"),
        (Options(str(model), "onnx", io="int16"), "--io int16: it should be float or uint8"),
        (Options(str(model), "web", io="uint8"), "--io has no meaning for --to web"),
        (Options(str(model), "junyanz", direction="a2b"), "--direction has no meaning for --to junyanz"),
        (Options(str(model), "onnx", quantize="int8"), "--calibration FOLDER go together"),
        (Options(str(model), "onnx", quantize="int8", calibration=pictures[0], precision="fp16"), "starts from fp32"),
        (Options(str(model), "onnx", taken), "exists already; choose another name"),
        (Options(str(model), "onnx", Path("x.bin")), "is called something.onnx"),
        (Options(str(model), "onnx", direction="b2c"), "translates a2b and b2a only, not b2c"),
        (Options(str(model), "onnx", images=tmp_path / "none"), "is not a folder"),
        (Options("nonesuch", "onnx"), "there is no model 'nonesuch'"),
    ]
    for options, sentence in wrong:
        with pytest.raises(UserError, match=re.escape(sentence)):
            export(options)
    assert taken.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [taken]
    assert Options(str(model), "onnx").target({"directions": {"a2b": 1, "b2a": 2}}) == Path("lines-a2b.onnx")
    assert Options("openmoji_line2color", "torch").target({"directions": {"a2b": 1}}) == Path("openmoji_line2color.pt2")
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    assert Options(str(run), "web", direction="b2a").target({"directions": {"a2b": 1, "b2a": 2}}) == Path(
        "mine-b2a-web"
    )


def test_a_runs_own_held_out_pictures_are_taken(tmp_path, pictures):
    """A run folder names its data and which of it was kept for testing; without its data, drawn pictures."""
    import json

    import tomli_w

    (tmp_path / "config.toml").write_text(
        tomli_w.dumps({"a": str(pictures[0]), "b": str(pictures[1]), "data": {"size": [16, 16]}})
    )
    keys = ["003", "017"]
    (tmp_path / "data.json").write_text(json.dumps({"a": {"test": keys}, "b": {"test": keys}, "paired": True}))
    source = Source.load(write_model(tmp_path / "best.safetensors"), "a2b")
    found, what = choose(source, str(tmp_path))
    assert what == "held-out pictures of lines"
    wanted = [
        np.asarray(Image.open(pictures[0] / f"{key}.png").resize((16, 16), Image.Resampling.BICUBIC)) for key in keys
    ]
    assert np.array_equal(found, wanted)
    (tmp_path / "data.json").unlink()
    assert choose(source, str(tmp_path))[1] == "drawn pictures (the run's own are not where they were)"


def test_the_snippet_of_the_documentation_works(uint8_file, model, tmp_path):
    """Exactly the lines of docs/export.md, in a process of their own, without torch and without this toolkit."""
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(import numpy.*?)```", text, re.DOTALL)
    assert len(snippet.splitlines()) <= 12
    (tmp_path / "model.onnx").write_bytes(uint8_file.read_bytes())
    picture = Image.fromarray(pixels((21, 34, 3)))
    picture.save(tmp_path / "picture.png")
    blocked = "import sys\nfor name in ('torch', 'translate', 'onnx'): sys.modules[name] = None\n"
    done = subprocess.run([sys.executable, "-c", blocked + snippet], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = TorchEngine.load(model)(np.array(picture)[None])[0]
    found = np.asarray(Image.open(tmp_path / "out.png"))
    assert found.shape == (21, 34, 3)
    assert np.abs(found.astype(int) - wanted).max() <= 1
