"""An evaluation in words: a table of the scores as text."""

from typing import Any

from translate.metrics.measures import digits
from translate.system.text import printable


def table(title: str, entry: dict[str, Any]) -> list[str]:
    """Lines: one direction's scores. entry: of evaluation.json."""
    rows = entry["scores"]
    others = {key: words for key, words in FLOORS.items() if any(row[key] for row in rows)}
    cells = [["score", "better", "value", "95 % interval", *others.values(), ""]]
    for row in rows:
        better = {True: "lower", False: "higher", None: ""}[row["lower_is_better"]]
        floors = [digits(row["name"], row[key]["value"]) if row[key] else "" for key in others]
        cells.append([row["name"], better, digits(row["name"], row["value"]), interval(row), *floors, verdict(row)])
    return [printable(title), *aligned(cells), *entry["missing"]]


FLOORS = {"nothing": "doing nothing", "real": "real images"}


def aligned(cells: list[list[str]]) -> list[str]:
    """Rows of cells as lines with columns of equal width; all but the first, second and last to the right."""
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = []
    for row in cells:
        parts = [
            cell.ljust(width) if place < 2 or place == len(widths) - 1 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(parts).rstrip())
    return lines


def interval(row: dict[str, Any]) -> str:
    if row["low"] is None:
        return ""
    return f"{digits(row['name'], row['low'])} to {digits(row['name'], row['high'])}"


def verdict(row: dict[str, Any]) -> str:
    """Whether the score is better than that of doing nothing, or a note."""
    gain = row["gain"]
    if not gain or gain["low"] is None:
        return row["note"]
    if gain["low"] > 0:
        return "better than doing nothing"
    return "worse than doing nothing" if gain["high"] < 0 else "no difference from doing nothing can be told"
