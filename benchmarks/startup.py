"""Seconds that `translate --help` takes, beside a bare Python, in alternating rounds.

usage: python benchmarks/startup.py [RUNS]

Prints wall time and processor time (user + system) of the whole process. Quote the ratio on a noisy machine.
"""

import resource
import subprocess
import sys
import time
from functools import partial

from harness import alternate, brief, faster, heading, machine, spread, table

COMMANDS = {"translate --help": ["-m", "translate", "--help"], "python -c pass": ["-c", "pass"]}


def seconds(name: str, processor: dict[str, list[float]]) -> float:
    """Wall seconds of the command; its processor seconds are added to `processor`."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *COMMANDS[name]], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return wall


def main(runs: int = 15) -> None:
    processor: dict[str, list[float]] = {name: [] for name in COMMANDS}
    times = alternate({name: partial(seconds, name, processor) for name in COMMANDS}, runs)
    print(heading(machine("cpu")), end="\n\n")
    rows = [(name, brief(spread(times[name])), brief(spread(processor[name][1:]))) for name in COMMANDS]
    print(table(("command", "wall seconds", "processor seconds"), rows))
    ours, bare = COMMANDS
    print(f"\n`{ours}` takes {brief(faster(times, bare, ours))} times as long as `{bare}`.")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
