"""`translate report`: a file that holds what a run folder holds, whatever is in it, and never more than 3 MB."""

import hashlib
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from report_files import Read, images, write_run, write_sheet, written
from small import run_verb, tiny_settings

from translate.errors import UserError
from translate.image import sheet_file
from translate.report import page
from translate.report.album import spread_out
from translate.report.run import Options, report
from translate.settings import read_toml
from translate.train.folder import RunFolder
from translate.train.refresh import Refresh
from translate.train.run import start
from translate.train.settings import RunSettings, departures

UPLOT = "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"  # of npm's uplot 1.6.32


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory) -> Path:
    """A run of pix2pix in 8 steps with 4 sheets and 2 scorings, whose training wrote the report."""
    path = tmp_path_factory.mktemp("trained") / "run"
    start(training(pictures, True), path, say=lambda _: None)
    return path


def training(pictures, wanted: bool) -> RunSettings:
    train = {"images": 16, "sample_every": 4, "score_every": 8, "report": wanted}
    return tiny_settings("pix2pix", {"a": str(pictures[0]), "b": str(pictures[1]), "train": train})


def test_training_leaves_a_report_of_what_it_did(trained):
    read = Read(trained / "report.html")
    assert "finished" in read.text
    assert "pix2pix: lines → filled" in read.text
    assert {"Losses of D", "Losses of G", "D's accuracy", "Gradients"} <= read.charts().keys()
    assert read.charts()["Losses of G"]["series"][1]["x"][-1] == 16
    (grid,) = read.grids()
    assert [column["heading"] for column in grid["columns"]] == ["input", "output", "truth"]
    assert [seen for seen, _ in grid["columns"][1]["frames"]] == [4, 8, 12, 16]


def test_the_pictures_are_those_of_the_sheets(trained):
    read = Read(trained / "report.html")
    (grid,) = read.grids()
    parts = sheet_file.unpack(trained / "samples" / "000000008.png")
    for place, column in enumerate(grid["columns"]):
        np.testing.assert_array_equal(read.tiles(grid, dict(column["frames"])[8]), parts.tiles[:, place])


def test_the_scores_are_those_of_the_log_with_their_floor(trained):
    rows = [json.loads(line).get("scores") for line in (trained / "log.jsonl").read_text().splitlines()]
    newest = [row for row in rows if row][-1][0]
    text = Read(trained / "report.html").text
    assert newest["name"] in text
    assert f"{newest['doing_nothing']:.4f}" in text
    assert "doing nothing" in text


def test_the_best_and_the_worst_are_in_order(trained):
    (grid,) = Read(trained / "report.html").grids("extremes")
    values = [float(name.rpartition(" ")[2]) for name in grid["names"]]
    best, worst = (
        [value for value, own in zip(values, grid["kinds"], strict=True) if own == kind] for kind in ("best", "worst")
    )
    assert best == sorted(best)
    assert worst == sorted(worst, reverse=True)
    assert best[-1] <= worst[-1]
    assert grid["names"][0].split(" ")[0] in json.loads((trained / "data.json").read_text())["a"]["test"]


def test_a_report_that_cannot_be_written_does_not_end_the_training(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "report.html").mkdir()
    said = []
    refresh = Refresh(RunFolder(run), True, said.append)
    refresh(last=True)
    refresh(last=True)
    assert len(said) == 1
    assert "report.html can't be written" in said[0]
    assert (run / "report.html").is_dir()


def test_the_report_is_refreshed_as_often_as_its_share_of_the_time_allows(tmp_path):
    run = write_run(tmp_path / "run")
    refresh = Refresh(RunFolder(run), True, lambda _: None)
    refresh()
    assert not (run / "report.html").exists(), "nothing was trained yet"
    refresh.began -= 1000
    refresh()
    first = (run / "report.html").read_bytes()
    write_sheet(run / "samples" / "000000041.png", 9)
    refresh.spent = 10.0
    refresh()
    assert (run / "report.html").read_bytes() == first
    refresh.began -= 1000
    refresh()
    assert Read(run / "report.html").grids()[0]["columns"][1]["frames"][-1][0] == 41


