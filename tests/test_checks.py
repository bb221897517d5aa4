"""One check for both doors: from Python the command line's sentences, and never a result of what can't be meant."""

import numpy as np
import pytest
import torch
from export_models import write_gan
from small import run_verb, tiny_model

import translate
from translate.errors import UserError
from translate.model.rules import Rules
from translate.system import hashed_tensors
from translate.system.device import choose

RULES = [
    ("alpha", "yes", "--alpha must be keep, drop or background, not 'yes'."),
    ("alpha", None, "--alpha must be"),
    ("grey", "no", "--grey must be auto, keep or colour, not 'no'."),
    ("size", 0, "--size must be the longer side"),
    ("size", True, "--size must be the longer side"),
    ("size", 64.0, "--size must be the longer side"),
    ("size", "64", "--size must be the longer side"),
    ("size", (64,), "--size must be the longer side"),
    ("size", (64, 0), "--size must be the longer side"),
    ("size", 65_501, "--size must be the longer side"),
    ("background", "white", "--background must be a colour"),
    ("background", (256, 0, 0), "--background must be a colour"),
    ("background", 0, "--background must be a colour"),
    ("tile", -5, "--tile must be an even number of at least 32, not -5."),
    ("tile", 33, "--tile must be an even number"),
    ("tile", 64.0, "--tile must be an even number"),
]
OPTIONS = [
    ("device", "gpu", "--device must be auto, cpu, cuda or mps, not 'gpu'."),
    ("device", "cuda:99", "--device cuda"),
    ("device", 5, "--device must be"),
    ("precision", "half", "--precision must be fp32, bf16 or fp16, not 'half'."),
    ("precision", None, "--precision must be"),
    ("stochastic", "yes", "--stochastic must be True or False"),
    ("direction", "A2B", "translates a2b only, not A2B"),
    ("direction", ["a2b"], "translates a2b only"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "m.safetensors")


@pytest.fixture(scope="module")
def t(model):
    return translate.load(model)


@pytest.mark.parametrize(("name", "value", "says"), RULES)
def test_rules_say_what_the_command_line_says(t, name, value, says):
    with pytest.raises(UserError) as caught:
        t(np.zeros((8, 8, 3), np.uint8), **{name: value})
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(("name", "value", "says"), OPTIONS)
def test_load_says_what_the_command_line_says(model, name, value, says):
    with pytest.raises(UserError) as caught:
        translate.load(model, **{name: value})
    assert says in str(caught.value)


def test_the_command_line_uses_the_same_sentences(model, tmp_path, monkeypatch, capsys, pictures):
    for option, value, says in (
        ("--alpha", "yes", RULES[0][2]), ("--grey", "no", RULES[2][2]), ("--tile", "-5", RULES[13][2]),
        ("--size", "0", "--size must be the longer side"), ("--background", "nope", "--background must be a colour"),
        ("--device", "gpu", OPTIONS[0][2]), ("--precision", "half", OPTIONS[3][2]),
    ):  # fmt: skip
        words = ["convert", model, pictures[0], tmp_path / "out", f"{option}={value}"]
        code, _, said = run_verb(monkeypatch, capsys, *words)
        assert (code, says in said) == (2, True), said


def test_numpy_numbers_and_lists_are_taken(t):
    rules = Rules(size=[np.int64(8), 9], background=np.array([1, 2, 3]).tolist(), tile=np.int32(64))
    assert rules == Rules(size=(8, 9), background=(1, 2, 3), tile=64)
    assert type(rules.tile) is int
    assert t(np.zeros((5, 6, 3), np.uint8), size=np.int64(12)).shape == (10, 12, 3)


def test_a_sampler_checks_its_device_and_a_torch_device_is_a_word(tmp_path):
    with pytest.raises(UserError, match="--device must be"):
        translate.load_sampler(write_gan(tmp_path / "g.safetensors"), device="gpu")
    assert choose(torch.device("cpu")) == choose("cpu:0") == "cpu"


def test_what_an_engine_can_not_do_is_a_user_error_in_python(tmp_path):
    weights, description = hashed_tensors.read(tiny_model(tmp_path / "m.safetensors"))
    name = min(key for key in weights if key.endswith("weight"))
    weights[name] = torch.full_like(weights[name], torch.nan)
    (tmp_path / "m.safetensors").write_bytes(hashed_tensors.dumps(weights, description))
    with pytest.raises(UserError, match="an image of 8 × 9 can't be translated: the network's output is not a number"):
        translate.load(tmp_path / "m.safetensors")(np.zeros((8, 9, 3), np.uint8))
