"""SIGINT and SIGTERM ask a run to save and leave; a second one changes nothing while it does."""

import signal
from pathlib import Path
from types import FrameType

from translate.errors import INTERRUPTED, TERMINATED, UserError

CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


class Signals:
    """While entered, `stop` is the signal that was caught, or None."""

    def __init__(self) -> None:
        self.stop: int | None = None

    def __enter__(self) -> "Signals":
        self.before = {number: signal.signal(number, self._caught) for number in CODES}
        return self

    def __exit__(self, *problem: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.stop = number


class Interrupted(UserError):
    """Raised after the state was saved; its exit code is 130 for Ctrl-C and 143 for SIGTERM."""

    def __init__(self, number: int, folder: Path, seen: int, total: int):
        super().__init__(
            f"stopped by {signal.Signals(number).name} after {seen:,} of {total:,} images; everything is saved in "
            f"{folder}, and the same command continues from there.",
            CODES[signal.Signals(number)],
        )
