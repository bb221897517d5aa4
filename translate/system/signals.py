"""Stop signals, after which a command ends in order; further ones are ignored meanwhile."""

import signal
from types import FrameType

# Ctrl-C, kill, a closed terminal, schedulers' warnings before they end a job, Windows' Ctrl-Break and closed console.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
CODES: dict[int, int] = {  # signal → exit code, as shells have it
    number: 128 + number for name in NAMES if (number := getattr(signal, name, None)) is not None
}


class Signals:
    """Catches stop signals while entered. stop: the number of the last one, or None."""

    def __init__(self) -> None:
        self.stop: int | None = None

    def __enter__(self) -> "Signals":
        # A signal that is ignored already (nohup) stays so.
        numbers = [number for number in CODES if signal.getsignal(number) is not signal.SIG_IGN]
        self.before = {number: signal.signal(number, self._caught) for number in numbers}
        return self

    def __exit__(self, *problem: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.stop = number


def ignore() -> None:
    """Ignore stop signals in a data loader's worker process: the trainer handles them and ends its workers."""
    for number in CODES:
        signal.signal(number, signal.SIG_IGN)
