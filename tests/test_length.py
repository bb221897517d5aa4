"""--minutes and --preset auto: the length follows from the speed, is kept, and the training is the one of --images."""

import json
import subprocess
import tomllib

import pytest
import torch
from small import ENVIRONMENT, TINY, draw_folders, run_verb, tiny_settings
from stateful import opened
from test_metrics_scorer import needs_extra
from test_ranks import TORCHRUN, command

from translate.errors import UserError
from translate.train.events import Events
from translate.train.folder import RunFolder
from translate.train.length import Pace, measured
from translate.train.loop import Run
from translate.train.options import Options
from translate.train.run import start
from translate.train.settings import TrainSettings


def quiet(*words: str) -> None:
    pass


def played(events: Events, event: str) -> int:
    """How often an event is due, round by round."""
    rounds = range(0, events.total, events.images_per_round)
    return sum(events.due(event, before, before + events.images_per_round) for before in rounds)


@pytest.mark.parametrize("rounds", [1, 2, 7, 8, 9, 100, 1003])
@pytest.mark.parametrize("given", [{}, {"score_every": 24, "sample_every": 4, "save_every": 100}])
def test_events_are_counted_as_they_happen(rounds, given):
    events = Events.of(TrainSettings(**given), 6, 6 * rounds)
    for event in ("preview", "score", "save"):
        assert abs(events.times(event) - played(events, event)) <= 1


@pytest.mark.parametrize("given", [{}, {"score_every": 500}, {"save_minutes": 0.1}, {"save_every": 64}])
def test_the_length_is_the_longest_that_fits(given):
    s = tiny_settings("cycle", {"train": {**given, "save_every": given.get("save_every", 0)}})
    pace = Pace(build=1.0, round=0.05, preview=0.3, score=4.0, save=0.5)
    images = pace.images(s, 4, 600)
    assert images % 4 == 0
    assert 580 < pace.seconds(s, 4, images) <= 600
    shorter = Pace(build=1.0, round=0.05, preview=0.3, score=40.0, save=0.5).images(s, 4, 600)
    assert 0 <= shorter < 0.7 * images  # scoring is in it
    assert pace.images(s, 4, 5) == 0  # one round and its scoring take longer


WORDS = {"mode": "cycle", "preset": None, "config": None, "sets": [], "init_from": None}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"options": {"images": 100}, "minutes": 1}, "--images and --minutes both set"),
        ({"sets": ["train.images=100"], "minutes": 1}, "--images and --minutes both set"),
        ({"minutes": 0}, "--minutes 0: give the length"),
        ({"minutes": float("nan")}, "--minutes nan: give the length"),
        ({"preset": "auto"}, "--preset auto compares presets for a third of --minutes"),
    ],
)
def test_what_does_not_fit_together_is_refused(given, reason, pictures):
    with pytest.raises(UserError, match=reason):
        Options(**{**WORDS, "a": str(pictures[0]), "b": str(pictures[1]), "options": {}, **given}).settings()


def test_presets_to_compare_read_the_data_in_the_same_way(pictures):
    options = {"device": "cpu", "lr": 1e-3}
    found = Options(
        **{**WORDS, "a": str(pictures[0]), "b": str(pictures[1]), "options": options, "preset": "auto", "minutes": 9}
    ).candidates()
    assert {"cpu", "paper", "gpu-64"} <= {one.preset for one in found}
    assert len({one.data.model_dump_json() for one in found}) == 1
    assert {one.train.lr for one in found} == {1e-3}
    assert len({one.generator.model_dump_json() for one in found}) > 1


def settings(mode, pictures, **train):
    own = {"images": 0, "save_every": 0, "score_images": 4, "samples": 2, "workers": 0, **train}
    domains = {"a": str(pictures[0]), **({"b": str(pictures[1])} if mode in ("cycle", "pix2pix") else {})}
    return tiny_settings(mode, domains, {"train": own}, {"mode_settings": {"latent": 8} if "b" not in domains else {}})


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["cycle", "pix2pix", "wgan"])
def test_measuring_changes_nothing_of_the_run_that_follows(mode, pictures, tmp_path):
    s = settings(mode, pictures)
    data, folder = opened(s), RunFolder(tmp_path)
    before, _ = Run(s, folder, data, quiet).trainer.state()
    pace = measured(s, folder, data, quiet, 10, write=True)
    assert min(pace.build, pace.round, pace.preview, pace.score, pace.save) > 0
    assert list(tmp_path.iterdir()) == []
    after, _ = Run(s, folder, data, quiet).trainer.state()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def length(path) -> int:
    return tomllib.loads((path / "config.toml").read_text())["train"]["images"]


