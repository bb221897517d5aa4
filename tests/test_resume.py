"""Resumed equals uninterrupted, bit for bit: from every step, for every mode; and every part of the state is needed."""

import copy
from pathlib import Path

import pytest
import torch
from small import TINY

from translate.data import Data, open_data
from translate.errors import UserError
from translate.modes import MODES
from translate.settings import merge
from translate.training.folder import RunFolder
from translate.training.game import build_game
from translate.training.round import Round
from translate.training.run import Run
from translate.training.settings import RunSettings, settings_class
from translate.training.start import start

STEPS, BATCH = 60, 2
TOTAL = STEPS * BATCH
GENERATOR = {"cycle": {"network": "resnet"}, "pix2pix": {"network": "unet", "dropout": True}}


def quiet(*words: str) -> None:
    pass


def settings(mode: str, pictures, **changes) -> RunSettings:
    """Dropout, noise, EMA, a pool that fills and draws: everything that has a state is on."""
    base = merge(TINY, {"generator": GENERATOR[mode], "train": {"images": TOTAL, "batch": BATCH, "save_every": BATCH}})
    game = {"instance_noise": 0.1, "r1": 0.5, **({"pool": 6} if mode == "cycle" else {})}
    values = {"mode": mode, "a": str(pictures[0]), "b": str(pictures[1]), **base, "game": game}
    s = settings_class(mode).parse(merge(values, changes), "test")
    s.discriminator.spectral_norm = True
    s.train.workers, s.train.channels_last = 0, False
    s.train.score_every = s.train.sample_every = TOTAL
    return s


def opened(s: RunSettings) -> Data:
    return open_data(s.a, s.b, s.data, paired=MODES[s.mode].paired, seed=s.seed, say=quiet)


def fresh(s: RunSettings) -> Round:
    torch.manual_seed(s.seed)
    return Round(build_game(s), s.train, TOTAL)


def snapshot(trainer: Round):
    return copy.deepcopy(trainer.state())


def play(trainer: Round, data: Data, seen: int, stop: int):
    for x, y in data.batches(seen, stop, BATCH, workers=0, pin_memory=False):
        trainer.play([(x, y)], seen)
        seen += len(x)


def same(a, b) -> bool:
    (tensors, values), (others, other_values) = a, b
    return (
        values == other_values
        and tensors.keys() == others.keys()
        and all(torch.equal(tensors[name], others[name]) for name in tensors)
    )


@pytest.mark.parametrize("mode", MODES)
def test_resume_from_every_step(mode, pictures):
    """60 new trainers, each given one of the 60 states, take one step to exactly the next state; so any number of
    interruptions anywhere ends where the uninterrupted run ends. Three are played to the end as well."""
    s = settings(mode, pictures)
    data, trainer = opened(s), fresh(s)
    states = [snapshot(trainer)]
    for step in range(STEPS):
        play(trainer, data, step * BATCH, (step + 1) * BATCH)
        states.append(snapshot(trainer))
    for step in range(STEPS):
        resumed = fresh(s)
        torch.manual_seed(999 + step)  # a new process has other random numbers
        resumed.load(*copy.deepcopy(states[step]))
        play(resumed, opened(s) if step % 20 == 0 else data, step * BATCH, (step + 1) * BATCH)
        assert same(resumed.state(), states[step + 1]), f"resuming from step {step}"
        if step % 20 == 1:
            play(resumed, data, (step + 1) * BATCH, TOTAL)
            assert same(resumed.state(), states[-1])


PARTS = {  # what is left out -> the names in the state that go back to a new run's
    "cycle": {
        "network G": "networks/G/",
        "network F": "networks/F/",
        "network D_X": "networks/D_X/",
        "network D_Y": "networks/D_Y/",
        "average of G": "averages/G/",
        "average of F": "averages/F/",
        "optimizer of G": "optimizers/G/",
        "optimizer of D": "optimizers/D/",
        "pool X": "pools/X/",
        "pool Y": "pools/Y/",
        "random numbers": "random/cpu",
    },
    "pix2pix": {
        "network G": "networks/G/",
        "network D": "networks/D/",
        "average of G": "averages/G/",
        "optimizer of G": "optimizers/G/",
        "optimizer of D": "optimizers/D/",
        "random numbers": "random/cpu",
    },
}
SLOTS = ["exp_avg", "exp_avg_sq", "step"]
SPECTRAL = ["_v"]  # its other vector, u, is computed anew from this one at every step


