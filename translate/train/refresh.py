"""report.html in the run folder, kept up to date during training at under 1 % of its time."""

import time
from collections.abc import Callable
from typing import Any

from translate.errors import UserError
from translate.report.album import Album
from translate.report.gather import gather
from translate.report.run import NAME, build
from translate.system.files import write_whole
from translate.train.folder import RunFolder
from translate.train.settings import departures

SHARE = 0.008  # of the training's time: below 1 % also where one takes longer than the one before it
FIRST = 0.5  # seconds that the first one is expected to take
LEAST = 0.25  # seconds for reading sheets at the end, however short the training


class Refresh:
    """Writes the report of a run folder when it is called, if its share of the time allows that. wanted: else it does
    nothing. say: gets a sentence when the report can't be written: the training goes on without it."""

    def __init__(self, folder: RunFolder, wanted: bool, say: Callable[[str], Any]):
        self.folder, self.say = folder, say
        self.album = Album() if wanted else None
        self.began, self.spent, self.last = time.monotonic(), 0.0, FIRST

    def __call__(self, last: bool = False) -> None:
        """last: the training ends now, so the report is written whatever it costs; the sheets that it has no time to
        read are left out."""
        before = time.monotonic()
        allowed = SHARE * (before - self.began) - self.spent
        if self.album is None or (not last and self.last > allowed):
            return
        try:
            run = gather(self.folder.path, departures)
            seconds = max(allowed - self.last, LEAST if last else 0.0)
            write_whole(self.folder.path / NAME, build([run], self.album, seconds))
        except UserError as error:
            self.stop(f"{NAME} can't be written: {error}")
        except Exception as error:  # a fault in the report must not end the training
            self.stop(f"{NAME} can't be written ({type(error).__name__}: {error}); `translate report` shows why.")
        self.last = time.monotonic() - before
        self.spent += self.last

    def if_missing(self) -> None:
        """Write it if there is none."""
        if not (self.folder.path / NAME).exists():
            self(last=True)

    def stop(self, sentence: str) -> None:
        self.album = None
        self.say(sentence)
