"""Warnings of unpaired training: a blind D, an identity G, equal domains, lost colours; none where all is well."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from translate.metrics import Score, Scorer, scorer
from translate.metrics.distance import equality
from translate.train import tracking
from translate.train.options import Options
from translate.train.run import start
from translate.train.unpaired_diagnosis import BLIND, ENOUGH, UnpairedDiagnosis

N = 2 * ENOUGH


class Colours:
    """A network without weights whose features are the mean colour and the spread of an image."""

    name, sha256 = "lite2", "0" * 64

    def __init__(self, name, device="cpu"):
        pass

    def features(self, images):
        x = torch.from_numpy(np.ascontiguousarray(images)).float().flatten(1, 2) / 255
        return torch.cat([x.mean(1), x.std(1)], 1)

    def protocol(self):
        return {"network": "fake"}


@pytest.fixture(autouse=True)
def network(monkeypatch, cache):
    monkeypatch.setattr(scorer, "Lite", Colours)


def domain(seed: int, dark: float = 0.0, count: int = N, side: int = 16) -> np.ndarray:
    """Squares of random colours, darkened by so much: uint8 (N, side, side, 3)."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 1, 1, 3)) + random.integers(-20, 20, (count, side, side, 3))
    return ((1 - dark) * images.clip(0, 255)).astype(np.uint8)


def scored(inputs: np.ndarray, references: np.ndarray, outputs: np.ndarray) -> Scorer:
    made = Scorer(inputs, references, aligned=False, say=lambda text: None)
    made.score(outputs)
    return made


def said(inputs, references, outputs, accuracy: float = 0.8) -> list[str]:
    of = UnpairedDiagnosis()
    of.of_players({"D": {"accuracy": accuracy}})
    made = scored(inputs, references, outputs)
    first = of.of_translations(made, outputs)
    assert of.of_translations(made, outputs) == []  # once
    return first


def test_outputs_that_are_the_inputs_are_called_so_and_a_blind_d_is_named():
    inputs, references = domain(0), domain(1, dark=0.4)
    (blind,) = said(inputs, references, inputs, accuracy=BLIND - 0.05)
    assert "G is the identity" in blind
    assert "D is blind: its accuracy is 55 %" in blind
    assert "discriminator.network=projected" in blind
    (idle,) = said(inputs, references, inputs, accuracy=BLIND + 0.1)
    assert "G is the identity" in idle
    assert "blind" not in idle
    assert "lambda_cycle" in idle


def test_a_translation_that_comes_closer_is_not_warned_about():
    inputs, references = domain(0), domain(1, dark=0.4)
    assert said(inputs, references, (0.6 * inputs).astype(np.uint8), accuracy=0.5) == []
    assert said(inputs, references, (0.9 * inputs).astype(np.uint8), accuracy=0.5) == []  # a little closer


def test_outputs_further_away_than_the_inputs_are_said():
    (worse,) = said(domain(0), domain(1, dark=0.2), (0.3 * domain(0)).astype(np.uint8))
    assert "further from the domain" in worse


def test_collapsed_colours_are_said_but_not_of_grey_domains():
    inputs, references = domain(0, dark=0.7), domain(1)
    grey = np.repeat(domain(2, dark=0.1).mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    (faded,) = said(inputs, references, grey)
    assert "colours have collapsed" in faded
    assert said(inputs, grey, grey) == []


def test_equal_domains_are_said_before_training_and_the_identity_is_right_there():
    made = scored(domain(0), domain(1), domain(0))
    of = UnpairedDiagnosis()
    (equal,) = of.of_domains(made)
    assert "doing nothing is right" in equal
    assert of.of_translations(made, domain(0)) == []
    assert UnpairedDiagnosis().of_domains(scored(domain(0), domain(1, dark=0.1), domain(0))) == []


def test_of_few_images_nothing_is_concluded():
    few = domain(0, count=ENOUGH - 1)
    assert UnpairedDiagnosis().of_domains(scored(few, domain(1), few)) == []
    assert said(few, domain(1, dark=0.4), few) == []


def test_the_p_value_is_uniform_for_equal_and_small_for_different_distributions():
    random = torch.Generator().manual_seed(0)
    equal = [equality(*torch.randn(2, 30, 4, generator=random)) for _ in range(40)]
    assert 0.3 < np.mean(equal) < 0.7
    assert np.mean(np.array(equal) <= 0.05) < 0.2
    assert equality(torch.randn(30, 4, generator=random), torch.randn(50, 4, generator=random) + 1) < 0.01


def run(tmp_path, dark: float, *sets: str) -> list[str]:
    """The warnings of a short training, as log.jsonl has them."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        for i, image in enumerate(domain(number, dark * number, count=3 * ENOUGH)):
            Image.fromarray(image).save(folder / f"{i}.png")
    words = [
        "generator.filters=4",
        "blocks=1",
        "discriminator.filters=4",
        "discriminator.layers=1",
        "test_percent=40",
        *sets,
    ]
    words = [*words, "discriminator.network=patch", "score_every=50", "train.sample_every=100"]
    given = {"size": "16", "images": 100, "batch": 10, "device": "cpu"}
    start(Options("cycle", *map(str, folders), "cpu", None, words, None, given).settings(), tmp_path / "run", print)
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    return [line["text"] for line in map(json.loads, lines) if line.get("event") == "warning"]


def test_a_training_whose_d_is_not_trained_says_that_g_is_the_identity_and_d_is_blind(tmp_path, monkeypatch):
    """The learning rates are too small for either to move, as in the runs that gave rise to the warning."""
    monkeypatch.setattr(tracking, "SHORT", 0)
    warnings = run(tmp_path, 0.4, "train.lr=1e-9", "train.lr_d=1e-9", "generator.init_gain=1e-4")
    assert [text for text in warnings if "G is the identity" in text and "D is blind" in text], warnings


def test_a_training_on_one_domain_twice_says_so_first(tmp_path):
    warnings = run(tmp_path, 0.0, "lambda_cycle=0")
    assert "lambda_cycle is 0" in warnings[0]
    assert "the domains are equal" in warnings[1]
    assert not [text for text in warnings if "identity" in text]


def test_scores_have_the_features_of_what_was_scored_last():
    made = scored(domain(0), domain(1), domain(2))
    assert {name: len(x) for name, x in made.features.items()} == {"inputs": N, "references": N, "outputs": N}
    assert all(isinstance(one, Score) for one in made.score(domain(0)))
    assert torch.equal(made.features["inputs"], made.features["outputs"])
