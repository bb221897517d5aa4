"""What a run's log.jsonl holds: curves, scores, warnings, starts. Whatever doesn't fit is left out and counted."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from translate.system.untrusted import LARGEST_TEXT, parse_object, read_bytes

Curve = tuple[list[int], list[float]]  # images seen, values


@dataclass
class Scoring:
    """The scores at one moment: name → its row in the log, in the log's order."""

    images: int
    rows: dict[str, dict[str, Any]]
    samples: list[str]  # sentences about the samples of a GAN


@dataclass
class History:
    """losses, diagnostics: player → name → curve. norms: player → the largest norms of its gradients."""

    losses: dict[str, dict[str, Curve]] = field(default_factory=dict)
    diagnostics: dict[str, dict[str, Curve]] = field(default_factory=dict)
    norms: dict[str, Curve] = field(default_factory=dict)
    scorings: list[Scoring] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)  # images seen, sentence
    starts: list[dict[str, Any]] = field(default_factory=list)  # one for each session
    deciding: str = ""  # the name of the score that chooses the best generator
    rate: float = 0.0  # images a second, of the last session
    seconds: float = 0.0  # all sessions together; 0 if the log has no times
    written: float = 0.0  # the last line's time, in seconds since 1970; 0 if it has none
    images: int = 0  # seen at the last line
    diverged: str = ""  # what became NaN or infinite
    patience: bool = False  # it was stopped because scores no longer improved
    minutes: float = 0.0  # that the length was chosen for; 0 if it was given
    presets: list[dict[str, Any]] = field(default_factory=list)  # what was compared to choose the preset
    damaged: int = 0  # lines that are no entries


def read(path: Path) -> History:
    """The history in a log.jsonl, which may be growing: a line that isn't complete yet is not counted as damaged.
    OSError if it can't be read."""
    found = History()
    text = read_bytes(path, LARGEST_TEXT).decode("utf-8", "replace")
    lines, rest = text.split("\n")[:-1], text.rpartition("\n")[2]
    for line in filter(str.strip, [*lines, rest]):
        try:
            entry = parse_object(line)
            images = entry["images"]
            if not isinstance(images, int) or isinstance(images, bool) or not 0 <= images < 2**53:
                raise ValueError
        except (ValueError, KeyError):
            found.damaged += line is not rest
            continue
        _add(found, images, entry)
    return found


def _add(found: History, images: int, entry: dict[str, Any]) -> None:
    found.images = max(found.images, images)
    if time := number(entry.get("time")):
        if entry.get("event") != "start" and found.written:  # between sessions nothing was trained
            found.seconds += max(0.0, time - found.written)
        found.written = time
    match entry.get("event"):
        case "start":
            found.starts.append(entry)
            found.diverged, found.patience = "", False  # it was continued
        case "warning":
            found.warnings.append((images, str(entry.get("text", ""))))
        case "diverged":
            found.diverged = f"the {'loss' if entry.get('losses') else 'gradient'} of player {entry.get('player')}"
        case "patience":
            found.patience = True
        case "minutes":
            found.minutes = number(entry.get("minutes")) or 0.0
        case "preset":
            found.presets.append(entry)
    protocol = entry.get("protocol")
    if isinstance(protocol, dict) and isinstance(protocol.get("best"), str):
        found.deciding = protocol["best"]
    rate = number(entry.get("images_per_second"))
    found.rate = found.rate if rate is None else rate
    for curves, values in ((found.losses, entry.get("losses")), (found.diagnostics, entry.get("diagnostics"))):
        for player, own in table(values).items():
            for name, value in table(own).items():
                _append(curves.setdefault(player, {}).setdefault(name, ([], [])), images, value)
    for player, value in table(entry.get("largest_norms")).items():
        _append(found.norms.setdefault(player, ([], [])), images, value)
    if isinstance(rows := entry.get("scores"), list):
        known = [row for row in rows if isinstance(row, dict) and number(row.get("value")) is not None]
        facts = entry.get("samples") if isinstance(entry.get("samples"), list) else []
        scores = {str(row["name"]): row for row in known if "name" in row}
        found.scorings.append(Scoring(images, scores, [*map(str, facts or [])]))


def _append(curve: Curve, images: int, value: Any) -> None:
    """Add a point; one at or before the last one replaces it."""
    if (y := number(value)) is None:
        return
    while curve[0] and curve[0][-1] >= images:
        curve[0].pop(), curve[1].pop()
    curve[0].append(images)
    curve[1].append(y)


def number(value: Any) -> float | None:
    """A finite number as float, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def table(value: Any) -> dict[str, Any]:
    """A JSON object; {} for anything else."""
    return value if isinstance(value, dict) else {}


def best(history: History) -> tuple[Scoring, str] | None:
    """(the scoring with the best generator, the deciding score's name); None without scores. As in training, the first
    of equals is the best, and where no score decides, the newest."""
    scorings = [one for one in history.scorings if one.rows]
    if not scorings:
        return None
    name = history.deciding or next(iter(scorings[-1].rows))
    known = [one for one in scorings if name in one.rows]
    if not known:
        return scorings[-1], next(iter(scorings[-1].rows))
    lower = is_lower_better(known[-1].rows[name])
    return min(known, key=lambda one: one.rows[name]["value"] * (1 if lower else -1)), name


def is_lower_better(row: dict[str, Any]) -> bool:
    """Whether the lower score is the better one. Logs of earlier versions don't say it."""
    old = not str(row.get("name", "")).startswith(("PSNR", "SSIM", "cosine"))
    found = row.get("lower_is_better", old)
    return found if isinstance(found, bool) else old
