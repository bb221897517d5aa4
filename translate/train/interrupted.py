"""How a run ends that was asked to stop."""

import signal
from pathlib import Path

from translate.errors import UserError
from translate.system.signals import CODES


class Interrupted(UserError):
    """Raised after the state was saved; its exit code is 130 for Ctrl-C and 143 for SIGTERM."""

    def __init__(self, number: int, folder: Path, seen: int, total: int):
        super().__init__(
            f"stopped by {signal.Signals(number).name} after {seen:,} of {total:,} images; everything is saved in "
            f"{folder}, and the same command continues from there.",
            CODES[signal.Signals(number)],
        )