def test_a_finished_run_whose_report_was_deleted_gets_it_again_if_it_is_wanted(trained, pictures, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    file = tmp_path / "run" / "report.html"
    file.unlink()
    for wanted in (False, True):
        start(training(pictures, wanted), tmp_path / "run", say=lambda _: None)
        assert file.exists() == wanted


def test_what_differs_from_the_paper(tmp_path):
    run = write_run(tmp_path / "run", train={"lr": 0.003, "sample_every": 7, "precision": "fp32"})
    found = departures(read_toml(run / "config.toml"))
    assert found["train.lr"] == (0.0002, 0.003)
    assert not {"train.sample_every", "train.precision", "train.device", "a", "seed"} & found.keys()
    assert "train.lr" in written(run).text


def test_warnings_are_on_the_curves_and_listed(tmp_path):
    read = written(write_run(tmp_path / "run"))
    assert read.data["marks"] == [{"x": 40, "label": "1"}]
    assert "D is too good." in read.text
    assert "1 warning" in read.text


def test_several_runs_are_compared(tmp_path):
    runs = [write_run(tmp_path / name, train={"lr": lr}) for name, lr in (("slow", 0.001), ("fast", 0.002))]
    read = written(*runs, out=tmp_path / "both.html")
    (grid,) = read.grids()  # the inputs are the same, so the outputs are side by side
    assert [column["heading"] for column in grid["columns"]] == ["input", "slow", "fast", "truth"]
    series = read.charts()["Loss of G: l1"]["series"]
    assert [one["runName"] for one in series] == ["slow", "fast"]
    differing = read.text.split("Settings that differ")[2]
    assert "train.lr" in differing.split("What was trained")[0]
    assert "train.batch" not in differing.split("What was trained")[0]


def test_runs_on_other_images_have_grids_of_their_own(tmp_path):
    one, two = write_run(tmp_path / "one"), write_run(tmp_path / "deep" / "one")
    for path in (two / "samples").iterdir():
        rows = [[a, b, c] for a, b, c in zip(images(7), images(8), images(9), strict=True)]
        path.write_bytes(sheet_file.pack(rows, headings=["input", "output", "truth"]))
    read = written(one, two, out=tmp_path / "both.html")
    assert [len(grid["columns"]) for grid in read.grids()] == [3, 3]
    assert "deep/one" in read.text  # equal names are told apart by their folders


@pytest.mark.parametrize(
    ("limit", "side", "sheets"),
    [(450_000, 64, 24), pytest.param(page.LARGEST, 256, 40, marks=pytest.mark.slow)],
    ids=["small", "3 MB"],
)
def test_a_report_is_below_its_limit_and_its_sheets_are_spread_evenly(limit, side, sheets, tmp_path, monkeypatch):
    monkeypatch.setattr("translate.report.run.LARGEST", limit)
    run = write_run(tmp_path / "run", sheets=0)
    for number in range(1, sheets + 1):
        write_sheet(run / "samples" / f"{number:09d}.png", number + 1, side)  # noise, which can't be packed
    path = report(Options([run]), departures, say=lambda _: None)
    assert 0.6 * limit < path.stat().st_size < limit
    shown = [seen for seen, _ in Read(path).grids()[0]["columns"][1]["frames"]]
    assert shown[0] == 1
    assert shown[-1] == sheets
    assert 5 <= len(shown) < sheets
    assert max(b - a for a, b in itertools.pairwise(shown)) <= 4


def test_wherever_it_is_cut_the_order_is_spread_evenly():
    assert spread_out([*range(9)]) == [8, 0, 4, 2, 6, 1, 3, 5, 7]
    for count in range(1, 30):
        assert sorted(spread_out([*range(count)])) == [*range(count)]


def test_wrong_names_get_one_sentence(monkeypatch, capsys, tmp_path):
    run = write_run(tmp_path / "run")
    (tmp_path / "mine.html").write_text("<p>my page")
    cases = {
        (tmp_path / "none",): "does not exist",
        (tmp_path,): "is not a run folder",
        (run, run): "is named twice",
        (run, "--out", tmp_path / "mine.html"): "is not a report",
    }
    for words, sentence in cases.items():
        code, _, problem = run_verb(monkeypatch, capsys, "report", *words)
        assert code == 2, words
        assert sentence in problem
        assert problem.count("\n") == 1
    assert (tmp_path / "mine.html").read_text() == "<p>my page"


def test_the_verb_writes_into_the_run_folder_again_and_again(monkeypatch, capsys, tmp_path):
    run = write_run(tmp_path / "run")
    for _ in range(2):
        code, said, _ = run_verb(monkeypatch, capsys, "report", run)
        assert code == 0
        assert str(run / "report.html") in said
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="could not be written"):
        report(Options([run], tmp_path / "file" / "x.html"), departures)


def test_uplot_is_whole_and_its_licence_is_in_every_report(tmp_path):
    folder = page.FOLDER / "uplot"
    assert hashlib.sha256((folder / "uPlot.iife.min.js").read_bytes()).hexdigest() == UPLOT
    content = report(Options([write_run(tmp_path / "run")]), departures, say=lambda _: None).read_text(encoding="utf-8")
    assert "Copyright (c) 2022 Leon Sorokin" in content
    outside = re.sub(r"<script>.*?</script>|<!--.*?-->", "", content, flags=re.DOTALL)
    assert not re.findall(r"https?://", outside.split('<script type="application/json"')[0])
