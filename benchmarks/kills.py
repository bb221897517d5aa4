"""Each system call of a run that names its folder fails, or ends the run: the same command then ends in equal files.

Under strace each call on the run folder's files (open, write, fsync, rename, close, unlink, mkdir …) of a short
training fails once with ENOSPC, once with EIO and once with EDQUOT, and once the process gets SIGKILL at it; those that
change nothing (stat, list, seek …) fail with EIO. Then the same command is given again. Right: the first one ends with
exit code 0, or a documented one and a single sentence, and after the second one all files are equal to those of an
uninterrupted run, log and previews included. Linux, strace.

    OMP_NUM_THREADS=1 python benchmarks/kills.py                    # everything: an hour or two on one core
    OMP_NUM_THREADS=1 python benchmarks/kills.py --every 40 --modes cycle
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import forked

ERRORS = ("ENOSPC", "EIO", "EDQUOT")
KILL = "signal=KILL"
PASSES = 4
CHANGING = {"openat", "write", "pwrite64", "ftruncate", "fsync", "close", "rename", "mkdir", "unlink", "rmdir", "fcntl"}
DOCUMENTED = {0, 2, 5, 74}  # docs/exit-codes.md: done, not usable as given, damaged, a file could not be written
LINE = re.compile(r"^(\w+)\(")


@dataclass(frozen=True)
class Call:
    """The `number`-th call of `name` in the process."""

    name: str
    number: int
    text: str  # as strace prints it


def calls(trace: Path, run: Path) -> list[Call]:
    """The calls in strace's output that name the run folder or a file in it."""
    counts: Counter = Counter()
    found = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        if match := LINE.match(line):
            counts[match[1]] += 1
            if f"{run}/" in line or f'{run}"' in line or f"{run}>" in line:
                found.append(Call(match[1], counts[match[1]], line))
    return found


def tracing(trace: Path, inject: str | None = None) -> list[str]:
    """Options for strace. Only the main thread is traced: it saves, and a count of calls is of each thread."""
    return ["-y", "-s", "0", "-o", str(trace), "-e", "trace=%file,%desc", *(["-e", inject] if inject else [])]


@dataclass(frozen=True)
class Runs:
    """A training of one mode. right: the facts of an undisturbed run."""

    mode: str
    run: Path
    words: list[str]
    calls: list[Call]
    right: dict[str, str]


def prepare(mode: str, data: tuple[Path, Path], root: Path) -> Runs:
    """Train without faults, twice, and list the calls. SystemExit if the two differ."""
    forked.warm(forked.command(mode, data, root / "warm"))
    words = forked.command(mode, data, root / "run")
    whole = forked.play(words, root / "printed", tracing(root / "trace"))
    right = forked.facts(root / "run")
    if whole.code or right != forked.facts(root / "warm"):
        raise SystemExit(f"undisturbed runs of {mode} differ, or fail: {whole.err}")
    return Runs(mode, root / "run", words, calls(root / "trace", root / "run"), right)


def faults(every: list[Runs], passes: Iterable[int]) -> Iterator[tuple[Runs, Call, str]]:
    """Each call with each fault: kills in pass 0, each error at a third of the calls in passes 1 to 3. A kill or a full
    disk at a call that only asks is one at the next that changes something, so those only fail with EIO."""
    for number in passes:
        for runs in every:
            for place, call in enumerate(runs.calls):
                if call.name in CHANGING:
                    yield runs, call, f"error={ERRORS[(place + number) % 3]}" if number else KILL
                elif number == 1:
                    yield runs, call, "error=EIO"


def campaign(
    modes: list[str], passes: list[int], every: int, root: Path, say=lambda text: None
) -> tuple[Counter, list[str]]:
    """(counts, a sentence for each fault after which something was not right). every: 1 tries all, N each N-th."""
    counts: Counter = Counter()
    wrong: list[str] = []
    data = forked.draw(root / "data")
    found = [prepare(mode, data, root / mode) for mode in modes]
    for runs in found:
        counts[f"calls of {runs.mode}"] = len(runs.calls)
    for number, (runs, call, fault) in enumerate(list(faults(found, passes))[::every]):
        printed, trace = runs.run.parent / "printed", runs.run.parent / "trace"
        shutil.rmtree(runs.run)
        inject = f"inject={call.name}:{fault}:when={call.number}"
        first = forked.play(runs.words, printed, tracing(trace, inject))
        if _hit(trace, runs.run):
            counts["kills" if fault == KILL else fault.removeprefix("error=")] += 1
            counts[f"exit code {first.code}"] += 1
        else:
            counts["missed"] += 1  # the call came at another place in this process
        second = forked.play(runs.words, printed)
        problems = [*_of_first(first, fault), *_of_second(second, runs.right, forked.facts(runs.run))]
        if problems:
            wrong.append(f"{runs.mode}, {fault} at {call.text}: {'; '.join(problems)}")
            say(wrong[-1])
        if number % 100 == 99:
            say(f"{len(wrong)} wrong; {words_of(counts)}")
    return counts, wrong


def _hit(trace: Path, run: Path) -> bool:
    """Whether the fault met a call on the run folder's files."""
    text = trace.read_text("utf-8", "replace")
    lines = [line for line in text.splitlines() if "(INJECTED)" in line] or [
        line for line in text.splitlines()[-4:] if "SIGKILL" not in line
    ]
    return any(str(run) in line for line in lines)


def _of_first(ended: forked.Ended, fault: str) -> list[str]:
    if fault == KILL:
        return [] if ended.code == -9 else [f"ended with {ended.code}, not by the signal"]
    found = [] if ended.code in DOCUMENTED else [f"exit code {ended.code}"]
    if "Traceback" in ended.err:
        found.append(f"a traceback: {ended.err.strip().splitlines()[-2:]}")
    elif ended.code and (not ended.err.startswith("error: ") or len(ended.err.strip().splitlines()) != 1):
        found.append(f"not one sentence: {ended.err.strip()!r}")
    return found


def _of_second(ended: forked.Ended, right: dict[str, str], files: dict[str, str]) -> list[str]:
    if ended.code:
        return [f"the same command then ended with {ended.code}: {ended.err.strip()[-300:]}"]
    differ = sorted(name for name in right.keys() | files.keys() if right.get(name) != files.get(name))
    return [f"other files than uninterrupted: {', '.join(differ)}"] if differ else []


def words_of(counts: Counter) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counts.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", default=list(forked.MODES), choices=forked.MODES)
    parser.add_argument("--passes", nargs="+", type=int, default=list(range(PASSES)), choices=range(PASSES))
    parser.add_argument("--every", type=int, default=1)
    words = parser.parse_args()
    if not shutil.which("strace"):
        raise SystemExit("this needs strace: apt-get install strace")
    with tempfile.TemporaryDirectory() as folder:
        counts, wrong = campaign(
            words.modes, words.passes, words.every, Path(folder), lambda text: print(text, flush=True)
        )
    print(f"{len(wrong)} wrong; {words_of(counts)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
