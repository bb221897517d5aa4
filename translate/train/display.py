"""Progress on the screen during training: a live panel in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from translate.system.text import duration


class Display:
    """Progress, speed, each player's losses and diagnostics, scores and the newest preview's path.

    On a terminal a panel that is updated; otherwise a line every `plain_seconds`. Messages are printed above it. total:
    images of the training; images_seen: at the start of this session.
    """

    plain_seconds = 15.0

    def __init__(self, total: int, images_seen: int, console: Console | None = None, quiet: bool = False):
        self.console = console or Console(highlight=False, soft_wrap=True, quiet=quiet)
        self.total, self.images_seen, self.first_images = total, images_seen, images_seen
        self.started = self.last_line = time.monotonic()
        self.paused = 0.0
        self.losses: dict[str, dict[str, float]] = {}
        self.scores: list[str] = []
        self.sample = ""
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(None), TaskProgressColumn(), console=self.console, expand=True
        )
        self.task = self.bar.add_task("", total=total, completed=images_seen)
        self.live = Live(console=self.console, refresh_per_second=4, transient=True) if self._terminal() else None

    def _terminal(self) -> bool:
        return self.console.is_terminal and not self.console.quiet

    def __enter__(self) -> "Display":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *problem: object) -> None:
        if self.live:
            self.live.stop()

    def say(self, *lines: str) -> None:
        """Print lines above the panel."""
        for line in lines:
            self.console.print(line, markup=False)

    @property
    def rate(self) -> float:
        """Images a second in this session, without the time given to `add_pause`."""
        elapsed = time.monotonic() - self.started - self.paused
        return (self.images_seen - self.first_images) / elapsed if elapsed > 0 else 0.0

    def add_pause(self, seconds: float) -> None:
        """Exclude time that was not spent on training (scores, previews, saving) from `rate`."""
        self.paused += seconds

    def update(self, images_seen: int) -> None:
        self.images_seen = images_seen
        if self.live:
            self.live.update(self._panel())
        elif time.monotonic() - self.last_line >= self.plain_seconds:
            self.last_line = time.monotonic()
            self.say(f"{self._position()} · {self._players()}")

    def _position(self) -> str:
        rate = self.rate
        left = f"{duration((self.total - self.images_seen) / rate)} left" if rate else "starting"
        return f"{self.images_seen:,}/{self.total:,} images · {rate:.1f} images/s · {left}"

    def _players(self) -> str:
        return " · ".join(
            f"{player}: " + " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            for player, losses in self.losses.items()
        )

    def _panel(self) -> Group:
        self.bar.update(self.task, completed=self.images_seen, description=self._position())
        table = Table.grid(padding=(0, 2))
        for player, losses in self.losses.items():
            values: Iterable[str] = (f"{name} {value:.3f}" for name, value in losses.items())
            table.add_row(Text(f"player {player}", style="bold"), Text("   ".join(values)))
        for score in self.scores:
            table.add_row(Text("score", style="bold"), Text(score))
        if self.sample:
            table.add_row(Text("newest preview", style="bold"), Text(self.sample))
        return Group(self.bar, table)
