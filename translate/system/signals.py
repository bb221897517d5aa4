"""The signals that ask for an orderly end; a second one changes nothing while that happens."""

import signal
from types import FrameType

# Ctrl-C, kill, a closed terminal, what schedulers send before they end a job, Windows' Ctrl-Break and closed console.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
CODES: dict[int, int] = {  # signal → exit code, as shells have it
    number: 128 + number for name in NAMES if (number := getattr(signal, name, None)) is not None
}


class Signals:
    """While entered, `stop` is the signal that was caught, or None."""

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
    """In a loader's worker process: a signal to the whole group is for the trainer, which ends the workers itself."""
    for number in CODES:
        signal.signal(number, signal.SIG_IGN)
