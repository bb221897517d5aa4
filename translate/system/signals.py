"""SIGINT and SIGTERM ask for an orderly end; a second one changes nothing while that happens."""

import signal
from types import FrameType

from translate.errors import INTERRUPTED, TERMINATED

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
