"""`translate evaluate` as a person uses it: runs, files, folders of anybody's outputs; numbers as in training."""

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import draw_folders, run_verb, tiny_model
from test_metrics_scorer import needs_extra

from translate.cli import main
from translate.errors import DAMAGED, USAGE
from translate.metrics import weights

SETS = ["generator.filters=4", "generator.depth=3", "generator.blocks=1", "discriminator.filters=4"]
SETS += ["discriminator.layers=1", "test_percent=25", "discriminator.network=patch"]
TRAIN = ["--size", 16, "--batch", 2, "--device", "cpu", *(word for text in SETS for word in ("--set", text))]


def train(monkeypatch, capsys, out: Path, pictures, *words, mode: str = "pix2pix") -> Path:
    command = ["train", "--mode", mode, "--a", pictures[0], "--b", pictures[1], *TRAIN, "--out", out, *words]
    code, _, problem = run_verb(monkeypatch, capsys, *command)
    assert code == 0, problem
    return out


@pytest.fixture
def light(monkeypatch):
    """Without the extra's networks: L1, PSNR, SSIM are quick."""
    monkeypatch.setattr(weights, "find_spec", lambda package: None)


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory) -> Path:
    """A run of a moment, scored by L1, PSNR and SSIM. It isn't written to."""
    out = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "find_spec", lambda package: None)
        words = ["translate", "train", "--mode", "pix2pix", "--a", *pictures[:1], "--b", *pictures[1:], *TRAIN]
        patch.setattr(sys, "argv", [str(word) for word in [*words, "--out", out, "--images", 16]])
        with pytest.raises(SystemExit) as leaving:
            main()
    assert not leaving.value.code
    return out


