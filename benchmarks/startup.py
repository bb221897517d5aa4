"""Seconds that `translate --help` takes: the median and range of several runs after a warm-up, beside a bare Python.

usage: python benchmarks/startup.py [RUNS]

Prints wall time and processor time (user + system) of the whole process. Quote the ratio on a noisy machine.
"""

import resource
import statistics
import subprocess
import sys
import time


def measure(command: list[str], runs: int) -> tuple[list[float], list[float]]:
    """(wall seconds, processor seconds) of each counted run."""
    walls, processors = [], []
    for number in range(runs + 1):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
        if number:  # the first one warms the file cache
            walls.append(wall)
            processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return walls, processors


def main(runs: int = 15) -> None:
    commands = {
        "translate --help": [sys.executable, "-m", "translate", "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    print(f"{'command':20} {'wall median':>12} {'(min – max)':>16} {'processor median':>18}   seconds, {runs} runs")
    for name, command in commands.items():
        walls, processors = measure(command, runs)
        spread = f"({min(walls):.3f} – {max(walls):.3f})"
        print(f"{name:20} {statistics.median(walls):12.3f} {spread:>16} {statistics.median(processors):18.3f}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
