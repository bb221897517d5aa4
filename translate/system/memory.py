"""Main memory: how much is free, allocator settings, and a budget for work in progress."""

import ctypes
import sys
import threading

KEPT_BYTES = 1 << 30  # freed memory up to this size stays with the process; larger blocks don't


def free_memory() -> float:
    """Bytes of main memory that are free; infinity where that is unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
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

    def give(self, size: int) -> None:
        """Release `size` bytes."""
        with self.changed:
            self.used -= size
            self.changed.notify_all()
