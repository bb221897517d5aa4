"""The HTML file of a report: everything inside, and every text from a run folder escaped."""

import base64
import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from translate.report.album import Album, Extremes, Strip
from translate.report.body import body
from translate.report.charts import charts, marks
from translate.report.facts import title
from translate.report.gather import Run
from translate.report.grids import grids
from translate.system.text import printable

FOLDER = Path(__file__).parent / "page"
UPLOT = "1.6.32"
MARK = b'<meta name="generator" content="translate report">'  # by which a report is known
LARGEST = 2_950_000  # bytes of a report


def page(runs: list[Run], strips: list[list[Strip]], extremes: list[Extremes | None], album: Album) -> bytes:
    """The report of runs with each one's sheets and its best and worst outputs, in UTF-8."""
    blocks = grids(runs, strips, extremes)
    used = {key for block in blocks for column in block["columns"] for _, key in column["frames"]}
    data: dict[str, Any] = {
        "charts": charts(runs),
        "marks": marks(runs[0]) if len(runs) == 1 else [],
        "grids": blocks,
        "pictures": {key: base64.b64encode(album.pictures[key]).decode() for key in sorted(used)},
    }
    parts = _parts()
    scripts = [parts[name] for name in ("uplot_script", "pictures_script", "charts_script")]
    values = parts | {
        "title": html.escape(printable(heading(runs))),
        "body": body(runs, data["charts"], blocks, heading(runs)),
        "data": _embedded(data),
        "scripts": " ".join(map(_source, scripts)),
        "styles": " ".join(map(_source, (parts["uplot_style"], parts["style"]))),
        "uplot": UPLOT,
    }
    # One pass, so that braces in what is filled in stay what they are.
    filled = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], _read("report.html"))
    return filled.encode("utf-8", "backslashreplace")


def heading(runs: list[Run]) -> str:
    return title(runs[0]) if len(runs) == 1 else f"{len(runs)} runs compared"


@cache
def _parts() -> dict[str, str]:
    names = {
        "uplot_script": "uplot/uPlot.iife.min.js",
        "uplot_style": "uplot/uPlot.min.css",
        "licence": "uplot/LICENSE",
    }
    names |= {"style": "style.css", "pictures_script": "pictures.js", "charts_script": "charts.js"}
    return {key: _read(name) for key, name in names.items()}


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _source(content: str) -> str:
    """An inline script or style as the page's security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _embedded(data: Any) -> str:
    """JSON that can't end the element that it is in."""
    found = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return found.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
