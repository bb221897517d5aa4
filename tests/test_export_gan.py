"""A GAN's generator exported: latents in, images out, equal to the trained network at every batch."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from export_models import write_gan
from PIL import Image
from small import run_verb

import translate
from translate.errors import UserError
from translate.export import parity
from translate.export.graph import Source
from translate.export.onnx import checked, convert
from translate.export.run import Options, export
from translate.networks import LATENT

ROOT = Path(__file__).parents[1]
NAMES = ["one", "two", "three"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "digits.safetensors"
    return write_gan(path, network="mlp", filters=32, size=(28, 28), channels=1, latent=20)


@pytest.fixture(scope="module")
def classed(tmp_path_factory) -> Path:
    return write_gan(tmp_path_factory.mktemp("models") / "shapes.safetensors", classes=NAMES)


@pytest.fixture(scope="module")
def float_file(plain) -> Path:
    out = plain.with_suffix(".onnx")
    said = export(Options(str(plain), "onnx", out))
    assert said[0].endswith("z to shapes (z2a), float, fp32")
    assert said[2] == "  compared on 8 seeds at 28×28"
    return out


@pytest.fixture(scope="module")
def uint8_file(classed) -> Path:
    export(Options(str(classed), "onnx", classed.with_suffix(".onnx"), io="uint8"))
    return classed.with_suffix(".onnx")


def run(path: Path, *inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


def test_onnx_equals_torch_at_every_batch(plain, float_file):
    network = Source.load(plain, "z2a").network
    for batch in (1, 8, 67):
        z = torch.randn(batch, 20, generator=torch.Generator().manual_seed(batch))
        found = run(float_file, z.numpy())
        assert found.shape == (batch, 1, 28, 28)
        np.testing.assert_allclose(found, network(z).numpy(), rtol=0, atol=1e-4)


def test_uint8_files_give_the_samplers_pictures(classed, uint8_file):
    sampler = translate.load_sampler(classed)
    z, classes = sampler.latents(range(9)), np.arange(9) % 3
    found = run(uint8_file, z.numpy(), classes)
    assert (found.dtype, found.shape) == (np.uint8, (9, 16, 16, 3))
    assert np.abs(found.astype(int) - sampler(z, list(classes))).max() <= 1
    with pytest.raises(Exception, match="out of data bounds"):
        run(uint8_file, z.numpy(), np.full(9, 3))


def test_the_file_says_what_it_is(classed, uint8_file, float_file):
    for path, ports in (
        (uint8_file, {"latent": ["batch", 8], "class": ["batch"], "image": ["batch", 16, 16, 3]}),
        (float_file, {"latent": ["batch", 20], "image": ["batch", 1, 28, 28]}),
    ):
        proto = onnx.load(path)
        onnx.checker.check_model(proto, full_check=True)
        found = {port.name: port.type.tensor_type.shape.dim for port in (*proto.graph.input, *proto.graph.output)}
        assert {name: [dim.dim_param or dim.dim_value for dim in dims] for name, dims in found.items()} == ports
    said = json.loads(onnx.load(uint8_file).metadata_props[0].value)
    assert (said["latent"], said["classes"]) == (8, NAMES)
    assert said["onnx"]["source_sha256"] == Source.load(classed, "z2a").sha256
    difference = said["onnx"]["difference"]
    assert (difference["images"], difference["pictures"], difference["sizes"]) == (8, "seeds", [[16, 16]])
    assert difference["max"] <= 1


@pytest.mark.parametrize("network", LATENT)
def test_every_network_from_noise_can_be_exported(network, tmp_path):
    model = write_gan(tmp_path / "g.safetensors", network=network, classes=NAMES, embedding=4)
    export(Options(str(model), "onnx", out := tmp_path / "g.onnx"))
    z, classes = torch.randn(9, 8), torch.arange(9) % 3
    wanted = Source.load(model, "z2a").network(torch.cat([z, torch.eye(3)[classes]], 1))
    np.testing.assert_allclose(run(out, z.numpy(), classes.numpy()), wanted.numpy(), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_graph_of_other_weights_is_noticed(plain, tmp_path):
    """The comparison compares, and a file that is too far off is not kept."""
    other = Source.load(write_gan(tmp_path / "other.safetensors", latent=20, size=(28, 28), channels=1), "z2a")
    proto = convert(Source.load(plain, "z2a"), "float")
    with pytest.raises(UserError, match=r"differs too much .* 8 seeds\); nothing was written") as caught:
        checked(other, proto, "float", "fp32", (list(range(8)), "seeds"))
    assert caught.value.code == parity.INEXACT


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "torch"])
def test_half_precision_is_smaller_and_near(plain, classed, to, tmp_path):
    """Exporting compares: a mean beyond the tolerance would be exit code 6."""
    for model in (plain, classed):
        sizes = []
        for precision in ("fp32", "fp16"):
            out = tmp_path / f"{model.stem}-{precision}{'.onnx' if to == 'onnx' else '.pt2'}"
            said = export(Options(str(model), to, out, precision=precision))
            assert said[0].endswith(f"float, {precision}")
            sizes.append(out.stat().st_size)
        assert sizes[1] < sizes[0]


@pytest.mark.slow
def test_a_torch_program_needs_torch_alone(classed, tmp_path):
    out = tmp_path / "shapes.pt2"
    assert "at most 0, 0 on average" in export(Options(str(classed), "torch", out))[1]
    network, eye = Source.load(classed, "z2a").network, torch.eye(3)
    cases = []
    for batch in (1, 8):
        z, number = torch.randn(batch, 8), torch.arange(batch) % 3
        cases.append((z, number, network(torch.cat([z, eye[number]], 1))))
    torch.save(cases, tmp_path / "cases.pt")
    code = (
        "import sys, torch; sys.modules['translate'] = None\n"
        "run = torch.export.load('shapes.pt2').module()\n"
        "print(max(float((run(z, c) - y).abs().max()) for z, c, y in torch.load('cases.pt')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert float(done.stdout) < 1e-6, done.stderr


def test_wishes_that_mean_nothing_for_a_gan(plain, tmp_path, monkeypatch, pictures):
    monkeypatch.chdir(tmp_path)
    wrong = [
        ({"to": "onnx", "quantize": "int8", "calibration": pictures[0]}, "--quantize has no meaning for"),
        ({"to": "onnx", "images": pictures[0]}, "--images has no meaning for"),
        ({"to": "torch", "direction": "a2b"}, "--direction has no meaning for"),
        ({"to": "onnx", "direction": "z2a"}, "--direction has no meaning for"),
        ({"to": "junyanz"}, "makes images from random numbers, which --to junyanz can't hold; use --to onnx"),
        ({"to": "web", "direction": "a2b"}, "--direction has no meaning for"),
    ]
    for options, sentence in wrong:
        with pytest.raises(UserError, match=re.escape(sentence)):
            export(Options(str(plain), **options))
    assert not list(tmp_path.iterdir())
    model = translate.model.file.find("fluent_flat2shaded")
    with pytest.raises(UserError, match="makes none from random numbers"):
        export(Options(str(model), "onnx", direction="z2a"))


def test_a_file_that_translates_nothing_is_refused_as_one_that_does(
    uint8_file, tmp_path, monkeypatch, capsys, pictures
):
    sentence = "shapes.onnx makes images from random numbers, not from images; docs/sample.md says how."
    with pytest.raises(UserError, match=re.escape(sentence)):
        translate.load(uint8_file)
    for backend in ("auto", "onnx"):
        words = ["convert", uint8_file, pictures[0], tmp_path / "out", "--backend", backend, "--direction", "z2a"]
        code, _, said = run_verb(monkeypatch, capsys, *words)
        assert (code, sentence in said) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_snippet_of_the_documentation_works(uint8_file, float_file, plain, tmp_path):
    """Exactly the lines of docs/sample.md, in a process of their own, without torch and without this toolkit."""
    text = (ROOT / "docs" / "sample.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(import numpy.*?)```", text, re.DOTALL)
    blocked = "import sys\nfor name in ('torch', 'translate', 'onnx'): sys.modules[name] = None\n"
    grey = tmp_path / "grey.onnx"
    export(Options(str(plain), "onnx", grey, io="uint8"))
    for path, shape in ((uint8_file, (16, 16, 3)), (grey, (28, 28))):
        folder = tmp_path / path.stem
        folder.mkdir()
        (folder / "model.onnx").write_bytes(path.read_bytes())
        done = subprocess.run([sys.executable, "-c", blocked + snippet], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        pictures = [np.asarray(Image.open(folder / f"{number}.png")) for number in range(8)]
        assert {picture.shape for picture in pictures} == {shape}
        assert len({picture.tobytes() for picture in pictures}) == 8
