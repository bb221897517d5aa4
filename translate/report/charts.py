"""What a report's curves show, as tables that page/charts.js draws with uPlot."""

import math
from statistics import median
from typing import Any

from translate.report.gather import Run
from translate.report.history import Curve, best, number

POINTS = 400  # of a curve at most: more are averaged
CHARTS, SERIES = 60, 16  # at most
BASELINES = {"doing_nothing": "doing nothing", "real_images": "real images"}
EXPLAINED = {
    "KID": "distance to the domain's images",
    "FID": "distance to the domain's images",
    "cosine": "similarity to the true partner",
    "ST-LPIPS": "perceptual distance to the true partner",
    "L1": "difference from the true partner",
    "PSNR": "closeness to the true partner, in dB",
    "SSIM": "structural similarity to the true partner",
}


def explained(score: str) -> str:
    """A few words on a score; "" for one that isn't known."""
    return EXPLAINED.get(score) or EXPLAINED.get(score.partition("-")[0], "")


def charts(runs: list[Run]) -> list[dict[str, Any]]:
    """Every curve of the runs. Of one run the curves of a player are in one chart; of several, each chart has the same
    curve of all runs."""
    found = _scores(runs)
    several = len(runs) > 1
    for player in _keys([run.history.losses for run in runs]):
        names = _keys([run.history.losses.get(player, {}) for run in runs])
        for group in [[name] for name in names] if several else [names]:
            title = f"Loss of {player}: {group[0]}" if several and names != [player] else f"Losses of {player}"
            series = [
                _series(run, number, name, run.history.losses.get(player, {}).get(name))
                for number, run in enumerate(runs)
                for name in group
            ]
            found.append(_chart(title, series, smooth=True))
    for player in _keys([run.history.diagnostics for run in runs]):
        for name in _keys([run.history.diagnostics.get(player, {}) for run in runs]):
            if name == "relative_loss":  # D's loss in other units
                continue
            curves = [run.history.diagnostics.get(player, {}).get(name) for run in runs]
            series = [_series(run, n, name, curve) for n, (run, curve) in enumerate(zip(runs, curves, strict=True))]
            chart = _chart(f"{player}'s {name}", series, smooth=True)
            if name == "accuracy":
                chart |= {"title": f"{player}'s accuracy", "percent": True, "log": False}
                chart["lines"] = [{"label": "chance", "y": 0.5}]
                chart["note"] = "near 50 % D can't tell real from generated; near 100 % G can't learn from it"
            found.append(chart)
    players = _keys([run.history.norms for run in runs])
    for group in [[player] for player in players] if several else [players]:
        series = [
            _series(run, n, player, run.history.norms.get(player)) for n, run in enumerate(runs) for player in group
        ]
        title = f"Gradient of {group[0]}" if several and group else "Gradients"
        found.append(_chart(title, series, smooth=True) | {"note": "largest norm since the last point", "log": True})
    for chart in found:
        chart["series"] = [one for one in chart["series"] if one["x"]][:SERIES]
        chart["log"] = chart["log"] and all(y > 0 for one in chart["series"] for y in one["y"])
    return [chart for chart in found if chart["series"]][:CHARTS]


def marks(run: Run) -> list[dict[str, Any]]:
    """The numbered warnings of a run, and where it diverged, by the images seen."""
    found: dict[int, list[str]] = {}
    for place, (images, _) in enumerate(run.history.warnings[:200], 1):
        found.setdefault(images, []).append(str(place))
    if run.history.diverged:
        found.setdefault(run.history.images, []).append("NaN")
    return [{"x": images, "label": ", ".join(labels)} for images, labels in found.items()]


def _scores(runs: list[Run]) -> list[dict[str, Any]]:
    """A chart for each score that was taken at least twice, the deciding one first."""
    taken = [one for run in runs for one in run.history.scorings]
    names = _keys([one.rows for one in taken])
    first = next((run.history.deciding for run in runs if run.history.deciding in names), "")
    found = []
    for name in sorted(names, key=lambda one: one != first):
        series, lines = [], dict[str, float]()
        for place, run in enumerate(runs):
            rows = [(one.images, one.rows[name]) for one in run.history.scorings if name in one.rows]
            curve = [images for images, _ in rows], [float(row["value"]) for _, row in rows]
            series.append(_series(run, place, name, curve))
            for key, label in BASELINES.items():
                value = number(rows[-1][1].get(key)) if rows else None
                if value is not None and value not in lines.values():
                    lines[label if label not in lines else f"{label} ({run.name})"] = value
            chosen = best(run.history)
            if chosen and name in chosen[0].rows and name == chosen[1] and len(rows) > 1:
                series[-1]["best"] = [chosen[0].images, chosen[0].rows[name]["value"]]
        if max(len(one["x"]) for one in series) < 2:
            continue
        chart = _chart(name, series) | {"log": False, "points": True, "note": explained(name)}
        chart["lines"] = [{"label": label, "y": value} for label, value in lines.items()]
        found.append(chart)
    return found


def _chart(title: str, series: list[dict[str, Any]], smooth: bool = False) -> dict[str, Any]:
    return {"title": title, "series": series, "lines": [], "note": "", "smooth": smooth, "log": _spans(series)}


def _series(run: Run, place: int, label: str, curve: Curve | None) -> dict[str, Any]:
    x, y = thinned(curve or ([], []))
    return {"label": label, "run": place, "runName": run.name, "x": x, "y": y}


def thinned(curve: Curve) -> Curve:
    """A curve of at most POINTS points, each the mean of as many neighbours, rounded to 4 digits."""
    x, y = curve
    size = math.ceil(len(x) / POINTS) or 1
    means = [sum(y[start : start + size]) / len(y[start : start + size]) for start in range(0, len(y), size)]
    return [x[min(start + size, len(x)) - 1] for start in range(0, len(x), size)], [float(f"{m:.4g}") for m in means]


def _spans(series: list[dict[str, Any]]) -> bool:
    """Whether the curves are read better on a logarithmic axis: all positive, and of very different sizes."""
    values = [y for one in series for y in one["y"]]
    if not values or min(values) <= 0:
        return False
    middles = [median(one["y"]) for one in series if one["y"]]
    return max(values) > 20 * median(values) or max(middles) > 8 * min(middles)


def _keys(tables: list[dict[str, Any]]) -> list[str]:
    """The keys of all tables, each once, in their order."""
    return list(dict.fromkeys(key for table in tables for key in table))
