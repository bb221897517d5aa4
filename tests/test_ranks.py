"""Several processes under torchrun train as one would: the same weights, whatever dies in between."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rank_player
import torch
from games import assert_near
from small import ENVIRONMENT, run_verb

from translate.errors import UserError
from translate.system import distributed, hashed_tensors

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--monitor-interval", "0.1"]


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> dict[str, dict[str, torch.Tensor]]:
    """What two processes came to, by game and rank."""
    folder = tmp_path_factory.mktemp("ranks")
    done = subprocess.run(
        [*TORCHRUN, HERE / "rank_player.py", folder], capture_output=True, text=True, env=ENVIRONMENT, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {path.stem: torch.load(path) for path in folder.glob("*.pt")}


@pytest.fixture(autouse=True)
def _as_in_the_processes():
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


def different(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> list[str]:
    """Names of what is not the same in two states, bit for bit. (Mean losses are for the log, and summed otherwise.)"""
    assert ours.keys() == theirs.keys()
    return [name for name in ours if not name.startswith("means/") and not torch.equal(ours[name], theirs[name])]


@pytest.mark.slow
@pytest.mark.parametrize("mode", rank_player.CASES)
def test_all_processes_have_the_same_state(mode, states):
    assert not different(states[f"{mode}-0"], states[f"{mode}-1"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", rank_player.PER_SAMPLE)
def test_two_processes_are_one_with_two_shares_bit_for_bit(mode, states):
    """Gradients, pool, noise, labels, augmentation, z and penalties: a sum of two numbers has only one rounding."""
    assert not different(states[f"{mode}-0"], rank_player.played(mode, batch_threads=2))


@pytest.mark.slow
def test_gradients_of_accumulated_batches_are_summed_once(states):
    assert_near(states["accumulated-0"], rank_player.played("cycle", accumulate=2, batch_threads=2), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("mode", rank_player.CASES)
def test_two_processes_are_one_with_the_whole_batch(mode, states):
    """To rounding, which instance norm on the smallest maps amplifies; with batch norm's statistics of the whole batch
    and each image's own dropout."""
    assert_near(states[f"{mode}-0"], rank_player.played(mode), 1e-2)


@pytest.mark.slow
def test_torchruns_last_words_are_the_reason(pictures, tmp_path):
    words = [*TORCHRUN, *command(pictures, tmp_path / "run"), "--batch", "3"]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert done.returncode != 0
    assert "--batch 3 is for all processes together" in "\n".join(done.stderr.splitlines()[-8:])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("local", [0, 1])
def test_more_processes_than_gpus_end_all_of_them_in_one_sentence(monkeypatch, local):
    for name, value in {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "LOCAL_RANK": local}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    said = r"^torchrun started 2 processes on a machine with 1 GPU; use --nproc-per-node 1\.$"
    with pytest.raises(UserError, match=said) as caught:
        distributed.join("cuda")
    assert caught.value.code == 2


COMMAND = [HERE.parent / "cli.py", "train", "--mode", "cycle", "--device", "cpu", "--size", "16", "--batch", "4"]
SETS = ["generator.filters=4", "generator.blocks=1", "discriminator.filters=4", "discriminator.layers=1",
        "mode_settings.pool=6", "mode_settings.instance_noise=0.1", "train.ema=0.9", "train.save_every=16",
        "train.score_every=100000", "train.score_images=4", "train.sample_every=100000"]  # fmt: skip


def command(pictures, out: Path, images: int = 480) -> list[str]:
    a, b = map(str, pictures)
    sets = [word for text in SETS for word in ("--set", text)]
    return list(map(str, [*COMMAND, "--a", a, "--b", b, "--out", out, "--images", images, *sets]))


def final(out: Path) -> dict[str, torch.Tensor]:
    path = max((out / "checkpoints").glob("*.safetensors"))
    assert int(path.stem) == 480
    return hashed_tensors.read(path)[0]


@pytest.fixture(scope="module")
def undisturbed(pictures, tmp_path_factory) -> dict[str, torch.Tensor]:
    """The end of a training in one process, with two shares."""
    out = tmp_path_factory.mktemp("one") / "run"
    words = [sys.executable, *command(pictures, out), "--set", "train.batch_threads=2"]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return final(out)


