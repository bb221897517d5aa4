"""The toy counts modes as in its paper, and an experiment's figure and numbers are reproducible with its seed."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from small import run_verb

from translate.toy.experiments import EXPERIMENTS, Result, train
from translate.toy.mixtures import Count, grid, ring
from translate.toy.verdict import verdict

SHORT = ["--rounds", "20", "--objectives"]


@pytest.mark.parametrize(("mixture", "modes"), [(ring(), 8), (grid(), 25)], ids=["ring", "grid"])
def test_counting_by_hand(mixture, modes):
    assert mixture.centres.shape == (modes, 2)
    assert len(mixture.centres.unique(dim=0)) == modes
    assert mixture.measure(mixture.centres) == Count(modes, 1.0)
    beside = torch.tensor([[1.0, 0.0]])
    near, far = mixture.centres[:1] + 2.9 * mixture.sigma * beside, mixture.centres[:1] + 3.1 * mixture.sigma * beside
    assert mixture.measure(near.expand(10, 2)) == Count(1, 1.0)
    assert mixture.measure(far.expand(10, 2)) == Count(0, 0.0)
    assert mixture.measure(torch.cat([near, mixture.centres[1:2], far, far])) == Count(2, 0.5)


@pytest.mark.parametrize("mixture", [ring(), grid()], ids=["ring", "grid"])
def test_real_points_cover_all_and_lie_in_range(mixture):
    points = mixture.sample(5000, torch.Generator().manual_seed(0))
    count = mixture.measure(points)
    assert count.modes == len(mixture.centres)
    assert count.good == pytest.approx(1 - np.exp(-4.5), abs=0.005)  # 3 σ of two dimensions
    assert points.abs().max() < 1


@pytest.mark.slow
def test_a_run_writes_figure_and_numbers_and_repeats_itself(tmp_path, monkeypatch, capsys):
    out = tmp_path / "experiment"
    words = ["toy", *SHORT, "vanilla, wgan", "--out", out]
    code, said, _ = run_verb(monkeypatch, capsys, *words)
    assert code == 0
    for name in ("vanilla", "wgan"):
        assert name in said
    assert sorted(path.name for path in out.iterdir()) == ["toy.json", "toy.png"]
    width, height = Image.open(out / "toy.png").size
    assert width > 800
    assert height > 240
    numbers = json.loads((out / "toy.json").read_text())["objectives"]
    assert list(numbers) == ["vanilla", "wgan"]
    for each in numbers.values():
        assert len(each["modes over time"]) == len(each["good over time"]) == 20
        assert each["modes"] == each["modes over time"][-1]
    assert "distance over time" in numbers["wgan"]
    assert "accuracy over time" in numbers["vanilla"]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert run_verb(monkeypatch, capsys, *words)[0] == 0  # its own folder may be written again
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_trains(name):
    result = train(name, grid(), 0, 20)
    assert [points.shape for points in result.snapshots] == [(2500, 2)] * 5
    assert np.isfinite(result.snapshots[-1]).all()
    assert not np.array_equal(result.snapshots[0], result.snapshots[-1])


def test_numbers_depend_on_the_seed_and_on_nothing_trained_before():
    torch.manual_seed(5)
    first = train("vanilla", ring(), 1, 20)
    train("lsgan", ring(), 1, 20)
    again, other = train("vanilla", ring(), 1, 20), train("vanilla", ring(), 2, 20)
    assert all(np.array_equal(a, b) for a, b in zip(first.snapshots, again.snapshots, strict=True))
    assert first.diagnostics == again.diagnostics
    assert not np.array_equal(first.snapshots[-1], other.snapshots[-1])


def test_what_happened_is_read_off_the_numbers():
    def said(*modes: int, good: float = 0.9, accuracy: float = 0.6) -> str:
        return verdict(Result("x", 100, [Count(m, good) for m in modes], [{"accuracy": accuracy}], []), 8)

    assert said(2, 6, 8) == "covers all"
    assert said(5, 7) == "1 dropped mode"
    assert said(5, 6) == "2 dropped modes"
    assert said(1, 1) == "mode collapse"
    assert said(8, 8, good=0.01) == "no convergence"
    assert said(1, accuracy=1.0) == "mode collapse, vanishing gradients"
    assert said(8, 2, 8, 6, 8) == "covers all, modes came and went"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--objectives", "vanila"], "--objectives vanila: there is no objective 'vanila'; there are all, minimax, "),
        (["--objectives", ","], "no objective is named"),
        (["--data", "circle"], "--data must be ring or grid, not 'circle'."),
        (["--rounds", "3"], "--rounds must be at least 20, not 3."),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    code, _, said = run_verb(monkeypatch, capsys, "toy", *words, "--out", tmp_path / "out")
    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["notes.txt", "toy.png", "toy.json"])
def test_a_foreign_folder_is_left_alone(name, tmp_path, monkeypatch, capsys):
    (tmp_path / name).write_text("mine")
    code, _, said = run_verb(monkeypatch, capsys, "toy", *SHORT, "vanilla", "--out", tmp_path)
    assert code == 2
    assert "name another folder" in said
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.slow
def test_a_picture_that_was_changed_is_not_replaced(tmp_path, monkeypatch, capsys):
    words = ["toy", *SHORT, "vanilla", "--out", tmp_path / "out"]
    assert run_verb(monkeypatch, capsys, *words)[0] == 0
    (tmp_path / "out" / "toy.png").write_bytes(b"retouched")
    assert run_verb(monkeypatch, capsys, *words)[0] == 2
    assert (tmp_path / "out" / "toy.png").read_bytes() == b"retouched"
