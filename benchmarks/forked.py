"""Trainings of the command line in forks of one process that has imported everything, so that thousands can be tried.

The parent must stay single-threaded: set OMP_NUM_THREADS=1. Not for Windows.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from PIL import Image

MODES = ("cycle", "pix2pix", "dcgan")
SMALL = ("generator.filters=4", "discriminator.filters=4", "save_every=4", "sample_every=4", "score_every=8")
OWN = {
    "cycle": ("generator.blocks=1", "discriminator.layers=1"),
    "pix2pix": ("generator.depth=3", "discriminator.layers=1"),
    "dcgan": ("latent=8",),
}
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Ended:
    """code: the exit code, or minus the signal's number. out, err: what was printed."""

    code: int
    out: str
    err: str


def draw(root: Path, count: int = 6) -> tuple[Path, Path]:
    """root/a and root/b: `count` pairs of pictures of 16 px."""
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(count):
            array = generator.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(array).resize((16, 16)).save(root / name / f"{number}.png")
    return root / "a", root / "b"


def command(mode: str, data: tuple[Path, Path], out: Path, images: int = 8) -> list[str]:
    """The words of a training of a few rounds: three checkpoints of which one is deleted, previews, a score."""
    where = ["--a", str(data[0]), *(["--b", str(data[1])] if mode != "dcgan" else []), "--out", str(out)]
    options = ["--size", "16", "--device", "cpu", "--batch", "4", "--images", str(images)]
    sets = [word for text in (*SMALL, *OWN[mode]) for word in ("--set", text)]
    return ["train", "--mode", mode, "--preset", "paper", *where, *options, *sets]


def play(words: list[str], folder: Path, strace: list[str] | None = None) -> Ended:
    """Run `translate WORDS` in a fork. strace: options for a strace that is attached before it begins.
    folder: for what it prints."""
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    process = os.fork()
    if not process:
        _child(words, folder, strace is not None)
    tracer = None
    if strace is not None:
        os.waitpid(process, os.WUNTRACED)
        tracer = subprocess.Popen(["strace", "-qq", *strace, "-p", str(process)], stderr=subprocess.DEVNULL)
        status = Path(f"/proc/{process}/status")
        while "TracerPid:\t0\n" in status.read_text():
            if tracer.poll() is not None:
                os.kill(process, 9)
                raise SystemExit("strace could not attach to a process.")
            time.sleep(0.002)
        os.kill(process, 18)  # SIGCONT
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if tracer:
        tracer.wait()
    return Ended(code, *((folder / name).read_text("utf-8", "replace") for name in ("out", "err")))


def _child(words: list[str], folder: Path, stop: bool) -> None:
    code = 1
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        from translate.cli import main

        sys.argv = ["translate", *words]
        if stop:
            os.kill(os.getpid(), 19)  # SIGSTOP, until strace is there
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def warm(words: list[str]) -> None:
    """Run `translate WORDS` in this process, so that its forks need not import anything."""
    from translate.cli import main

    torch.set_num_threads(1)
    sys.argv = ["translate", *words]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            main()
        except SystemExit as leaving:
            if leaving.code:
                raise


def facts(run: Path) -> dict[str, str]:
    """What must be equal between two runs: SHA-256 by name of each file, of the log without times and starts. A report
    is full of times and only has to be there."""
    found = {}
    for path in sorted(run.rglob("*")):
        if path.is_file():
            content = b"" if path.name == "report.html" else path.read_bytes()
            content = _log(content) if path.name == "log.jsonl" else content
            found[str(path.relative_to(run))] = sha256(content).hexdigest()
    return found


def _log(content: bytes) -> bytes:
    lines = [json.loads(line) for line in content.splitlines()]
    kept = [line | {"images_per_second": 0, "time": 0} for line in lines if "losses" in line or "scores" in line]
    return json.dumps(kept).encode()
