"""How much main memory there is, and holding work to a part of it."""

import threading


def free_memory() -> float:
    """Bytes of main memory that are free; infinity where the system doesn't say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return float("inf")


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
