"""Warnings: each when its failure is there, not otherwise, and once while it lasts."""

import json
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from stateful import opened, settings
from torch import nn

from translate.metrics import Score
from translate.metrics.nearest import nearest
from translate.modes.base import diagnostics
from translate.modes.objectives import OBJECTIVES
from translate.train import beforehand, tracking
from translate.train.build import build_mode
from translate.train.diagnosis import MAX_GRADIENT_NORM, MIN_RELATIVE_LOSS, WINDOW, Diagnosis, Displacement, spread
from translate.train.previews import Samples
from translate.train.run import start

CLASSES = ["0", "1", "2"]


def solid(classes) -> np.ndarray:
    """Images whose colour is their class, with a little noise: uint8 (N, 4, 4, 3)."""
    noise = np.random.default_rng(len(classes)).integers(0, 60, (len(classes), 4, 4, 3))
    return (np.eye(3)[np.asarray(classes)][:, None, None] * 190 + noise).astype(np.uint8)


class FixedSamples(Samples):
    """Samples that are given instead of generated."""

    def __init__(self, samples: np.ndarray, classes: list[str], readable: bool = True):
        labels = np.arange(90) % 3
        random = np.random.default_rng(0)
        truth = labels[:30] if readable else random.permutation(labels[:30])
        self.held_out, self.samples, self.classes = solid(labels[:30]), samples, classes
        self.data = SimpleNamespace(
            classes=classes,
            train_a=[None] * 90,
            train_images=lambda domain, every=1: solid(labels)[::every],
            train_labels=lambda: labels,
            test_labels=lambda: truth,
        )


def diagnosis(samples=None, classes=(), readable=True) -> Diagnosis:
    players, roles = {"D": ["D"], "G": ["G"]}, {"discriminators": {"D"}, "generators": {"z2a": "G"}}
    mode = SimpleNamespace(players=players, networks={"G": nn.Linear(2, 1, bias=False)}, **roles)
    shown = FixedSamples(solid(np.arange(60) % 3) if samples is None else samples, list(classes), readable)
    return Diagnosis(SimpleNamespace(mode=mode), shown)


def of_samples(of: Diagnosis) -> list[str]:
    return of.of_samples(of.previews.samples)


def reports(of: Diagnosis, relative_losses, norm: float = 1.0) -> list[str]:
    """The warnings while G's weights change, with D's relative_losses (None: a critic) and gradient norm."""
    said = []
    for relative_loss in relative_losses:
        with torch.no_grad():
            of.trainer.mode.networks["G"].weight += 1
        diagnostics = {"distance": 1.0} if relative_loss is None else {"accuracy": 1.0, "relative_loss": relative_loss}
        said += of.of_players({"D": diagnostics}, {"D": norm, "G": 1.0})
    return said


def test_vanishing_gradients_are_reported_once():
    of = diagnosis()
    assert reports(of, [0.0] * (WINDOW - 1)) == []
    assert ["vanishing gradients" in said for said in reports(of, [0.0])] == [True]
    assert reports(of, [0.0] * 30) == []


def test_a_relative_loss_that_is_not_always_low_gives_no_warning():
    assert reports(diagnosis(), [0.0, 0.0, 0.0, MIN_RELATIVE_LOSS + 0.01] * 10) == []
    assert reports(diagnosis(), [None] * 40) == []  # a critic does not decide


def test_exploding_gradients_are_reported_by_player_and_once():
    (said,) = reports(diagnosis(), [0.5] * 30, norm=2 * MAX_GRADIENT_NORM)
    assert "exploding gradients: the norm of player D" in said
    assert reports(diagnosis(), [0.5] * 30, norm=MAX_GRADIENT_NORM / 2) == []
    of = diagnosis()
    for number in range(40):  # single peaks are usual
        assert reports(of, [0.5], norm=2 * MAX_GRADIENT_NORM if number % 5 == 0 else 1.0) == []


DECIDING = [name for name, objective in OBJECTIVES.items() if objective.boundary is not None]