@pytest.fixture
def run(trained, light, tmp_path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def scores(folder: Path, direction: str = "a2b") -> dict[str, dict]:
    record = json.loads((folder / "evaluation.json").read_text())
    return {row["name"]: row for row in record["directions"][direction]["scores"]}


def last_of_training(run: Path) -> dict[str, float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {row["name"]: row["value"] for row in [line for line in lines if "scores" in line][-1]["scores"]}


def outputs_of(run: Path, verb, out: Path) -> Path:
    """A folder of another tool's outputs for the held-out images of a run: here, the run's own, kept and copied."""
    verb("evaluate", run, "--keep-images", "--out", out / "kept")
    return Path(shutil.copytree(out / "kept" / "a2b-images", out / "theirs"))


def test_the_scores_are_those_of_the_training(run, verb):
    verb("evaluate", run / "generator.safetensors")
    found = scores(run / "generator-evaluation")
    trained = last_of_training(run)
    assert {name: found[name]["value"] for name in trained} == trained
    for name in ("L1", "PSNR", "SSIM"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
        assert found[name]["nothing"]["value"] is not None
        assert found[name]["n"] == 8


def test_values_of_each_image_and_the_sheet(run, verb, pictures):
    said = verb("evaluate", run)
    rows = list(csv.DictReader((run / "evaluation" / "a2b.csv").open()))
    data = json.loads((run / "data.json").read_text())
    assert sorted(row["image"] for row in rows) == sorted(data["a"]["test"])
    assert np.mean([float(row["L1"]) for row in rows]) == pytest.approx(
        scores(run / "evaluation")["L1"]["value"], rel=1e-4
    )
    assert Image.open(run / "evaluation" / "a2b.png").width > 300
    assert "than doing nothing" in said or "from doing nothing" in said
    assert "run folder" not in verb("evaluate", run), "the same command again replaces it"


def test_both_directions_and_the_way_back(monkeypatch, capsys, verb, light, pictures, tmp_path):
    cycle = train(monkeypatch, capsys, tmp_path / "cycle", pictures, "--images", 8, mode="cycle")
    verb("evaluate", cycle)
    for way in ("a2b", "b2a"):
        found = scores(cycle / "evaluation", way)
        assert found["back-L1"]["value"] < 1
        assert found["back-PSNR"]["lower_is_better"] is False
    verb("evaluate", cycle, "--direction", "b2a", "--a", pictures[0], "--b", pictures[1], "--all", "--paired")
    record = json.loads((cycle / "evaluation" / "evaluation.json").read_text())
    assert list(record["directions"]) == ["b2a"]
    assert record["directions"]["b2a"]["n"] == 24
    assert not (cycle / "evaluation" / "a2b.csv").exists()
    assert {"L1", "PSNR"} <= set(scores(cycle / "evaluation", "b2a")), "pairs by name"


def test_dropout_shows_as_spread(monkeypatch, capsys, verb, light, pictures, tmp_path):
    words = ["--images", 8, "--set", "generator.dropout=true", "--set", "generator.network=resnet"]
    stochastic = train(monkeypatch, capsys, tmp_path / "run", pictures, *words)
    verb("evaluate", stochastic)
    assert scores(stochastic / "evaluation")["spread-dropout"]["value"] > 0


def test_anybodys_folder_is_scored_by_name_and_as_a_distribution(run, verb, tmp_path):
    theirs = outputs_of(run, verb, tmp_path)
    own = scores(tmp_path / "kept")
    verb("evaluate", theirs / "outputs", "--on", run, "--out", tmp_path / "on")
    on = scores(tmp_path / "on")
    verb(
        "evaluate", theirs / "outputs", "--truth", theirs / "truth", "--a", theirs / "inputs", "--out", tmp_path / "by"
    )
    by = scores(tmp_path / "by")
    for name in ("L1", "PSNR", "SSIM", "change"):
        assert on[name] == own[name]
        assert by[name]["value"] == pytest.approx(own[name]["value"], rel=1e-12)  # summed in another order
    said = verb("evaluate", theirs / "outputs", "--real", theirs / "truth", "--out", tmp_path / "real", "--unaligned")
    assert "KID-lite2 needs the weights" in said
    assert not {"L1", "PSNR"} & set(scores(tmp_path / "real"))


def test_what_does_not_fit_is_refused_by_name(run, verb, tmp_path):
    theirs = outputs_of(run, verb, tmp_path)
    outputs, truth = theirs / "outputs", theirs / "truth"
    first, second, *_ = sorted(path.name for path in outputs.iterdir())
    assert "by --truth FOLDER" in verb("evaluate", outputs, code=USAGE)
    assert "is a model, which --a and --b" in verb("evaluate", run, "--truth", truth, code=USAGE)
    assert "leave --a and --b out" in verb("evaluate", run, "--on", run, "--a", truth, code=USAGE)
    assert "is not a run folder" in verb("evaluate", outputs, "--on", truth, code=USAGE)
    Image.open(outputs / second).resize((8, 8)).save(outputs / second)
    said = verb("evaluate", outputs, "--truth", truth, code=USAGE)
    assert second in said
    assert "8 x 8 (height x width), but" in said
    assert f"outputs/{second} is 8 x 8" in verb("evaluate", outputs, "--on", run, code=USAGE)
    verb("evaluate", outputs, "--truth", truth, "--size", 16)
    (outputs / first).unlink()
    assert f"lacks 1 of the 8 images of the held-out set of {run}, such as {Path(first).stem}" in verb(
        "evaluate", outputs, "--on", run, code=USAGE
    )
    (truth / second).unlink()
    assert f"such as {Path(second).stem}" in verb("evaluate", outputs, "--truth", truth, code=USAGE)
    assert "--size 64y" in verb("evaluate", run, "--size", "64y", code=USAGE)


def test_a_folder_of_something_else_is_not_written_to(run, verb, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep")
    assert "holds notes.txt" in verb("evaluate", run, "--out", mine, code=USAGE)
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]
    (run / "evaluation").mkdir()
    (run / "evaluation" / "evaluation.json").write_text("{}")
    assert "is damaged, or not of" in verb("evaluate", run, code=DAMAGED)


def test_a_program_that_prints_a_number_is_a_score(run, verb, tmp_path):
    detector = tmp_path / "detector.py"
    detector.write_text(
        "import sys, pathlib\nfrom PIL import Image, ImageStat\nfiles = pathlib.Path(sys.argv[1]).glob('*.png')\n"
        "means = [ImageStat.Stat(Image.open(file).convert('L')).mean[0] for file in files]\n"
        "print('brightness', sum(means) / len(means))\n"
    )
    verb("evaluate", run, "--with", f"{sys.executable} {detector} {{outputs}} {{truth}}", "--keep-images")
    row = scores(run / "evaluation")["detector"]
    kept = run / "evaluation" / "a2b-images"
    for value, folder in ((row, "outputs"), (row["nothing"], "inputs"), (row["real"], "truth")):
        means = [np.asarray(Image.open(path).convert("L")).mean() for path in (kept / folder).iterdir()]
        assert value["value"] == pytest.approx(np.mean(means), rel=1e-3)
    assert (row["low"], row["lower_is_better"]) == (None, None)
    before = (run / "evaluation" / "evaluation.json").read_bytes()
    for command, problem in {
        f"{sys.executable} -c 'import sys; sys.exit(\"no det\")' {{outputs}}": "failed with exit code 1: no det",
        f"{sys.executable} -c 'print(\"nothing\")' {{outputs}}": "printed no number",
        "no-such-program {outputs}": "no-such-program can't be run",
        "detector": "say where the program gets the folder of outputs",
        "detector '{outputs}": "no closing quotation",
    }.items():
        assert problem in verb("evaluate", run, "--with", command, code=USAGE)
    assert (run / "evaluation" / "evaluation.json").read_bytes() == before, "nothing is written where a program fails"


def test_json_for_machines(run, monkeypatch, capsys):
    code, said, _ = run_verb(monkeypatch, capsys, "evaluate", run, "--json")
    assert code == 0
    record = json.loads(said)
    assert record["directions"]["a2b"]["protocol"]["images"]["truth"]["n"] == 8
    assert record["subject"]["settings"]["mode"] == "pix2pix"


def test_a_model_without_a_run_needs_to_be_told_its_images(verb, light, tmp_path, run):
    model = tiny_model(tmp_path / "m.safetensors", description={"mode": "pix2pix"})
    assert "give --a and --b, or --on RUN" in verb("evaluate", model, code=USAGE)
    verb("evaluate", model, "--on", run)
    assert scores(tmp_path / "m-evaluation")["L1"]["n"] == 8


def test_samples_of_a_gan(monkeypatch, capsys, verb, light, pictures, tmp_path):
    words = ["train", "--mode", "dcgan", "--a", pictures[1]]
    words += ["--size", "16", "--images", "8", "--batch", "4", "--device", "cpu"]
    words += ["--set", "generator.filters=4", "--set", "discriminator.filters=4", "--set", "test_percent=25"]
    verb(*words, "--out", tmp_path / "gan")
    verb("evaluate", tmp_path / "gan")
    row = scores(tmp_path / "gan" / "evaluation", "z2a")["spread-z"]
    assert row["value"] > 0
    assert row["real"]["value"] > 0


@pytest.mark.slow
@needs_extra
def test_with_the_networks_a_run_its_onnx_file_and_the_training_agree(monkeypatch, capsys, verb, tmp_path):
    pictures = draw_folders(tmp_path / "pictures", 40)
    run = train(monkeypatch, capsys, tmp_path / "run", pictures, "--images", 24)
    verb("export", run, "--to", "onnx", "--out", tmp_path / "m.onnx")
    verb("evaluate", run)
    verb("evaluate", tmp_path / "m.onnx", "--on", run)
    own, onnx = scores(run / "evaluation"), scores(tmp_path / "m-evaluation")
    best = json.loads((run / "evaluation" / "evaluation.json").read_text())["subject"]["images"]
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    (logged,) = [line["scores"] for line in lines if "scores" in line and line["images"] == best]
    assert {row["name"]: row["value"] for row in logged}.items() <= {n: r["value"] for n, r in own.items()}.items()
    assert set(own) == set(onnx) >= {"KID-lite2", "cosine-lite2", "ST-LPIPS", "precision-lite2", "recall-lite2", "SSIM"}
    for name, row in own.items():
        assert onnx[name]["value"] == pytest.approx(row["value"], rel=0.01, abs=1e-3), name
    assert own["KID-lite2"]["real"]["value"] < own["KID-lite2"]["nothing"]["value"]
    assert own["KID-lite2"]["low"] < own["KID-lite2"]["high"]
