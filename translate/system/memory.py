"""Main memory: how much is free, allocator settings, and a budget for work in progress."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT_BYTES = 1 << 30  # freed memory up to this size stays with the process; larger blocks don't


CGROUPS = Path("/sys/fs/cgroup")


def free_memory() -> float:
    """Bytes of main memory that this process may still take; infinity where the system doesn't say.

    The least of what the machine has (MemAvailable), what the control groups of a container or a batch system leave,
    and what a limit of the address space (ulimit -v) leaves.
    """
    return max(0.0, min(_available(), _cgroups_leave(Path("/proc/self/cgroup"), CGROUPS), _address_space_leaves()))


def _available() -> float:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return float("inf")


def _cgroups_leave(own: Path, root: Path) -> float:
    """What the groups that this process is in, and the groups around those, leave: version 2 and version 1.

    own: /proc/self/cgroup. root: where the groups' files are. In a container the path that `own` names may not be
    there, and the root is the group itself.
    """
    try:
        lines = [line.strip().split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return float("inf")
    left = float("inf")
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers == "":
            top, limit, used, cache = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, cache = root / "memory", "total_inactive_file"
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            if group == top or top in group.parents:
                left = min(left, _group_leaves(group, limit, used, cache))
    return left


def _group_leaves(group: Path, limit: str, used: str, cache: str) -> float:
    try:
        most = (group / limit).read_text().strip()
        if most == "max":
            return float("inf")
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        taken = int((group / used).read_text()) - int(statistics.get(cache, 0))  # files that are only cached can go
        return int(most) - taken
    except (OSError, ValueError):
        return float("inf")


def _address_space_leaves() -> float:
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most == resource.RLIM_INFINITY:
            return float("inf")
        with open("/proc/self/statm", encoding="ascii") as file:
            return most - int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return float("inf")


def keep_freed(*, shared: bool = False) -> None:
    """Let this process keep and reuse the memory that it frees, which glibc otherwise returns to the system.

    Networks on a CPU allocate the same large blocks repeatedly; new ones, zeroed page by page, took a fifth of a small
    network's time. No effect without glibc.

    shared: threads that start later use one arena. Arenas of their own hold 64 MB at most, and are faster for many
    small blocks (as in training).
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # as in malloc.h
        if not mallopt(mmap_threshold, KEPT_BYTES):
            mallopt(mmap_threshold, 32 << 20)  # the maximum of glibc before 2.35
        mallopt(trim_threshold, KEPT_BYTES)
        if shared:
            mallopt(arena_max, 1)


class Budget:
    """At most `limit` bytes of work in progress; a single piece of work may be larger."""

    def __init__(self, limit: int):
        self.limit, self.used = limit, 0
        self.changed = threading.Condition()

    def take(self, size: int) -> None:
        """Reserve `size` bytes; waits until they are free."""
        with self.changed:
            self.changed.wait_for(lambda: self.used == 0 or self.used + size <= self.limit)
            self.used += size

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Room for `size` bytes while it lasts."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)

    def give(self, size: int) -> None:
        """Release `size` bytes."""
        with self.changed:
            self.used -= size
            self.changed.notify_all()