def wait_for(path: Path, step: int) -> None:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and not any(int(p.stem) >= step for p in path.glob("checkpoints/*.safetensors")):
        time.sleep(0.02)


def children(process: subprocess.Popen) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in listed if b"cli.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds torchrun's processes in Linux's /proc")
def test_killed_processes_are_started_again_and_the_training_ends_as_undisturbed(pictures, tmp_path, undisturbed):
    """SIGKILL to the second, then to the first process; torchrun starts both again, they continue by themselves."""
    out = tmp_path / "run"
    words = [*TORCHRUN, "--max-restarts", "5", *command(pictures, out)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT
    ) as process:
        for victim, step in ((1, 64), (0, 240)):
            wait_for(out, step)
            os.kill(children(process)[victim], signal.SIGKILL)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said[-3000:]
    assert len(re.findall("Continuing .* images seen", said)) == 2
    assert not different(final(out), undisturbed)


@pytest.mark.slow
def test_two_processes_that_are_stopped_can_be_continued_by_one(pictures, tmp_path, undisturbed):
    """SIGTERM to torchrun reaches both; they leave after the same round, and all is saved."""
    out = tmp_path / "run"
    with subprocess.Popen(
        [*TORCHRUN, *command(pictures, out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        wait_for(out, 64)
        process.terminate()
        said, _ = process.communicate(timeout=120)
    assert said.count("stopped by SIGTERM") == 1, said[-3000:]
    stopped = max(int(path.stem) for path in (out / "checkpoints").glob("*.safetensors"))
    assert 64 <= stopped < 480
    words = [sys.executable, *command(pictures, out), "--set", "train.batch_threads=2"]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{stopped} of 480 images seen" in done.stdout
    assert not different(final(out), undisturbed)


@pytest.mark.slow
def test_processes_refuse_to_continue_what_they_cannot_deal(pictures, tmp_path):
    """After 7 images one by one, 9 are left: two processes would have unequal parts in the end."""
    out = tmp_path / "run"
    alone = [sys.executable, *command(pictures, out, 7), "--batch", "1"]
    assert subprocess.run(alone, capture_output=True, env=ENVIRONMENT, timeout=300).returncode == 0
    settings = (out / "config.toml").read_bytes()
    together = [*TORCHRUN, *command(pictures, out, 16), "--batch", "2", "--set", "allow_change=true"]
    done = subprocess.run(together, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode != 0
    assert (
        done.stderr.count("error: the 9 images that are left can't be divided among 2 processes in rounds of 2") >= 1
    )  # and once more in torchrun's report
    assert (out / "config.toml").read_bytes() == settings


@pytest.mark.parametrize(
    ("batch", "sets", "sentence"),
    [("3", [], "--batch 3 is for all processes together and can't be divided among 2; use 4."),
     ("4", ["train.batch_threads=4"], "train.batch_threads = 4 must divide a process's 2 images of a batch.")],
)  # fmt: skip
def test_a_batch_that_cannot_be_divided_is_refused_once(batch, sets, sentence, pictures, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    a, b = map(str, pictures)
    words = ["train", "--mode", "cycle", "--a", a, "--b", b, "--device", "cpu", "--batch", batch]
    for rank, said in (("0", f"error: {sentence}\n"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        code, _, problem = run_verb(monkeypatch, capsys, *words, *(word for text in sets for word in ("--set", text)))
        assert (code, problem) == (2, said)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.mark.parametrize(("rank", "missing"), [("0", "2 of 3 processes at 127.0.0.1:PORT (rank 1, 2"), ("1", "1 of 3")])
def test_who_is_awaited_is_said_and_who_never_comes_ends_the_waiting(rank, missing, monkeypatch, capsys):
    port = str(free_port())
    for name, value in {"RANK": rank, "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(distributed, "AWAITED", 0.1)
    monkeypatch.setattr(distributed, "TIMEOUT_MINUTES", 1 / 120)
    with pytest.raises(UserError, match=r"did not come within 0:00:00\.5") as error:
        distributed.join("cpu")
    assert error.value.code == 75
    said = capsys.readouterr().out
    assert said.startswith("waiting for ")
    assert missing.replace("PORT", port) in said
