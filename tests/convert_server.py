"""Converts in child processes and kills them with SIGKILL at seeded random instants.

usage: convert_server.py MODEL IN FOLDER KILLS SEED

A fork server: everything is imported once. Prints one JSON object: kills, how many outputs were there at each,
'partial': outputs that were not whole at a kill, 'different': finished outputs unlike the uninterrupted ones,
'leftovers': files that should not be there.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from rich.console import Console

from translate.convert.options import Options
from translate.convert.run import convert


def run(model: str, tree: str, out: Path) -> None:
    with open(os.devnull, "w", encoding="utf-8") as silent:
        convert(Options(model, (tree,), out, batch=8, device="cpu"), Console(file=silent))


def child(model: str, tree: str, out: Path) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        run(model, tree, out)
        code = 0
    finally:
        os._exit(code)


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*.png")}


def main(model: str, tree: str, folder: str, kills: str, seed: str) -> None:
    torch.set_num_threads(1)
    instants, root = random.Random(int(seed)), Path(folder)
    whole = root / "whole"
    process = child(model, tree, whole)  # in a fork, so that this process has no threads when it forks again
    assert os.waitpid(process, 0)[1] == 0
    began = time.monotonic()
    assert os.waitpid(child(model, tree, root / "timed"), 0)[1] == 0
    longest, expected = time.monotonic() - began, outputs(whole)
    done, places, partial, number = 0, [], [], 0
    while done < int(kills):
        out = root / f"run{number}"
        process = child(model, tree, out)
        time.sleep(instants.uniform(0.05, 0.9) * longest)
        os.kill(process, signal.SIGKILL)
        if os.waitpid(process, 0)[1] == 0:  # it was quicker
            number += 1
            continue
        done += 1
        there = outputs(out) if out.exists() else {}
        places.append(len(there))
        partial += [name for name, content in there.items() if expected[name] != content]
        if len(there) == len(expected):
            number += 1
    for out in [root / f"run{index}" for index in range(number + 1)]:
        assert os.waitpid(child(model, tree, out), 0)[1] == 0
    runs = [root / f"run{index}" for index in range(number + 1)]
    different = [str(out) for out in runs if outputs(out) != expected]
    extra = [str(path) for out in runs for path in out.iterdir() if path.name not in (*expected, "report.json")]
    result = {"kills": done, "instants": sorted(set(places)), "partial": partial, "different": different}
    print(json.dumps({**result, "leftovers": extra}))


if __name__ == "__main__":
    main(*sys.argv[1:])
