"""CONTRIBUTING's table is true: what somebody adds in one file and one line is trained, continued, shown, used and
exported by the code as it is. Each thing is registered from outside, and driven through the command line."""

import json
import shutil
from pathlib import Path

import extensions
import numpy as np
import pytest
import torch
from data_files import photo
from games import batches, new_game, played
from PIL import Image
from small import run_verb, tiny_model, tiny_settings
from torch import nn

import translate
from translate.cli.names import names as names_in_source
from translate.modes import MODES
from translate.modes.objectives import OBJECTIVES
from translate.networks import (
    DISCRIMINATORS,
    GENERATORS,
    LATENT,
    DiscriminatorSettings,
    GeneratorSettings,
    build_discriminator,
    build_generator,
)
from translate.networks.growth import MinibatchDeviation
from translate.networks.layers import NORMS
from translate.networks.traits import is_per_sample
from translate.toy.experiments import EXPERIMENTS
from translate.train.presets import PRESETS
from translate.train.step.trainer import Trainer

SETS = [
    "generator.filters=4",
    "discriminator.filters=4",
    "generator.blocks=1",
    "score_images=2",
    "save_every=8",
    "keep=5",
]
SETS += ["score_every=16", "sample_every=16"]
TINY = {"filters": 4, "blocks": 1, "depth": 3}
WORDS = ["train", "--size", "16", "--images", "16", "--batch", "2", "--device", "cpu", "--preset", "paper"]


@pytest.fixture
def verb(monkeypatch, capsys, tmp_path):
    """translate WORDS in this process, which must end with `code` → (what it printed, its errors)."""
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))

    def run(*words, code: int = 0) -> tuple[str, str]:
        found, said, problem = run_verb(monkeypatch, capsys, *words)
        assert found == code, said + problem
        return said, problem

    return run


@pytest.fixture
def modes(monkeypatch):
    for name, mode in (("near", extensions.Near), ("drawn", extensions.Drawn)):
        monkeypatch.setitem(MODES, name, mode)
        monkeypatch.setitem(PRESETS["paper"], name, {})  # where a mode is in the source, this follows from MODES


@pytest.fixture
def generators(monkeypatch):
    monkeypatch.setitem(GENERATORS, "attending", extensions.Attending)
    monkeypatch.setitem(GENERATORS, "sharpening", extensions.Sharpening)


@pytest.fixture
def objectives(monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "absolute", extensions.ABSOLUTE)


def trained(verb, run: Path, *words) -> None:
    """A training to its end; one continued from the middle comes to the same files; its sheets and log are there."""
    sets = [word for text in SETS if not any(text in str(word) for word in words) for word in ("--set", text)]
    command = [*WORDS, *sets, *words, "--out"]
    verb(*command, run)
    again = run.with_name("again")
    shutil.copytree(run, again)
    (again / "checkpoints" / "000000016.safetensors").unlink()
    (again / "generator.safetensors").unlink()
    assert "8 of 16 images seen" in verb(*command, again)[0]
    for name in ("checkpoints/000000016.safetensors", "generator.safetensors"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name
    assert min(Image.open(run / "samples" / "000000016.png").size) > 16


def logged(run: Path, what: str) -> dict:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return next(line[what] for line in reversed(lines) if what in line)


def converted(verb, run: Path, pictures, *words) -> None:
    """A folder of pictures through the run's generator, each of its own size."""
    out = run.with_name("out")
    verb("convert", run, pictures[0], out, *words)
    made = sorted(out.glob("*.png"))
    assert len(made) == 24
    assert all(Image.open(path).size == (24, 24) for path in made)
    assert any(path.read_bytes() != (pictures[0] / path.name).read_bytes() for path in made)


def test_a_mode(verb, modes, pictures, tmp_path):
    run = tmp_path / "run"
    trained(verb, run, "--mode", "near", "--a", pictures[0], "--b", pictures[1], "--set", "near=2")
    assert set(logged(run, "losses")) == {"critic", "maker"}
    assert set(logged(run, "diagnostics")["critic"]) == {"accuracy", "relative_loss"}
    converted(verb, run, pictures)


@pytest.mark.slow
def test_a_mode_needs_no_preset_of_its_own(verb, modes, pictures, tmp_path):
    words = [word for word in WORDS if word not in ("--preset", "paper")]
    said, _ = verb(*words, "--mode", "near", "--a", pictures[0], "--b", pictures[1], "--dry-run")
    assert 'preset = "paper"' in said


@pytest.mark.slow
def test_a_mode_of_images_from_noise(verb, modes, pictures, tmp_path):
    run = tmp_path / "run"
    trained(verb, run, "--mode", "drawn", "--a", pictures[1], "--set", "latent=8")
    assert set(logged(run, "losses")) == {"critic", "maker"}
    verb("sample", run, "-n", "3", "--out", tmp_path / "samples")
    assert len(list((tmp_path / "samples").glob("*.png"))) == 4  # and the sheet


def test_threads_with_parts_of_a_batch_play_a_mode_that_they_do_not_know(modes):
    s = tiny_settings("near", {"train": {"images": 8, "ema": 0.0, "optimizer": "sgd", "lr": 0.01}})
    data = batches(4)
    whole = played(s, data)
    s.train.batch_threads = 2
    torch.testing.assert_close(played(s, data), whole, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_what_is_compiled_goes_by_roles_and_not_by_names(modes):
    s = tiny_settings("near", {"train": {"compile": True}, "mode_settings": {"r1": 1.0}})
    mode = new_game(s)
    Trainer(mode, s.train, 8)
    compiled = {name: net._compiled_call_impl is not None for name, net in mode.networks.items()}
    assert compiled == {"T": True, "C": False}  # C's second derivatives are needed


def test_a_generator(verb, generators, pictures, tmp_path):
    run = tmp_path / "run"
    domains = ("--a", pictures[0], "--b", pictures[1])
    trained(verb, run, "--mode", "cycle", *domains, "--set", "generator.network=attending", "--set", "batch_threads=2")
    converted(verb, run, pictures)
    # Each pixel depends on all others, so tiles would be wrong; that is said before anything is written.
    _, problem = verb("convert", run, pictures[0], tmp_path / "tiled", "--tile", "32", code=2)
    assert "the layer Attention of this model may depend on more than 8 pixels" in problem
    assert not (tmp_path / "tiled").exists()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "torch"])
