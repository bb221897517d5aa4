"""Sheets as grids of images: one for each direction and run; runs with the same inputs share one, side by side."""

from typing import Any

from translate.report.album import Extremes, Layout, Strip
from translate.report.facts import score
from translate.report.gather import Run
from translate.settings import LETTERS


def grids(runs: list[Run], strips: list[list[Strip]], extremes: list[Extremes | None]) -> list[dict[str, Any]]:
    """The grids that page/pictures.js shows. Each column has frames: [images seen, key of a picture] in order."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run, own in zip(runs, strips, strict=True):
        for strip in own:
            first = strip.frames[max(strip.frames)][0]
            shared = strip.direction, strip.layout.size, strip.layout.count, first
            key = shared if strip.layout.headings[0] == "input" else (strip.direction, run.name)
            if key in found:
                _join(found[key], run, strip)
            else:
                found[key] = _grid(runs, run, strip)
    listed = list(found.values())
    if len(runs) == 1 and extremes[0]:
        listed.append(_extremes(extremes[0]))
    return listed


def _grid(runs: list[Run], run: Run, strip: Strip) -> dict[str, Any]:
    columns = [_column(strip, place) for place in range(len(strip.layout.headings))]
    grid = {"kind": "sheet", "title": direction(run, strip.direction), "runs": [run.name], "columns": columns}
    if len(runs) > 1:
        for column in columns:
            if column["heading"] not in ("input", "truth"):
                column["heading"] = f"{run.name} {column['heading']}".replace(" output", "")
            column["heading"] = column["heading"].strip()
    return grid | {"names": list(strip.layout.names), "left_out": strip.left_out} | _shape(strip.layout)


def _join(grid: dict[str, Any], run: Run, strip: Strip) -> None:
    """Add another run's outputs, before the truth."""
    grid["runs"].append(run.name)
    truth = [column for column in grid["columns"] if column["heading"] == "truth"]
    others = [column for column in grid["columns"] if column["heading"] != "truth"]
    for place, heading in enumerate(strip.layout.headings):
        if heading not in ("input", "truth"):
            others.append(_column(strip, place) | {"heading": f"{run.name} {heading}".replace(" output", "")})
    grid["columns"] = others + truth
    grid["left_out"] += strip.left_out


def _column(strip: Strip, place: int) -> dict[str, Any]:
    frames = [[images, keys[place]] for images, keys in sorted(strip.frames.items())]
    return {"heading": strip.layout.headings[place], "frames": frames}


def _shape(layout: Layout) -> dict[str, Any]:
    return {"size": list(layout.size), "count": layout.count, "across": layout.across, "perRow": layout.per_row}


def _extremes(found: Extremes) -> dict[str, Any]:
    images = found.about.get("images")
    images = images if isinstance(images, int) else 0
    rows = [f"{row.get('name', '')} · {score(row.get('value'))}" for row in found.rows]
    kinds = ["worst" if row.get("kind") == "worst" else "best" for row in found.rows]
    columns = [
        {"heading": heading or "sample", "frames": [[images, key]]}
        for heading, key in zip(found.layout.headings, found.keys, strict=True)
    ]
    grid = {"kind": "extremes", "title": "", "columns": columns, "names": rows, "kinds": kinds, "left_out": 0}
    return grid | {"measure": str(found.about.get("measure", "")), "images": images} | _shape(found.layout)


def direction(run: Run, suffix: str) -> str:
    """The domains that a sheet's direction leads from and to."""
    names = run.domains
    if len(names) < 2:
        return f"samples of {names[0] if names else run.name}"
    if len(names) > 2:
        place = LETTERS.find((suffix or "a")[0])
        return f"{names[place] if 0 <= place < len(names) else suffix} → all others"
    return " → ".join(names if suffix in ("", "a2b") else names[::-1])
