"""The error that ends a run after a stop signal."""

import signal
from pathlib import Path

from translate.errors import UserError
from translate.system.signals import CODES


class Interrupted(UserError):
    """Raised after the state was saved; its exit code is 128 + the signal's number."""

    def __init__(self, number: int, folder: Path, images_seen: int, total: int):
        super().__init__(
            f"stopped by {signal.Signals(number).name} after {images_seen:,} of {total:,} images; everything is saved "
            f"in {folder}, and the same command continues from there.",
            CODES[number],
        )