@pytest.mark.parametrize("name", [name for name in DECIDING if not OBJECTIVES[name].divergence])
def test_relative_loss_is_1_for_an_undecided_d_and_0_for_a_perfect_one(name):
    objective = OBJECTIVES[name]
    undecided, real, fake = (torch.full((4, 1), value) for value in (objective.boundary, 40.0, -40.0))
    if name == "lsgan":
        real, fake = torch.ones(4, 1), torch.zeros(4, 1)
    assert diagnostics(objective, undecided, undecided)["relative_loss"].item() == pytest.approx(1)
    found = diagnostics(objective, real, fake)
    assert found["relative_loss"].item() == pytest.approx(0, abs=1e-6)
    assert found["accuracy"].item() == 1
    assert diagnostics(objective, real, real)["accuracy"].item() == 0.5


@pytest.mark.parametrize("name", [name for name in DECIDING if OBJECTIVES[name].divergence])
def test_a_divergence_is_0_for_an_undecided_d_and_grows_as_d_decides(name):
    objective = OBJECTIVES[name]
    undecided, real, fake = (objective.boundary + torch.full((4, 1), value) for value in (0.0, 0.5, -0.5))
    assert diagnostics(objective, undecided, undecided)["divergence"].item() == pytest.approx(0, abs=1e-6)
    found = diagnostics(objective, real, fake)
    assert found["divergence"].item() > 0.1
    assert found["accuracy"].item() == 1


def walk(places) -> list[float]:
    """The ratios of Displacement while a network of two weights is at these places."""
    network, displacement = nn.Linear(2, 1, bias=False), Displacement()
    found = []
    for place in places:
        with torch.no_grad():
            network.weight.copy_(torch.tensor([place]))
        found.append(displacement.ratio(network))
    return [ratio for ratio in found if ratio is not None]


def test_displacement_of_a_straight_line_and_of_a_circle():
    assert walk([(float(n), 2.0 * n) for n in range(2 * WINDOW + 1)]) == pytest.approx([1, 1])
    circle = [(math.cos(2 * math.pi * n / WINDOW), math.sin(2 * math.pi * n / WINDOW)) for n in range(2 * WINDOW + 1)]
    assert walk(circle) == pytest.approx([0, 0], abs=1e-6)


def test_oscillation_is_reported_once():
    def said(place) -> int:
        of, count = diagnosis(), 0
        for number in range(5 * WINDOW + 1):
            with torch.no_grad():  # `reports` adds 1
                of.trainer.mode.networks["G"].weight.copy_(torch.tensor([place(number)]) - 1)
            count += sum("undo each other" in text for text in reports(of, [0.5]))
        return count

    assert said(lambda n: (float(n % 2), 0.0)) == 1
    assert said(lambda n: (0.1 * n, 0.0)) == 0


def test_mode_collapse_is_reported_for_equal_samples():
    constant = diagnosis(np.full((60, 4, 4, 3), 90, np.uint8))
    assert ["mode collapse" in text for text in of_samples(constant)] == [True]
    assert of_samples(constant) == []
    assert of_samples(diagnosis()) == []


def test_dropped_classes_are_counted():
    classes = np.arange(60) % 3
    dropped = np.where(classes == 2, 0, classes)
    (said,) = of_samples(diagnosis(solid(dropped), CLASSES))
    assert "dropped modes: of 60 samples hardly any is 2 (0 instead of 20)" in said
    assert of_samples(diagnosis(solid(classes), CLASSES)) == []


def test_conditional_collapse_is_reported():
    (said,) = of_samples(diagnosis(solid((np.arange(60) + 1) % 3), CLASSES))
    assert "conditional collapse: 0 % of the samples" in said


def test_classes_that_cannot_be_classified_are_not_counted():
    assert of_samples(diagnosis(solid((np.arange(60) + 1) % 3), CLASSES, readable=False)) == []


