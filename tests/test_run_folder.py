"""A run folder from its first file to its last: continued exactly, or refused in one sentence."""

from pathlib import Path

import pytest
from stateful import opened, settings

from translate.data import description
from translate.errors import UserError
from translate.train.folder import RunFolder
from translate.train.loop import Run
from translate.train.run import start
from translate.train.settings import RunSettings
from translate.train.tracking import Tracker


def quiet(*words: str) -> None:
    pass


def train(s: RunSettings, path: Path) -> None:
    start(s, path, say=quiet)


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    """A run of 16 steps that was not interrupted."""
    s = settings("cycle", pictures, train={"images": 32})
    path = tmp_path_factory.mktemp("finished") / "run"
    train(s, path)
    return s, path


def checkpoints(path: Path) -> list[Path]:
    return sorted((path / "checkpoints").glob("*.safetensors"))


def test_the_run_folder_holds_what_it_says(finished):
    _, path = finished
    assert {p.name for p in path.iterdir()} >= {
        "config.toml",
        "data.json",
        "log.jsonl",
        "samples",
        "checkpoints",
        "generator.safetensors",
        "best.safetensors",
    }
    assert [p.stem for p in checkpoints(path)] == ["000000030", "000000032"]
    assert (path / "samples" / "000000032.png").stat().st_size > 1000


def test_a_stopped_run_continues_to_the_same_file(finished, tmp_path, monkeypatch):
    s, path = finished
    monkeypatch.setattr("translate.train.tracking.Tracker.statistics", stop_after(17, Tracker.statistics))
    with pytest.raises(KeyboardInterrupt):
        train(s, tmp_path / "run")
    monkeypatch.undo()
    train(s, tmp_path / "run")
    assert checkpoints(tmp_path / "run")[-1].read_bytes() == checkpoints(path)[-1].read_bytes()
    assert (tmp_path / "run" / "generator.safetensors").read_bytes() == (path / "generator.safetensors").read_bytes()


def stop_after(images: int, method):
    def stopping(self, images_seen):
        method(self, images_seen)
        if images_seen > images:
            raise KeyboardInterrupt

    return stopping


def test_a_finished_run_says_so_and_changes_nothing(finished):
    s, path = finished
    before = {p: p.stat().st_mtime_ns for p in path.rglob("*") if p.is_file()}
    said = []
    start(s, path, say=said.append)
    assert "is finished" in said[-1]
    assert {p: p.stat().st_mtime_ns for p in path.rglob("*") if p.is_file()} == before


def test_other_settings_are_refused_by_name(finished, pictures):
    _, path = finished
    other = settings("cycle", pictures, train={"images": 32, "lr": 1e-3})
    with pytest.raises(UserError, match=r"train\.lr: 0\.0002 → 0\.001.*allow_change=true"):
        train(other, path)
    harmless = settings("cycle", pictures, train={"images": 32, "keep": 5})
    train(harmless, path)


def test_other_data_are_refused_by_name(finished, tmp_path):
    import shutil

    s, path = finished
    copied = tmp_path / "run"
    shutil.copytree(path, copied)
    folder = tmp_path / "lines"
    shutil.copytree(s.a, folder)
    (folder / "extra.png").write_bytes((folder / "000.png").read_bytes())
    with pytest.raises(UserError, match=r"begun with other settings or data: images: 1 added"):
        train(s.model_copy(update={"a": str(folder)}), copied)
    data = opened(s.model_copy(update={"a": str(folder)}))
    assert "1 added (such as" in RunFolder(copied).compare_data(description.record(data))


def test_more_images_continue_a_finished_run(finished, pictures, tmp_path):
    import shutil

    _, path = finished
    longer = settings("cycle", pictures, train={"images": 40})
    shutil.copytree(path, tmp_path / "run")
    train(longer, tmp_path / "run")
    assert checkpoints(tmp_path / "run")[-1].stem == "000000040"


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(finished, tmp_path):
    import shutil

    s, path = finished
    shutil.copytree(path, tmp_path / "run")
    newest = checkpoints(tmp_path / "run")[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said: list[str] = []
    start(s, tmp_path / "run", say=said.append)
    assert any("000000032.safetensors is damaged" in line for line in said)
    assert any("from 000000030" in line for line in said)
    assert checkpoints(tmp_path / "run")[-1].read_bytes() == checkpoints(path)[-1].read_bytes()


@pytest.mark.parametrize("how", ["missing", "all damaged"])
def test_without_a_usable_checkpoint_nothing_is_begun_anew(how, finished, tmp_path):
    import shutil

    s, path = finished
    shutil.copytree(path, tmp_path / "run")
    for file in checkpoints(tmp_path / "run"):
        if how == "missing":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match="no checkpoint of it can be used") as caught:
        train(s, tmp_path / "run")
    assert caught.value.code == 5


def test_a_folder_that_is_not_a_run_is_left_alone(pictures, tmp_path):
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not a run folder \(it holds holiday.txt\)"):
        train(settings("cycle", pictures), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.txt"]


def test_a_signal_just_before_a_score_is_due_changes_nothing(finished, tmp_path, monkeypatch):
    """The score that was left out to be quick is made up for, so that 'best' is the same too."""
    from translate.train import loop as module

    s, path = finished

    class Stopped(module.Signals):
        stop = property(lambda self: 15 if self.run.images_seen >= 32 else None, lambda self, value: None)

    def entered(self):
        Stopped.run = self
        return original(self)

    original = Run.train
    monkeypatch.setattr(Run, "train", entered)
    monkeypatch.setattr(module, "Signals", Stopped)
    with pytest.raises(UserError, match="stopped by SIGTERM after 32 of 32 images"):
        train(s, tmp_path / "run")
    monkeypatch.undo()
    train(s, tmp_path / "run")
    for name in ("checkpoints/000000032.safetensors", "best.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (path / name).read_bytes()