@pytest.mark.parametrize("mode", ["near", "drawn"])
def test_what_is_added_is_exported(mode, to, verb, generators, modes, pictures, tmp_path):
    """A file for use without the package, which is compared with the network before it is written."""
    run, out = tmp_path / "run", tmp_path / ("generator.onnx" if to == "onnx" else "generator.pt2")
    words = ("--b", pictures[1], "--set", "generator.network=attending") if mode == "near" else ("--set", "latent=8")
    sets = [word for text in SETS for word in ("--set", text)]
    verb(*WORDS, *sets, "--mode", mode, "--a", pictures[0], *words, "--out", run)
    verb("export", run, "--to", to, "--out", out)
    assert out.stat().st_size > 1000


def test_a_layer_that_says_how_far_it_sees_is_tiled(generators, tmp_path):
    model = tiny_model(tmp_path / "m.safetensors", network="sharpening")
    t = translate.load(str(model))
    picture = photo(120, 90)
    assert np.abs(t(picture, tile=32).astype(int) - t(picture)).max() <= 1


def test_a_network_that_nobody_knows(verb, generators):
    said = verb(*WORDS, "--mode", "cycle", "--a", ".", "--b", ".", "--set", "generator.network=resnext", code=2)[1]
    assert "'generator.network' is 'resnext', but known networks are: resnet, unet, light, " in said
    assert "attending" in said


def test_a_layer_that_nobody_knows_is_not_per_sample():
    """So its network is played whole: slower, never wrong."""
    layers = [nn.Conv2d(3, 4, 3), extensions.BatchDeviation(), nn.Conv2d(5, 1, 3)]
    assert not is_per_sample(nn.Sequential(*layers))
    assert is_per_sample(nn.Sequential(layers[0], layers[2]))
    assert is_per_sample(extensions.Attending())
    # Also where a class takes a known layer's name, but not its forward pass.
    changed = type("Conv2d", (nn.Conv2d,), {"forward": lambda self, x: x - x.mean(0)})
    assert not is_per_sample(changed(3, 3, 1))


@pytest.mark.parametrize("norm", NORMS)
def test_which_networks_of_the_package_are_per_sample(norm):
    """All but those with batch norm, its deviation, dropout or spectral norm; nothing of the package is forgotten."""
    G = [build_generator(GeneratorSettings(network=name, norm=norm, **TINY), 3, 3, (16, 16)) for name in GENERATORS]
    G += [build_generator(GeneratorSettings(network=name, norm=norm, **TINY), 8, 3, (16, 16)) for name in LATENT]
    D = [DiscriminatorSettings(network=name, norm=norm, filters=4, layers=1) for name in DISCRIMINATORS]
    for network in [*G, *(build_discriminator(settings, 3, (16, 16)) for settings in D)]:
        mixes = any(isinstance(layer, (nn.BatchNorm2d, MinibatchDeviation)) for layer in network.modules())
        assert is_per_sample(network) == (not mixes), type(network).__name__
    assert not is_per_sample(build_generator(GeneratorSettings(network="unet", dropout=True, depth=6), 3, 3))
    spectral = DiscriminatorSettings(norm="none", filters=4, layers=1, spectral_norm=True)
    assert not is_per_sample(build_discriminator(spectral, 3))


@pytest.mark.parametrize("mode", [pytest.param("cycle", marks=pytest.mark.slow), "dcgan"])
def test_an_objective(mode, verb, objectives, pictures, tmp_path):
    noise, run = MODES[mode].kind == "noise", tmp_path / "run"
    words = ("--b", pictures[1], "--set", "generator.network=light") if not noise else ("--set", "latent=8")
    words = ("--mode", mode, "--a", pictures[0], *words, "--set", "objective=absolute")
    trained(verb, run, *words, "--set", "label_smoothing=0.1")
    assert set(logged(run, "diagnostics")["D"]) == {"accuracy", "relative_loss"}


def test_help_lists_what_the_dicts_hold():
    """It reads the names from the source, as importing the dicts would take seconds."""
    assert names_in_source("MODES") == tuple(MODES)
    assert names_in_source("PRESETS") == tuple(PRESETS)
    assert names_in_source("EXPERIMENTS") == tuple(EXPERIMENTS)