def test_spread_and_nearest_are_what_they_say():
    rows = torch.rand(20, 5, dtype=torch.float64)
    pairs = [(a - b).square().sum() for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
    rooted = math.sqrt(sum(pairs) / len(pairs))
    assert spread(rows) == pytest.approx(rooted, rel=0.05)  # torch's variance without Bessel's correction
    pictures = solid(np.arange(20) % 3)
    assert nearest(pictures[[3, 7]], pictures)[0][:, 0].tolist() == [3, 7]


def test_warnings_reach_the_log_of_a_run(pictures, tmp_path, monkeypatch):
    """A learning rate that is absurdly high: the samples are all alike."""
    monkeypatch.setattr(tracking, "SHORT", 0)
    s = settings("vanilla", pictures, train={"images": 40, "lr": 30.0, "optimizer_d": "adam"}, data={"size": 16})
    s.train.score_every, s.discriminator.spectral_norm = 20, False
    start(s, tmp_path / "run", say=lambda *words: None)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    said = [line["text"] for line in lines if line.get("event") == "warning"]
    assert any("mode collapse" in text for text in said)


def run_warnings(mode, pictures, path, **changes) -> list[str]:
    """The warnings of a short training."""
    start(settings(mode, pictures, **changes), path, say=lambda *words: None)
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return [line["text"] for line in lines if line.get("event") == "warning"]


def test_a_short_training_is_not_warned_about_what_it_can_not_have_learned(pictures, tmp_path):
    assert run_warnings("vanilla", pictures, tmp_path / "run", train={"images": 16}) == []


def test_weights_that_do_not_change_are_reported_once():
    of = diagnosis()
    of.trainer.mode.networks["K"] = torch.nn.Identity()  # without weights there is nothing to report
    of.sums["K"] = []
    assert reports(of, [0.5] * (WINDOW + 2)) == []  # they change
    said = [sentence for _ in range(2 * WINDOW) for sentence in of.of_players({}, {})]
    assert said == ["G learns nothing: its weights have not changed in 10 reports. Check --lr, lr_d and the weights of "
                    "its losses."]  # fmt: skip


def test_advice_is_never_a_setting_that_is_on_already():
    of = diagnosis(np.full((60, 4, 4, 3), 9, np.uint8))
    of.trainer.mode.settings = SimpleNamespace(objective="wgan-gp", diffaugment=["color"], r1=1.0)
    (collapse,) = of_samples(of)
    assert collapse.endswith("Try a smaller lr_d.")
    of.trainer.mode.settings.objective = "gan"
    assert of._advice("r1=1", "a smaller --lr", "objective=wgan-gp") == "Try a smaller --lr, or objective=wgan-gp."


def test_a_paired_training_that_is_no_better_than_its_inputs_is_reported_once():
    of = diagnosis()
    assert of.of_pairs([Score("L1", 0.1, 9, 0.2, True)]) == []
    assert of.of_pairs([Score("SSIM", 0.9, 9, 0.8, False)]) == []
    assert of.of_pairs([]) == of.of_pairs([Score("L1", 0.1, 9, None, True)]) == []
    (worse,) = of.of_pairs([Score("L1", 0.3, 9, 0.2, True)])
    assert "no closer to the true images than the inputs are: L1 0.300 (n=9; doing nothing 0.200)" in worse
    assert of.of_pairs([Score("L1", 0.3, 9, 0.2, True)]) == []


def test_weights_of_zero_and_domains_without_content_are_said_before_the_first_step(pictures, tmp_path):
    def said(mode, folders, **zero) -> list[str]:
        s = settings(mode, folders, mode_settings=zero)
        return beforehand.warnings(build_mode(s), opened(s))

    blank = tmp_path / "blank"
    shutil.copytree(pictures[0], blank)
    for number, path in enumerate(sorted(blank.iterdir())):
        Image.new("RGB", (24, 24), (number, 0, 0)).save(path)
    shutil.copytree(blank, tmp_path / "copy")
    (l1,) = said("pix2pix", pictures, lambda_l1=0.0)
    assert l1.startswith("lambda_l1 is 0: only D compares")
    cycle, equal, *colour = said("cycle", (blank, tmp_path / "copy"), lambda_cycle=0.0)
    assert cycle.startswith("lambda_cycle is 0: nothing ties an output to its input")
    assert equal.startswith("both domains hold the same images")
    assert f"{blank} are of nearly one colour" in colour[0]
    assert said("cycle", pictures) == said("vanilla", pictures) == []
