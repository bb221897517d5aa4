"""`translate compare`: equal runs are equal, a half-trained one is told apart, other data is refused by name."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps
from small import draw_folders
from test_evaluate import light, run, train, trained  # noqa: F401  (fixtures)
from test_metrics_scorer import needs_extra

from translate.compare.gather import Evaluated, Group, grouped
from translate.compare.words import sentence
from translate.errors import DAMAGED, USAGE
from translate.metrics.intervals import Estimate, of_kid, of_mean


def words(score: str, one: torch.Tensor, other: torch.Tensor) -> str:
    return sentence(score, Group("A", []), Group("B", []), of_mean(other) - of_mean(one), len(one))


def test_differences_in_words():
    random = torch.Generator().manual_seed(0)
    values, noise = (torch.rand(154, generator=random) for _ in range(2))
    assert words("L1", values, values) == "L1: A and B are equal."
    assert words("L1", values, values - 0.1 - 0.01 * noise).startswith("L1: B is better by 0.10")
    assert words("SSIM", values, values - 0.1 - 0.01 * noise).startswith("SSIM: A is better by 0.10")
    assert words("change", values, values + 0.2 + 0.01 * noise).startswith("change: B is higher by 0.20")
    said = words("ST-LPIPS", values, values + 0.3 * (noise - noise.mean()) + 0.005)
    assert said.startswith("ST-LPIPS: no difference can be told from 154 images (B minus A: 0.005 [-0.0")
    needed = int(said.split("some ")[1].split(" images")[0].replace(",", ""))
    assert needed == pytest.approx(((1.96 + 0.84) / 0.005) ** 2 * (0.09 / 12), rel=0.2)
    one = Estimate(3.0)
    assert sentence("detector", Group("A", []), Group("B", []), Estimate(4.5) - one, 9) == (
        "detector: B is higher by 1.500 (no interval)."
    )


def test_a_difference_of_kid_that_is_there_is_found_and_its_interval_reads_right():
    random = torch.Generator().manual_seed(1)
    real, made = (torch.rand(120, 16, generator=random) for _ in range(2))
    good, bad = of_kid(made + 0.02, real), of_kid(made + 0.3, real)
    said = sentence("KID-lite2", Group("A", []), Group("B", []), good - bad, 120)
    assert said.startswith("KID-lite2: B is better by 0.")
    value, low, high = (float(part.strip("[],.")) for part in said.split("better by ")[1].split())
    assert 0 < low < value < high


def test_trainings_that_differ_only_in_their_seed_are_grouped():
    def made(name: str, seed: int, lr: float = 0.1, file: str = "best.safetensors") -> Evaluated:
        settings = {"mode": "cycle", "seed": seed, "a": name, "train": {"lr": lr, "keep": seed + 2}}
        return Evaluated(name, {"subject": {"settings": settings, "file": file}}, {})

    def names(*evaluated: Evaluated) -> list[str]:
        return [group.name for group in grouped(list(evaluated))]

    assert names(made("x", 0), made("y", 1), made("z", 0, lr=0.2)) == ["x and 1 more seeds", "z"]
    assert names(made("x", 0), made("y", 1)) == ["x", "y"], "nothing would be left to compare"
    assert names(made("x", 0), made("y", 0), made("z", 0, lr=0.2)) == ["x", "y", "z"], "one seed twice"
    assert names(made("x", 0), made("y", 1, file="generator.safetensors")) == ["x", "y"]
    other = Evaluated("theirs", {"subject": {"settings": None}}, {})
    assert names(other, made("x", 0), made("y", 1)) == ["theirs", "x and 1 more seeds"]


def test_two_equal_runs_are_equal_and_evaluations_are_reused(run, verb, tmp_path):  # noqa: F811
    again = shutil.copytree(run, tmp_path / "again")
    said = verb("compare", run, again, "--out", tmp_path / "comparison")
    assert said.count("are equal.") == 4
    assert "is better" not in said
    assert f"{run}: evaluating" in said
    said = verb("compare", run, again / "evaluation", "--out", tmp_path / "comparison")
    assert f"{run}: taken from {run / 'evaluation'}" in said
    names = {path.name for path in (tmp_path / "comparison").iterdir()}
    assert names == {"comparison.json", "comparison.md", "a2b.png"}
    about = json.loads((tmp_path / "comparison" / "comparison.json").read_text())
    assert {row["value"] for row in about["directions"]["a2b"]["differences"]} == {0}
    table = (tmp_path / "comparison" / "comparison.md").read_text().splitlines()
    assert table[0] == "| score | better | run | again | doing nothing |"


def test_another_tools_folder_beside_a_run(run, verb, tmp_path):  # noqa: F811
    verb("evaluate", run, "--keep-images")
    theirs = shutil.copytree(run / "evaluation" / "a2b-images" / "truth", tmp_path / "theirs")
    said = verb("compare", run, theirs, "--out", tmp_path / "comparison")
    assert "- L1: theirs is better by" in said
    assert "- PSNR: theirs is better by" in said


def test_what_can_not_be_compared_is_refused_by_name(run, verb, tmp_path):  # noqa: F811
    verb("evaluate", run)
    for number, (options, reason) in enumerate(
        {
            ("--limit", 5): "they were scored on 8 and 5 images",
            ("--size", 32): "they were scored with other truth (8 of 16 x 16",
        }.items()
    ):
        verb("evaluate", run, *options, "--out", tmp_path / str(number))
        said = verb("compare", run, tmp_path / str(number), "--out", tmp_path / "comparison", code=USAGE)
        assert f"run and {number} can't be compared (a2b): {reason}" in said
    assert not (tmp_path / "comparison").exists()
    assert "give two or more" in verb("compare", run, code=USAGE)
    (tmp_path / "0" / "a2b.safetensors").write_bytes(b"damaged")
    assert "evaluate again" in verb("compare", run, tmp_path / "0", "--out", tmp_path / "comparison", code=DAMAGED)


@pytest.mark.slow
def test_runs_that_differ_in_their_seed_are_pooled(monkeypatch, capsys, verb, light, pictures, tmp_path):  # noqa: F811
    for name, options in {"a0": ["--seed", 0], "a1": ["--seed", 1], "b": ["--images", 48]}.items():
        train(monkeypatch, capsys, tmp_path / name, pictures, "--images", 16, *options)
    said = verb("compare", tmp_path / "b", tmp_path / "a0", tmp_path / "a1", "--out", tmp_path / "comparison")
    assert "| b | a0 and 1 more seeds |" in said
    about = json.loads((tmp_path / "comparison" / "comparison.json").read_text())
    values = [
        json.loads((tmp_path / name / "evaluation" / "evaluation.json").read_text())["directions"]["a2b"]["scores"][0]
        for name in ("a0", "a1")
    ]
    pooled = about["directions"]["a2b"]["scores"]["a0 and 1 more seeds"][values[0]["name"]]
    assert pooled["value"] == pytest.approx((values[0]["value"] + values[1]["value"]) / 2)
    said = verb("compare", tmp_path / "a0", tmp_path / "a1", "--out", tmp_path / "comparison")
    assert "| a0 | a1 |" in said, "nothing to compare them with: not pooled"


@pytest.mark.slow
@needs_extra
def test_a_run_and_its_half_trained_state_are_told_apart(monkeypatch, capsys, verb, tmp_path):
    """What is to be learnt is to invert the colours, which 900 images are enough for."""
    _, filled = draw_folders(tmp_path / "pictures", 120)
    inverted = tmp_path / "pictures" / "inverted"
    inverted.mkdir()
    for path in filled.iterdir():
        ImageOps.invert(Image.open(path)).save(inverted / path.name)
    words = ["--set", "generator.filters=8", "--set", "discriminator.filters=8", "--lr", 0.002]
    for name, images in {"half": 40, "whole": 900}.items():
        train(monkeypatch, capsys, tmp_path / name, (filled, inverted), *words, "--images", images)
    said = verb("compare", tmp_path / "half", tmp_path / "whole", "--out", tmp_path / "comparison")
    for score in ("ST-LPIPS", "KID-lite2", "L1"):
        assert f"- {score}: whole is better by" in said
    assert Path(tmp_path / "comparison" / "a2b.png").stat().st_size > 1000
