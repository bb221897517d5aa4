"""The one way in which speed is measured here: contenders in alternating rounds. docs/benchmarks.md says why."""

import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

Times = dict[str, list[float]]  # contender -> seconds of each counted round, in the same order for all
ENVIRONMENT = ("OMP_", "GOMP_", "KMP_", "MKL_", "CUDA_", "TORCH", "PYTORCH_")


def synchronise(device: str) -> None:
    """Wait until the device has finished what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def timed(work: Callable[[], Any], device: str = "cpu") -> float:
    """Seconds of `work`, the device idle at both ends."""
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began


def alternate(contenders: Mapping[str, Callable[[], float]], rounds: int, warm: int = 1) -> Times:
    """Seconds of each contender in every round: all run in each, each time another one first, so that a neighbour on
    the machine or a clock that falls meets all of them. The first `warm` rounds don't count."""
    names = list(contenders)
    times: Times = {name: [] for name in names}
    for number in range(warm + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds = contenders[name]()
            if number >= warm:
                times[name].append(seconds)
    return times


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median and quartiles (the middle half lies between them) of at least one value."""
    values = list(values)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": middle, "q1": low, "q3": high, "n": len(values)}


def faster(times: Times, name: str, than: str) -> dict[str, float]:
    """How many times as fast contender `name` is: the spread of the ratios of each round's two times. A ratio of two
    medians would compare moments at which the machine had different neighbours."""
    return spread(theirs / ours for ours, theirs in zip(times[name], times[than], strict=True))


def brief(values: dict[str, float], unit: str = "") -> str:
    """A spread in three digits: median (q1 – q3)."""
    if values["n"] == 1:
        return f"{_digits(values['median'])}{unit}"
    return f"{_digits(values['median'])}{unit} ({_digits(values['q1'])} – {_digits(values['q3'])})"


def _digits(value: float) -> str:
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(places, 4)}f}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, ready to paste."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(headings), *lines[1:]])


# Contenders in processes of their own ---------------------------------------------------------------------------------


@dataclass
class Work:
    """What a contender does again and again. facts: what is known of it, as JSON can hold it."""

    step: Callable[[], Any]
    device: str
    facts: dict[str, Any] = field(default_factory=dict)


class Contender:
    """Work in a process of its own, so that one's threads, caches, switches and memory are not another's.

    make: a function of a module that gives the Work; it begins at once, so that several contenders start together.
    """

    def __init__(self, make: Callable[..., Work], *arguments: Any):
        self.process = ProcessPoolExecutor(1, get_context("spawn"))
        self.first: Future[float] | None = None
        self._facts = self.process.submit(_make, make, arguments)

    @property
    def facts(self) -> dict[str, Any]:
        """The Work's facts; raises what making it raised."""
        return self._facts.result()

    def begin(self) -> Future[float]:
        """Begin the first step; the seconds that it takes."""
        self.first = self.first or self.process.submit(_play, 1)
        return self.first

    def play(self, steps: int) -> float:
        """Seconds that so many steps take."""
        return self.process.submit(_play, steps).result()

    def peak(self) -> dict[str, Any]:
        """{"bytes", "of": what kind of memory}: the most that was held since the Work was begun, first step included"""
        return self.process.submit(_peak).result()

    def close(self) -> None:
        self.process.shutdown(cancel_futures=True)


_work: Work
_before: int  # resident bytes before the work was made


def _make(make: Callable[..., Work], arguments: tuple) -> dict[str, Any]:
    global _work, _before
    import torch._dynamo  # torch's own optimizers, as the reference has them, import it, and it takes memory  # noqa: F401

    _before = _resident("VmRSS")
    _work = make(*arguments)
    return _work.facts


def _play(steps: int) -> float:
    def work() -> None:
        for _ in range(steps):
            _work.step()

    return timed(work, _work.device)


def _peak() -> dict[str, Any]:
    if _work.device == "cuda":
        return {"bytes": torch.cuda.max_memory_allocated(), "of": "CUDA tensors (max_memory_allocated)"}
    return {"bytes": _resident("VmHWM") - _before, "of": "resident memory of the process above that of its imports"}


def _resident(entry: str) -> int:
    """Bytes, of Linux's account of this process: VmRSS now, VmHWM at most. 0 elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(entry + ":")), 0)


# What a reader needs to judge a figure --------------------------------------------------------------------------------


def machine(device: str) -> dict[str, Any]:
    """Versions, device, processor, threads, load and commit. No path of this machine."""
    git = ("git", "-C", str(Path(__file__).parent))
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "command": command(),
        "commit": _told(*git, "rev-parse", "HEAD"),
        "changed_files": len((_told(*git, "status", "--porcelain", "--untracked-files=no") or "").splitlines()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "environment": {k: v for k, v in sorted(os.environ.items()) if k.startswith(ENVIRONMENT) and "/" not in v},
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "device": device,
    }
    if device == "cuda":
        found |= {
            "device": torch.cuda.get_device_name(),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "driver": _told("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
            "memory": torch.cuda.get_device_properties(0).total_memory,
        }
    return found


def command() -> str:
    """The command line, without the folders of this machine."""
    words = [word if word.startswith("-") or not os.path.isabs(word) else Path(word).name for word in sys.argv[1:]]
    return f"python benchmarks/{Path(sys.argv[0]).name} {shlex.join(words)}".strip()


def heading(found: dict[str, Any]) -> str:
    """One line on the machine, to stand above a table."""
    where = found["device"] if found["device"] != "cpu" else f"{found['processor']} ({found['instructions']})"
    changed = f" with {found['changed_files']} changed files" if found["changed_files"] else ""
    return (
        f"`{found['command']}`: {where}, {found['cores']} cores, {found['threads']} threads, torch {found['torch']}, "
        f"load {found['load'][0] if found['load'] else '?'}, commit {(found['commit'] or '?')[:9]}{changed}"
    )


def write(path: Path | None, result: dict[str, Any]) -> None:
    """The whole result as JSON, if a file for it was named."""
    if path:
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _told(*words: str) -> str | None:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
