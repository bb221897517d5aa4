"""How much main memory there is, and holding work to a part of it."""

import ctypes
import sys
import threading

KEPT = 1 << 30  # bytes: freed memory up to so much stays with the process, and larger pieces aren't kept


def free_memory() -> float:
    """Bytes of main memory that are free; infinity where the system doesn't say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return float("inf")


def keep_freed(*, shared: bool = False) -> None:
    """Let this process keep the memory that it frees and take it again, which glibc else gives back to the system.

    Networks on a CPU ask for the same large pieces again and again; getting each one anew, zeroed page by page, took a
    fifth of a small network's time. Nothing where the C library isn't glibc.

    shared: threads that begin later take from one store. Those of their own hold 64 MB at most, and are quicker where
    pieces are small and many (a training's).
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # as in malloc.h
        if not mallopt(mmap_threshold, KEPT):
            mallopt(mmap_threshold, 32 << 20)  # all that glibc took before 2.35
        mallopt(trim_threshold, KEPT)
        if shared:
            mallopt(arena_max, 1)


class Budget:
    """At most `limit` bytes at work at once; one thing alone may be larger."""

    def __init__(self, limit: int):
        self.limit, self.used = limit, 0
        self.changed = threading.Condition()

    def take(self, size: int) -> None:
        """Waits until there is room."""
        with self.changed:
            self.changed.wait_for(lambda: self.used == 0 or self.used + size <= self.limit)
            self.used += size

    def give(self, size: int) -> None:
        with self.changed:
            self.used -= size
            self.changed.notify_all()
