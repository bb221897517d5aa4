"""Trains in child processes and kills them with SIGKILL at seeded random instants, until they are done.

usage: kill_server.py MODE A B FOLDER KILLS SEED

A fork server: everything is imported once, by the uninterrupted run, which this process plays itself on one thread;
the children are forks of it.
Prints one JSON object: kills, restarts at which steps, and the final checkpoint's SHA-256 of each finished run.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from stateful import BATCH
from stateful import settings as everything_on

from translate.train.run import start

IMAGES = 160


def settings(mode: str, a: str, b: str):
    """80 steps with a checkpoint after every second one, and everything on that has a state."""
    s = everything_on(mode, (Path(a), Path(b)), train={"images": IMAGES, "save_every": 2 * BATCH})
    s.train.sample_every, s.train.score_every = 40, IMAGES
    return s


def child(s, folder: Path) -> int:
    """The process id of a fork that trains (or continues) the run in `folder` and says nothing."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        start(s, folder, say=lambda *words: None)
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)


def newest(folder: Path) -> Path | None:
    return max((folder / "checkpoints").glob("*.safetensors"), default=None)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(mode: str, a: str, b: str, folder: str, kills: str, seed: str) -> None:
    torch.set_num_threads(1)
    s, root, instants = settings(mode, a, b), Path(folder), random.Random(int(seed))
    start(s, root / "warm", say=lambda *words: None)  # the first one also imports what is imported late
    began = time.monotonic()
    start(s, root / "whole", say=lambda *words: None)
    longest = time.monotonic() - began
    done, steps, digests = 0, [], []
    while done < int(kills):
        run = root / f"run{len(digests)}"
        while True:
            process = child(s, run)
            # Short lives, so that a run meets many of them: at its start, in a step, while it saves.
            end = time.monotonic() + instants.uniform(0.02, 0.35) * longest
            status = None
            while status is None and time.monotonic() < end:
                found, code = os.waitpid(process, os.WNOHANG)
                status = code if found else None
                time.sleep(0.002)
            if status is None and done < int(kills):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                done += 1
                last = newest(run)
                steps.append(int(last.stem) // BATCH if last else -1)
                continue
            status = os.waitpid(process, 0)[1] if status is None else status
            assert status == 0, f"the run ended with {status}"
            break
        digests.append(digest(newest(run)))
    print(json.dumps({"kills": done, "steps": steps, "whole": digest(newest(root / "whole")), "killed": digests}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(*sys.argv[1:])
