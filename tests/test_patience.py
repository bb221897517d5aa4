"""train.patience: a training without a better scoring ends early, exactly, and is then a finished run."""

import json

import pytest
from small import tiny_settings
from test_promises import BATCH, flat_folders, train

import translate
from translate.errors import UserError
from translate.train.loop import Run
from translate.train.run import start

SHIFTS = [-0.5, 0.0, -0.3, -0.4, -0.2, -0.9]  # the second is the best
LAST = 4  # the scoring with which a patience of 2 ends


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return flat_folders(tmp_path_factory.mktemp("flat"), (100, 250), (60, 220))


@pytest.fixture(scope="module")
def ended(folders, tmp_path_factory):
    return train("pix2pix", folders, tmp_path_factory.mktemp("ended") / "run", SHIFTS, patience=2)


def newest(path) -> tuple[str, bytes]:
    file = max((path / "checkpoints").glob("*.safetensors"))
    return file.stem, file.read_bytes()


def events(path) -> list[dict]:
    return [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]


def test_it_ends_after_so_many_scorings_that_are_no_better(ended):
    assert [line["images"] // BATCH for line in ended.scores] == [1, 2, 3, 4]
    assert newest(ended.path)[0] == f"{LAST * BATCH:09d}"
    assert translate.load(ended.path).description["images"] == 2 * BATCH  # best.safetensors
    assert translate.load(ended.path / "generator.safetensors").description["images"] == LAST * BATCH
    assert (ended.path / "samples" / f"{LAST * BATCH:09d}.png").exists()
    assert [line["best"]["images"] for line in events(ended.path) if line.get("event") == "patience"] == [2 * BATCH]


def settings(folders, **more):
    """Those that `train` uses; the rounds that would follow are real ones."""
    every = {"batch": BATCH, "images": BATCH * len(SHIFTS), "score_every": BATCH, "sample_every": BATCH}
    return tiny_settings(
        "pix2pix",
        {"a": str(folders[0]), "b": str(folders[1]), "data": {"load": 1.0, "flip": 0.0, "test_percent": 25}},
        {"generator": {"network": "resnet", "norm": "none", "residual": True, "dropout": False}},
        {"train": {**every, "ema": 0.0, "workers": 0, "channels_last": False, "samples": 4, "score_images": 100}},
        {"train": more},
    )


@pytest.mark.slow
def test_the_same_command_says_that_it_is_finished_and_changes_nothing(ended, folders):
    before = {path: path.stat().st_mtime_ns for path in ended.path.rglob("*") if path.is_file()}
    said: list[str] = []
    start(settings(folders, patience=2), ended.path, say=said.append)
    assert f"is finished: training stopped after {LAST * BATCH} of {len(SHIFTS) * BATCH} images" in said[-1]
    assert f"2 scorings were no better than the one after {2 * BATCH} images" in said[-1]
    assert {path: path.stat().st_mtime_ns for path in ended.path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_it_is_exact_when_the_run_was_interrupted_between_the_scorings(ended, folders, tmp_path, monkeypatch):
    def stopping(self, before, stop):
        original(self, before, stop)
        if self.images_seen == 3 * BATCH:
            raise UserError("killed")

    original = Run._preview_score_save
    with monkeypatch.context() as patched:
        patched.setattr(Run, "_preview_score_save", stopping)
        with pytest.raises(UserError, match="killed"):
            train("pix2pix", folders, tmp_path / "run", SHIFTS, patience=2)
    continued = train("pix2pix", folders, tmp_path / "run", SHIFTS, patience=2)
    assert newest(tmp_path / "run") == newest(ended.path)
    assert [line["scores"] for line in continued.scores] == [line["scores"] for line in ended.scores]


@pytest.mark.slow
def test_without_patience_it_goes_on_to_the_end_as_if_it_had_never_stopped(ended, folders, tmp_path):
    import shutil

    shutil.copytree(ended.path, tmp_path / "on")
    train("pix2pix", folders, tmp_path / "on", SHIFTS)
    train("pix2pix", folders, tmp_path / "whole", SHIFTS)
    assert newest(tmp_path / "on")[0] == f"{len(SHIFTS) * BATCH:09d}"
    for name in ("generator.safetensors", "best.safetensors"):
        assert (tmp_path / "on" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
