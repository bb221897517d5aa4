"""The benchmarks count and compare right, and one runs from the command line to its JSON file."""

import argparse
import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import harness
import limits
import table
import train
from cases import CASES, LeftOut, settings_of, variant_sets


def test_a_spread_is_the_median_and_the_middle_half():
    assert harness.spread([9, 1, 5, 3, 7]) == {"median": 5, "q1": 3, "q3": 7, "n": 5}
    assert harness.spread([4.0]) == {"median": 4, "q1": 4, "q3": 4, "n": 1}


def test_ratios_are_of_the_same_round_not_of_medians():
    # Each round ours is twice as fast, while the machine is ten times as slow in the first one.
    times = {"ours": [10.0, 1.0, 2.0], "theirs": [20.0, 2.0, 4.0]}
    assert harness.faster(times, "ours", "theirs") == {"median": 2, "q1": 2, "q3": 2, "n": 3}
    # The medians' ratio would be 1 here, though ours was slower in two of three rounds.
    times = {"ours": [3.0, 2.0, 4.0], "theirs": [1.0, 3.0, 3.0]}
    assert harness.faster(times, "ours", "theirs")["median"] == pytest.approx(0.75)


def test_contenders_alternate_and_warm_rounds_do_not_count():
    played, clock = [], iter(range(100))

    def contender(name):
        def play() -> float:
            played.append(name)
            return next(clock)

        return play

    times = harness.alternate({name: contender(name) for name in "ab"}, rounds=2, warm=1)
    assert "".join(played) == "abbaab"  # each is the first in turn
    assert times == {"a": [3, 4], "b": [2, 5]}


def test_flops_of_a_convolution_are_those_of_the_formula():
    convolution, x = torch.nn.Conv2d(3, 8, 4, 2, 1), torch.rand(2, 3, 16, 16)
    forward = 2 * 2 * 8 * (8 * 8) * 3 * 4 * 4  # 2 a product and sum: batch, maps, places, and what each one sees
    assert limits.count(lambda: convolution(x))[0] == forward
    assert limits.count(lambda: convolution(x).sum().backward())[0] == 2 * forward  # weights; x wants no gradient


def test_traffic_is_what_operators_read_and_write():
    a, b = torch.rand(10, 100), torch.rand(10, 100)
    assert limits.count(lambda: a + b)[1] == 3 * 4000
    assert limits.count(lambda: a.t().contiguous().view(-1)[:5])[1] == 2 * 4000  # the copy alone; no view
    assert limits.count(lambda: torch.empty(1000))[1] == 0


def test_each_variant_differs_from_plain_in_one_setting():
    def chosen(variant):
        sets = variant_sets(variant, CASES["small"], 4, "cpu", "fp32", [])
        return settings_of(CASES["small"], 4, "cpu", sets).train.model_dump()

    plain = chosen("plain")
    for variant in ("+channels_last", "+fuse_passes", "+compile", "+bf16"):
        changed = {name for name, value in chosen(variant).items() if value != plain[name]}
        assert changed == {variant[1:] if variant != "+bf16" else "precision"}
    with pytest.raises(LeftOut, match="cuda"):
        chosen("+graphs")


@pytest.mark.slow  # three processes import torch
def test_a_training_benchmark_tells_all_a_reader_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "REGION", 0.01)
    monkeypatch.setattr(limits, "ROUNDS", 2)
    monkeypatch.setitem(limits.SIDES, "cpu", (64,))
    monkeypatch.setitem(limits.COPIED, "cpu", 1 << 16)
    small = [f"--set={part}.filters=4" for part in ("generator", "discriminator")]
    words = ["small", "--batch", "2", "--variants", "+channels_last", "+graphs", "--rounds", "3", "--warm", "0"]
    words += ["--device", "cpu", *small, "--set", "size=16", "--json", str(tmp_path / "found.json")]
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "train.py"), *words])
    train.main()

    found, printed = json.loads((tmp_path / "found.json").read_text(encoding="utf-8")), capsys.readouterr().out
    assert {"date", "commit", "changed_files", "torch", "device", "processor", "threads", "load", "environment"} <= set(
        found["machine"]
    )
    assert str(tmp_path) not in json.dumps(found)  # no folder of the machine
    [case] = found["cases"]
    assert set(case["contenders"]) == {"plain", "+channels_last"}
    for contender in case["contenders"].values():
        images = [2 * case["steps_timed_together"] / seconds for seconds in contender["seconds"]]
        assert contender["images_per_second"]["median"] == pytest.approx(sorted(images)[1])
        assert contender["memory"]["bytes"] > 0
        rate = contender["images_per_second"]["median"] * case["demand"]["fp32"]["flops"]
        assert contender["of_matrix_rate"] == pytest.approx(rate / found["limits"]["flops"]["fp32"]["median"])
    [ratio] = case["ratios"]
    pairs = zip(*(case["contenders"][name]["seconds"] for name in ("plain", "+channels_last")), strict=True)
    assert ratio["median"] == pytest.approx(sorted(plain / other for plain, other in pairs)[1])
    assert "cuda" in case["left_out"]["+graphs"]  # told, not left out in silence
    assert "| CycleGAN" in printed
    assert "Not measured: CycleGAN, ResNet-6 of 16 filters, 64 px, batch 2, +graphs" in printed


def test_the_table_divides_its_hours_and_gives_every_mode_its_length(tmp_path):
    chosen = {"hours": 2.0, "jobs": 2, "seeds": 3, "modes": ["pix2pix", "cycle"], "pairs": ["fluent_flat-fluent_3d"]}
    made = table.Table(tmp_path, argparse.Namespace(**chosen, limit=500, reference=None), [])
    assert len(made.jobs) == 2 * 2 * 3
    for mode, speed in (("pix2pix", 40.0), ("cycle", 8.0)):
        made.remember(f"speed fluent_flat-fluent_3d {mode}", speed)
    made.plan()
    # cycle is the slower one, so its training at equal images is that at equal seconds; pix2pix takes a fifth for it
    assert made.seconds == round((2 * 3600 * 2 - 9 * table.BESIDE) / (3 * (1 + 1 + 0.2)))
    lengths = {(job.mode, job.equal): made.images(job) for job in made.jobs}
    assert lengths["pix2pix", "seconds"] == 5 * lengths["cycle", "seconds"]
    assert lengths["pix2pix", "images"] == lengths["cycle", "images"] == lengths["cycle", "seconds"]
    again = table.Table(tmp_path, argparse.Namespace(**{**chosen, "hours": 3.0}, limit=500, reference=None), [])
    again.plan()
    assert again.seconds == made.seconds, "what was begun goes on as it was begun"
    assert set(again.modes) <= set(table.TRANSLATING)
    with pytest.raises(SystemExit, match="give more --hours"):
        table.Table(tmp_path, argparse.Namespace(**{**chosen, "hours": 0.05}, limit=500, reference=None), []).plan()