def files(path) -> dict[str, bytes]:
    newest = max((path / "checkpoints").glob("*.safetensors"))
    return {
        file.name: file.read_bytes() for file in (newest, path / "generator.safetensors", path / "best.safetensors")
    }


@pytest.fixture(scope="module")
def timed(pictures, tmp_path_factory):
    """(settings, the run folder of a quarter of a minute)"""
    s, path = settings("pix2pix", pictures), tmp_path_factory.mktemp("timed") / "run"
    start(s, path, say=quiet, minutes=0.5)
    return s, path


@pytest.mark.slow
def test_the_length_is_kept_and_is_the_same_training_as_with_images(timed, tmp_path):
    s, path = timed
    images = length(path)
    assert images > 2
    same = s.model_copy(update={"train": s.train.model_copy(update={"images": images})})
    start(same, tmp_path / "same", say=quiet)
    assert files(tmp_path / "same") == files(path)
    record = next(row for row in map(json.loads, (path / "log.jsonl").read_text().splitlines()) if "minutes" in row)
    assert (record["event"], record["minutes"], record["length"]) == ("minutes", 0.5, images)


@pytest.mark.slow
def test_the_same_command_keeps_the_length_of_its_first_start(timed):
    s, path = timed
    before, said = files(path), []
    start(s, path, say=said.append, minutes=9)
    assert any(f"keeps the {length(path):,} images of its config.toml" in line for line in said)
    assert "is finished" in said[-1]
    assert files(path) == before


@pytest.mark.slow
def test_a_time_that_is_too_short_says_how_long_would_do(pictures, tmp_path):
    with pytest.raises(UserError, match=r"--minutes 0\.001 is too short: .* give at least --minutes 0\.\d"):
        start(settings("pix2pix", pictures), tmp_path / "run", say=quiet, minutes=0.001)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_rehearsal_shows_the_length_and_writes_nothing(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--mode", "pix2pix", "--a", pictures[0], "--b", pictures[1], "--size", 16, "--device", "cpu"]
    words += [
        word for name in ("filters", "blocks") for word in ("--set", f"generator.{name}={TINY['generator'][name]}")
    ]
    code, said, problem = run_verb(monkeypatch, capsys, "train", *words, "--minutes", "0.5", "--dry-run")
    assert code == 0, problem
    assert "--minutes 0.5: a round of 8 images takes" in said
    assert "images fit, which config.toml keeps" in said
    assert list(tmp_path.iterdir()) == []


@needs_extra
@pytest.mark.slow
def test_presets_are_compared_and_the_winner_is_trained(tmp_path):
    """One that hardly moves, one that diverges, and one that learns to fill shapes."""
    pictures = draw_folders(tmp_path / "pictures", 40)
    good = settings("pix2pix", pictures, lr=2e-3, batch=4, ema=0.0)
    others = {"still": 1e-9, "wild": 1e6}
    candidates = [good.model_copy(update={"preset": "good"})] + [
        good.model_copy(update={"preset": name, "train": good.train.model_copy(update={"lr": lr})})
        for name, lr in others.items()
    ]
    said: list[str] = []
    start(good, tmp_path / "run", say=said.append, minutes=1.5, candidates=candidates)
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["preset"] == "good"
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    compared = [row for row in rows if row.get("event") == "preset"]
    assert [row["comparison"] for row in compared] == [1, 1, 1, 2, 2]
    assert [row["preset"] for row in compared if row["kept"]][-1] == "good"
    start(candidates[0], tmp_path / "run", say=said.append, minutes=1.5, candidates=candidates)
    assert "is finished" in said[-1]


@pytest.mark.slow
def test_two_processes_agree_on_the_length(pictures, tmp_path):
    words = [word for word in command(pictures, tmp_path / "run") if word not in ("--images", "480")]
    done = subprocess.run(
        [*TORCHRUN, *words, "--minutes", "0.4"], capture_output=True, text=True, env=ENVIRONMENT, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    images = length(tmp_path / "run")
    assert f"Done: {images:,} images seen" in done.stdout
    assert images % 4 == 0
