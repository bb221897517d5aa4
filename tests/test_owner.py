"""A folder has one owner, stop signals are heard, printing ends nothing, and a run's files are those of its state."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small import ENVIRONMENT

from translate.errors import UserError
from translate.model import file as generator_file
from translate.settings import read_toml
from translate.system import lock
from translate.system.signals import CODES
from translate.train.checkpoints import Checkpoints
from translate.train.options import Options
from translate.train.run import start

OWNER = """
import sys, time
from pathlib import Path
from translate.system.lock import claim
with claim(Path(sys.argv[1])):
    print("mine", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    """A process that owns tmp_path/out."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_process_is_told_who_owns_the_folder(owner, tmp_path):
    with pytest.raises(UserError, match=rf"out is in use by process {owner.pid} on .*; wait until it ends") as error:
        lock.claim(tmp_path / "out").__enter__()
    assert error.value.code == 2
    owner.kill()  # the system releases what a killed process held
    owner.wait()
    with lock.claim(tmp_path / "out"):
        assert (tmp_path / "out" / lock.NAME).exists()
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_nothing_was_written_to_is_not_left(tmp_path):
    with lock.claim(tmp_path / "some" / "out"):
        pass
    assert not (tmp_path / "some").exists()


def test_one_process_does_not_own_a_folder_twice(tmp_path):
    with (
        lock.claim(tmp_path / "out"),
        pytest.raises(UserError, match=f"in use by process {os.getpid()}"),
        lock.claim(tmp_path / "out"),
    ):
        pass


def test_a_training_refuses_a_folder_that_another_one_uses(owner, tmp_path, pictures):
    with pytest.raises(UserError, match="is in use by process"):
        start(settings(pictures), tmp_path / "out", say=lambda line: None)


SETS = ["generator.filters=4", "generator.blocks=1", "discriminator.filters=4", "train.score_images=4"]


def command(pictures, out: Path, images: int) -> list[str]:
    a, b = map(str, pictures)
    sets = [word for text in SETS for word in ("--set", text)]
    options = ["--mode", "cycle", "--preset", "paper", "--device", "cpu", "--size", "16", "--batch", "2"]
    where = ["--a", a, "--b", b, "--out", str(out), "--images", str(images)]
    return ["-m", "translate", "train", *options, *where, *sets]


def settings(pictures, images: int = 8, **more):
    a, b = map(str, pictures)
    options = {"size": "16", "device": "cpu", "images": images, "batch": 2}
    return Options("cycle", a, b, "paper", None, [*SETS, *more.get("sets", [])], None, options).settings()


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    start(settings(pictures), out, say=lambda line: None)
    return out


@pytest.mark.parametrize("name", ["generator.safetensors", "best.safetensors"])
def test_a_finished_runs_generators_are_made_good(finished, pictures, name, tmp_path):
    """After a kill between the last checkpoint and the generator, or where a file was deleted or damaged."""
    whole = (finished / name).read_bytes()
    for broken in (None, whole[:-1]):
        if broken is None:
            (finished / name).unlink()
        else:
            (finished / name).write_bytes(broken)
        start(settings(pictures), finished, say=lambda line: None)
        assert (finished / name).read_bytes() == whole


def test_what_a_killed_save_left_is_removed(finished, pictures):
    left = [finished / ".generator.safetensors.00.part", finished / "samples" / ".x.png.00.part"]
    for path in left:
        path.write_bytes(b"x")
    start(settings(pictures), finished, say=lambda line: None)
    assert not [path for path in left if path.exists()]


def test_a_finished_run_deletes_what_a_kill_after_the_last_checkpoint_left(finished, pictures):
    kept = sorted((finished / "checkpoints").iterdir())
    shutil.copy(kept[0], finished / "checkpoints" / "000000001.safetensors")
    start(settings(pictures), finished, say=lambda line: None)
    assert sorted((finished / "checkpoints").iterdir()) == kept


def test_a_longer_training_is_an_ordinary_thing_and_a_shorter_one_is_refused(finished, pictures):
    said: list[str] = []
    with pytest.raises(UserError, match="--images 4 is less than the 8 images that this run has seen"):
        start(settings(pictures, 4), finished, say=said.append)
    start(settings(pictures, 12), finished, say=said.append)
    assert any("8 → 12 images" in line for line in said)
    assert any("changes the learning rate from 0.00 to 0.67 of lr" in line for line in said)
    assert read_toml(finished / "config.toml")["train"]["images"] == 12
    assert generator_file.read(finished / "generator.safetensors")[1]["images"] == 12


def test_an_order_for_once_is_not_kept(pictures, tmp_path):
    start(settings(pictures, 4), tmp_path / "run", say=lambda line: None)
    start(settings(pictures, 8, sets=["lr=1e-4", "allow_change=true"]), tmp_path / "run", say=lambda line: None)
    kept = read_toml(tmp_path / "run" / "config.toml")
    assert kept["train"]["lr"] == 1e-4
    assert "allow_change" not in kept["train"]
    changed = settings(pictures, 8, sets=["lr=1e-4", "seed=5"])
    with pytest.raises(UserError, match="seed: 0 → 5"):
        start(changed, tmp_path / "run", say=lambda line: None)


def test_a_checkpoint_of_another_run_is_refused(pictures, tmp_path):
    for name, sets in (("one", []), ("two", ["lr=1e-4"])):
        start(settings(pictures, 4, sets=sets), tmp_path / name, say=lambda line: None)
    for path in Checkpoints(tmp_path / "one" / "checkpoints").existing():
        path.write_bytes((tmp_path / "two" / "checkpoints" / path.name).read_bytes())
    with pytest.raises(UserError, match=r"is a checkpoint of another run \(train\.lr") as error:
        start(settings(pictures, 4), tmp_path / "one", say=lambda line: None)
    assert error.value.code == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGTERM, 0), *((number, 2) for number in CODES if number != signal.SIGINT)]
)
def test_every_stop_signal_to_the_group_saves(pictures, tmp_path, number, workers):
    """What schedulers, shells and closed terminals send, to the trainer and its loader's workers alike."""
    out = tmp_path / "run"
    words = [sys.executable, *command(pictures, out, 100_000), "--workers", str(workers)]
    process = subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (out / "log.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    os.killpg(process.pid, number)
    error = process.communicate(timeout=120)[1]
    assert process.returncode == CODES[number], error
    assert f"stopped by {signal.Signals(number).name}" in error
    newest = Checkpoints(out / "checkpoints").newest()[1]["images"]
    assert newest > 0
    assert generator_file.read(out / "generator.safetensors")[1]["images"] == newest


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_an_encoding_without_arrows_ends_nothing(pictures, tmp_path, encoding):
    words = [sys.executable, *command(pictures, tmp_path / "run", 4)]
    done = subprocess.run(words, env={**ENVIRONMENT, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert b"->" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_and_a_reader_that_left_end_nothing(pictures, tmp_path):
    with open("/dev/full", "w") as full:
        words = [sys.executable, *command(pictures, tmp_path / "full", 4)]
        assert subprocess.run(words, env=ENVIRONMENT, stdout=full, timeout=120).returncode == 0
    words = [sys.executable, *command(pictures, tmp_path / "closed", 4)]
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=120) == 0
    for name in ("full", "closed"):
        assert generator_file.read(tmp_path / name / "generator.safetensors")[1]["images"] == 4


def test_a_checkpoint_that_can_not_be_deleted_stays_and_is_said_once(tmp_path):
    said: list[str] = []
    kept = Checkpoints(tmp_path, 2, said.append)
    (tmp_path / "000000000.safetensors").mkdir()  # unlink fails
    for images in range(1, 6):
        kept.save(images, {}, {"kind": "checkpoint"}, None)
    assert [path.name[7:9] for path in kept.existing()] == ["00", "04", "05"]
    assert len(said) == 1
    assert "can't be deleted" in said[0]
