"""Runs that are really killed, and really interrupted, while they train: the same command ends in the same state."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small import ENVIRONMENT

HERE = Path(__file__).parent
KILLS = {"cycle": 10, "pix2pix": 9, "dcgan": 8, "wgan": 8}  # 35 in all


@pytest.mark.slow
@pytest.mark.parametrize("mode", KILLS)
def test_sigkill_at_any_instant_changes_nothing(mode, pictures, tmp_path):
    command = [sys.executable, HERE / "kill_server.py", mode, *pictures, tmp_path, str(KILLS[mode]), "7"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["kills"] == KILLS[mode]
    assert len(set(result["steps"])) > 3, "the kills hit different places"
    assert set(result["killed"]) == {result["whole"]}


COMMAND = [sys.executable, "-m", "translate", "train", "--mode", "cycle", "--device", "cpu", "--size", "16"]
TINY = ["generator.filters=4", "generator.blocks=1", "discriminator.filters=4", "discriminator.layers=1"]


def command(pictures, out: Path, images: int) -> list[str]:
    a, b = map(str, pictures)
    sets = [word for text in (*TINY, "save_every=100000") for word in ("--set", text)]
    return [*COMMAND, "--a", a, "--b", b, "--out", str(out), "--images", str(images), "--batch", "2", *sets]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_leaves_with_its_code(number, code, pictures, tmp_path):
    process = subprocess.Popen(
        command(pictures, tmp_path / "run", 100_000), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    log = tmp_path / "run" / "log.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and '"losses"' not in (log.read_text() if log.exists() else ""):
        time.sleep(0.05)
    process.send_signal(number)
    process.send_signal(number)  # a second one while it saves changes nothing
    _, problem = process.communicate(timeout=60)
    assert process.returncode == code
    assert "the same command continues" in problem
    assert "Traceback" not in problem
    newest = max((tmp_path / "run" / "checkpoints").glob("*.safetensors"))
    assert int(newest.stem) > 0
    assert (tmp_path / "run" / "generator.safetensors").exists()


BENCHMARKS = HERE.parent / "benchmarks"


def sample(script: str, *words: str) -> str:
    """The last line of a campaign's sample, which must find nothing wrong."""
    command = [sys.executable, str(BENCHMARKS / script), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=1200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_sample_of_system_calls_that_fail_or_are_the_last():
    """All of them: benchmarks/kills.py."""
    last = sample("kills.py", "--every", "97")
    assert last.startswith("0 wrong; ")
    assert "kills: " in last
    assert "EIO: " in last


@pytest.mark.slow
def test_a_sample_of_flipped_bits_is_named_or_harmless():
    """1,900 of them: benchmarks/flips.py."""
    assert sample("flips.py", "--count", "40") == "40 flips, 0 wrong"
