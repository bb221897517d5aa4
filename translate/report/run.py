"""`translate report`: one HTML file about one run, or about several that it compares."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import features

from translate.errors import DISK, UserError
from translate.report.album import Album
from translate.report.gather import Departures, Run, gather, named
from translate.report.page import LARGEST, MARK, page
from translate.system.files import write_whole
from translate.system.untrusted import open_regular

NAME = "report.html"
EXTREMES = "best-and-worst.png"  # see translate/train/extremes.py
SPARE = 30_000  # bytes for what a sheet adds besides its pictures


@dataclass
class Options:
    """runs: run folders. out: the file to write; None: report.html in the run folder, or here for several runs."""

    runs: list[Path]
    out: Path | None = None


def report(options: Options, departures: Departures, say: Callable[[str], Any] = print) -> Path:
    """Write the report of the runs, and return its path. departures: `translate.train.settings.departures`.

    UserError for what is no run folder, and where the file can't be written or would replace another one.
    """
    if not features.check("webp"):
        raise UserError("this Pillow was built without WebP, which reports need: pip install --force-reinstall pillow.")
    known = [path.resolve() for path in options.runs]
    if twice := next((path for path in options.runs if known.count(path.resolve()) > 1), None):
        raise UserError(f"{twice} is named twice; name each run once.")
    out = options.out or (options.runs[0] / NAME if len(options.runs) == 1 else Path(NAME))
    runs = [gather(path, departures) for path in options.runs]
    named(runs)
    _refuse_foreign(out)
    content = build(runs, Album())
    write_whole(out, content)
    for run in runs:
        for sentence in run.missing:
            say(f"{run.name}: {sentence}" if len(runs) > 1 else sentence)
    say(f"{out}: {len(content) / 1e6:.1f} MB, for any browser.")
    return out


def build(runs: list[Run], album: Album, seconds: float = math.inf) -> bytes:
    """The report of gathered runs, below 3 MB. seconds: for reading sheets that are new to the album."""
    without = page(runs, [[]] * len(runs), [None] * len(runs), album)
    room = max(0, LARGEST - len(without) - SPARE) * 3 // 4 // len(runs)  # four bytes of the page are three of a picture
    strips, extremes = [], []
    for run in runs:
        best = album.extremes(run.path / EXTREMES, room // 10, run.missing) if len(runs) == 1 else None
        taken = sum(len(album.pictures[key]) for key in best.keys) if best else 0
        if not (found := album.strips(run.path / "samples", room - taken, run.missing, seconds)):
            run.missing.append("There are no sheets in samples/ yet.")
        strips.append(found)
        extremes.append(best)
    return page(runs, strips, extremes, album)


def _refuse_foreign(out: Path) -> None:
    """UserError if `out` is something else than a report."""
    if not out.exists():
        return
    try:
        with open_regular(out) as file:
            if MARK in file.read(4096):
                return
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}; name another file.", DISK) from error
    raise UserError(f"--out {out} exists and is not a report; name another file.")