def cases():
    for mode, parts in PARTS.items():
        for what, prefix in parts.items():
            yield pytest.param(mode, lambda name, p=prefix: name.startswith(p), id=f"{mode}: {what}")
        for slot in SLOTS:
            yield pytest.param(mode, lambda name, s=slot: name.split("/")[-1] == s, id=f"{mode}: Adam's {slot}")
        for vector in SPECTRAL:
            yield pytest.param(mode, lambda name, v=vector: name.endswith(v), id=f"{mode}: spectral norm's {vector}")


@pytest.fixture(scope="module")
def halfway(pictures):
    """mode -> (settings, data, the state of a new run, halfway, and 10 steps later)."""
    found = {}
    for mode in MODES:
        s = settings(mode, pictures)
        data, trainer = opened(s), fresh(s)
        new = snapshot(trainer)
        play(trainer, data, 0, 40)
        middle = snapshot(trainer)
        play(trainer, data, 40, 60)
        found[mode] = (s, data, new, middle, snapshot(trainer))
    return found


@pytest.mark.parametrize(("mode", "left_out"), list(cases()))
def test_every_part_of_the_state_is_needed(mode, left_out, halfway):
    """The test of the test above: without any one part of the state the continuation is another one."""
    s, data, new, middle, end = halfway[mode]
    tensors, values = copy.deepcopy(middle)
    names = [name for name in tensors if left_out(name)]
    assert names
    for name in names:
        if name in new[0]:
            tensors[name] = new[0][name]
        else:
            del tensors[name]
    resumed = fresh(s)
    torch.manual_seed(999)
    if any(name.startswith("optimizers/") for name in names) and len(names) < sum("optimizers/" in n for n in tensors):
        for name in names:  # a slot alone: Adam needs all three, so it goes back to zero
            tensors[name] = torch.zeros_like(middle[0][name])
    resumed.load(tensors, values)
    play(resumed, data, 40, 60)
    assert not same(resumed.state(), end)


@pytest.mark.parametrize("mode", MODES)
def test_the_position_and_the_round_count_are_needed(mode, halfway):
    s, data, _, middle, end = halfway[mode]
    for wrong in ("position", "rounds"):
        resumed = fresh(s)
        tensors, values = copy.deepcopy(middle)
        if wrong == "rounds":
            values["rounds"] = 0
        resumed.load(tensors, values)
        begin = 0 if wrong == "position" else 40
        play(resumed, data, begin, begin + 20)
        assert not same(resumed.state(), end)
    resumed = fresh(s)
    resumed.load(*copy.deepcopy(middle))
    play(resumed, data, 40, 60)
    assert same(resumed.state(), end)


# The whole run folder ---------------------------------------------------------------------------------------------


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
    monkeypatch.setattr("translate.training.run.Run._log", stop_after(17, Run._log))
    with pytest.raises(KeyboardInterrupt):
        train(s, tmp_path / "run")
    monkeypatch.undo()
    train(s, tmp_path / "run")
    assert checkpoints(tmp_path / "run")[-1].read_bytes() == checkpoints(path)[-1].read_bytes()
    assert (tmp_path / "run" / "generator.safetensors").read_bytes() == (path / "generator.safetensors").read_bytes()


def stop_after(images: int, method):
    def stopping(self):
        method(self)
        if self.seen > images:
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
    with pytest.raises(UserError, match=r"begun with other settings or data: a: .* → .*"):
        train(s.model_copy(update={"a": str(folder)}), copied)
    data = opened(s.model_copy(update={"a": str(folder)}))
    assert "1 added (such as" in RunFolder(copied).compare_data(data.record())


def test_more_images_continue_a_finished_run_when_told_so(finished, pictures, tmp_path):
    import shutil

    _, path = finished
    longer = settings("cycle", pictures, train={"images": 40})
    shutil.copytree(path, tmp_path / "run")
    with pytest.raises(UserError, match=r"train\.images: 32 → 40"):
        train(longer, tmp_path / "run")
    longer.train.allow_change = True
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
    from translate.training import run as module

    s, path = finished

    class Stopped(module.Signals):
        stop = property(lambda self: 15 if self.run.seen >= 32 else None, lambda self, value: None)

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
