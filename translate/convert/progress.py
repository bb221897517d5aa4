"""Progress of a conversion: a bar on a terminal, otherwise a line of text at intervals."""

import threading
import time

from rich import progress
from rich.console import Console

from translate.system.text import duration

PLAIN_SECONDS = 15.0


class Progress:
    """A context that reports files done, speed and time left. `advance` may be called from any thread."""

    def __init__(self, total: int, console: Console):
        self.total, self.done, self.console = total, 0, console
        self.lock = threading.Lock()
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(None),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
        )
        self.bar = progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("starting", total=total)

    def __enter__(self) -> "Progress":
        self.started = self.line = time.monotonic()
        self.bar.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.seconds = time.monotonic() - self.started
        self.bar.stop()

    def advance(self, failed: int) -> None:
        with self.lock:
            self.done += 1
            rate = self.done / (time.monotonic() - self.started)
            words = f"{rate:.1f} files/s" + (f", {failed:,} failed" if failed else "")
            self.bar.update(self.task, completed=self.done, description=words)
            if not self.console.is_terminal and time.monotonic() - self.line >= PLAIN_SECONDS:
                self.line = time.monotonic()
                left = duration((self.total - self.done) / rate)
                self.console.print(f"{self.done:,}/{self.total:,} · {words} · {left} left")

    @property
    def rate(self) -> float:
        return self.done / max(self.seconds, 1e-9)

    @property
    def took(self) -> str:
        return duration(self.seconds) if self.seconds >= 1 else f"{self.seconds:.1f} s"
