"""Seconds from the command `translate train` to its first line and to the end of its first step, and where they go.

usage: python benchmarks/first_step.py [--runs 5] [--preset paper] [--json FILE] [WORD ...]

Without WORDs it trains --mode cycle on drawings made up here; WORDs replace `--mode cycle --a … --b …`, as in
`first_step.py -- --mode pix2pix --a openmoji_line --b openmoji_color`. The first run warms the files' cache and doesn't
count. Each run is the command itself in a new process, which is stopped after its first step.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import loader
from harness import brief, heading, machine, spread, table, write

from translate.system.device import choose

# Run by a new Python: the parts are wrapped where `translate train` calls them, and it ends after the first round.
INSIDE = """
import json, os, sys, time
marks = {"Python": time.time() - float(sys.argv[1])}
def part(name, work):
    def timed(*arguments, **options):
        began, inner = time.time(), sum(marks.values())
        try:
            return work(*arguments, **options)
        finally:
            marks[name] = marks.get(name, 0) + time.time() - began - (sum(marks.values()) - inner)
    return timed
def imports():
    import translate.cli.app, translate.train.options, translate.train.run
def leave(play):
    def played(*arguments):
        part("first round", play)(*arguments)
        if arguments[0].device.type == "cuda":
            import torch
            torch.cuda.synchronize()
        print(json.dumps({"end": time.time(), "parts": marks}), flush=True)
        os._exit(0)
    return played
part("import torch", lambda: __import__("torch"))()
part("other imports", imports)()
from translate.train import loop, run
run.open_data = part("data", run.open_data)
loop.build_mode = part("networks", loop.build_mode)
loop.Trainer.__init__ = part("optimizers", loop.Trainer.__init__)
run.Run.begin = part("first checkpoint", run.Run.begin)
loop.Trainer.play = leave(loop.Trainer.play)
from translate.cli import main
sys.argv = ["translate", "train", *sys.argv[2:]]
main()
"""
PARTS = ("Python", "import torch", "other imports", "data", "networks", "optimizers", "first checkpoint", "first round")


def once(words: list[str], scratch: Path) -> dict[str, float]:
    """Seconds to the first line, to the end of the first step, and of each part; "rest" is what no part has."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        began = time.time()
        command = [sys.executable, "-u", "-c", INSIDE, str(began), *words, "--out", str(Path(out) / "run")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TERM": "dumb"}) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append((time.time() - began, line))
    try:
        report = json.loads(lines[-1][1])
    except (ValueError, IndexError):
        raise SystemExit("translate train ended before its first step") from None
    total = report["end"] - began
    return {
        "first line": lines[0][0],
        "first step": total,
        **report["parts"],
        "rest": total - sum(report["parts"].values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--preset", default=None, help="instead of the one that the device chooses")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        words = options.words
        if not words:
            a, b = loader.folders(Path(scratch), "drawings")
            words = ["--mode", "cycle", "--a", str(a), "--b", str(b), "--size", "64"]
        if options.preset:
            words += ["--preset", options.preset]
        runs = [once(words, Path(scratch)) for _ in range(options.runs + 1)][1:]
    spreads = {name: spread(run[name] for run in runs) for name in runs[0]}
    result: dict[str, Any] = {"machine": machine(choose("auto")), "seconds": spreads, "runs": runs}
    write(options.json, result)
    print(heading(result["machine"]), end="\n\n")
    print(table(("to", "seconds"), [(name, brief(spreads[name], " s")) for name in ("first line", "first step")]))
    names = [name for name in (*PARTS, "rest") if name in spreads]
    print("\n" + table(("of them", "seconds"), [(name, brief(spreads[name], " s")) for name in names]))


if __name__ == "__main__":
    main()
