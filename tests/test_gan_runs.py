"""Images from noise through the command line: one tiny training per mode, with and without classes, and continued."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from small import run_verb

from translate.model.sampler import Sampler
from translate.modes import MODES

GANS = [mode for mode, cls in MODES.items() if cls.kind == "noise"]
SETS = ["generator.filters=4", "discriminator.filters=4", "latent=8", "score_images=2"]
WORDS = [
    *("train", "--size", "16", "--images", "20", "--batch", "2", "--device", "cpu", "--preset", "paper"),
    *(word for text in SETS for word in ("--set", text)),
]


@pytest.fixture
def train(monkeypatch, capsys, tmp_path):
    """translate train … --out RUN, which must succeed → what it said."""
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))

    def run(*words) -> str:
        code, said, problem = run_verb(monkeypatch, capsys, *WORDS, "--out", tmp_path / "run", *words)
        assert code == 0, problem
        return said

    return run


QUICK = ("dcgan", "wgan-gp")


@pytest.mark.parametrize(
    "mode", [mode if mode in QUICK else pytest.param(mode, marks=pytest.mark.slow) for mode in GANS]
)
def test_a_folder_of_pictures_becomes_a_generator(mode, train, pictures, tmp_path):
    said, run = train("--mode", mode, "--a", pictures[1]), tmp_path / "run"
    assert "Done: 20 images seen" in said
    assert f"translate sample {run}" in said
    names = {"config.toml", "data.json", "log.jsonl", "samples", "checkpoints", "generator.safetensors"}
    assert names | {"best.safetensors"} <= {path.name for path in run.iterdir()}
    assert min(Image.open(run / "samples" / "000000020.png").size) > 16
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    diagnostics = [name for line in lines for name in line.get("diagnostics", {}).get("D", {})]
    own = {name: {"distance"} for name in ("wgan", "wgan-gp", "progan")}
    own |= {"r3gan": {"accuracy"}, "began": {"error", "k", "balance"}}
    assert set(diagnostics) == own.get(mode, {"accuracy", "relative_loss"})
    sampler = Sampler.load(run / "generator.safetensors")
    assert (sampler.latent, sampler.classes, sampler.size, sampler.name) == (8, [], (16, 16), "filled")
    assert sampler.description["mode"] == mode
    made = sampler(sampler.latents(range(3)))
    assert (made.shape, made.dtype) == ((3, 16, 16, 3), np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", ["dcgan", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("vanilla", "wgan-gp"))]
)
def test_sub_folders_are_classes(mode, train, pictures, tmp_path):
    train("--mode", mode, "--a", pictures[1].parent, "--labels", "auto")
    sampler = Sampler.load(tmp_path / "run")
    assert sampler.classes == ["filled", "lines"]
    made = sampler(sampler.latents([1, 1]), [0, 1])
    assert not np.array_equal(made[0], made[1])


@pytest.mark.slow
def test_a_stopped_run_continues_to_the_same_file(train, pictures, tmp_path, monkeypatch):
    words = ("--mode", "wgan", "--a", pictures[1], "--set", "save_every=10", "--set", "keep=5")
    train(*words)
    run, kept = tmp_path / "run", tmp_path / "kept"
    shutil.move(run, kept)
    shutil.copytree(kept, run)
    for path in (run / "checkpoints").glob("*.safetensors"):
        if int(path.stem) > 10:
            path.unlink()
    torch.manual_seed(5)
    said = train(*words)
    assert "10 of 20 images seen" in said
    for name in ("checkpoints/000000020.safetensors", "generator.safetensors"):
        assert (run / name).read_bytes() == (kept / name).read_bytes()
    assert "is finished" in train(*words)


@pytest.mark.slow
def test_a_run_is_run_again_from_its_config_and_started_from_its_generator(
    train, pictures, tmp_path, monkeypatch, capsys
):
    train("--mode", "dcgan", "--a", pictures[1])
    run = tmp_path / "run"
    words = ["train", "--config", run / "config.toml", "--out", tmp_path / "again"]
    assert run_verb(monkeypatch, capsys, *words)[0] == 0
    newest = "checkpoints/000000020.safetensors"
    assert (tmp_path / "again" / newest).read_bytes() == (run / newest).read_bytes()
    start = [*(word for word in WORDS if word not in ("--size", "16")), "--mode", "dcgan", "--a", pictures[1]]
    start += ["--init-from", run / "generator.safetensors"]
    code, said, problem = run_verb(monkeypatch, capsys, *start, "--out", tmp_path / "more")
    assert code == 0, problem
    assert "G; new: D" in said
    code, _, problem = run_verb(monkeypatch, capsys, *start, "--size", "32", "--out", tmp_path / "other")
    assert code == 2
    assert "but the settings ask for" in problem
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_images_are_rounded_up_to_whole_rounds(train, pictures, tmp_path):
    """Five batches a round: 12 images become 20, so that D gets all its steps and batch norm no single image."""
    assert "Done: 20 images seen" in train("--mode", "wgan", "--a", pictures[1], "--images", "12")
