"""Differences in words, and the table of a comparison in Markdown."""

from typing import Any

from translate.compare.gather import Group
from translate.evaluate.words import FLOORS
from translate.metrics.intervals import Estimate
from translate.metrics.measures import digits, lower_is_better

MOST = 100_000  # images; more are not worth a number


def sentence(score: str, one: Group, other: Group, difference: Estimate, n: int) -> str:
    """difference: of the scores of `other` and `one`. n: images."""
    interval = difference.interval()
    if interval is None:
        size = digits(score, abs(difference.value))
        return f"{score}: {other.name} is {_side(difference.value)} by {size} (no interval)."
    low, high = interval
    if low == high == 0:
        return f"{score}: {one.name} and {other.name} are equal."
    if low <= 0 <= high:
        return (
            f"{score}: no difference can be told from {n:,} images ({other.name} minus {one.name}: "
            f"{_bracket(score, difference.value, low, high)}); {_needed(difference, n, [one, other])}."
        )
    lower = lower_is_better(score)
    if lower is None:
        return f"{score}: {other.name} is {_side(difference.value)} by {_size(score, difference.value, low, high)}."
    better = other if (difference.value < 0) == lower else one
    return f"{score}: {better.name} is better by {_size(score, difference.value, low, high)}."


def _side(value: float) -> str:
    return "higher" if value >= 0 else "lower"


def _size(score: str, value: float, low: float, high: float) -> str:
    """The size of a difference that is not 0, with the interval's ends in the same sense."""
    return _bracket(score, value, low, high) if value > 0 else _bracket(score, -value, -high, -low)


def _bracket(score: str, value: float, low: float, high: float) -> str:
    return f"{digits(score, value)} [{digits(score, low)}, {digits(score, high)}]"


def _needed(difference: Estimate, n: int, groups: list[Group]) -> str:
    """How many images would show a difference of this size, in words."""
    enough = difference.enough(n)
    if enough is None or enough > MOST:
        return f"if there is one, more than {MOST:,} would be needed"
    if enough == n:
        return "with as many again it may be"
    seeds = max(len(group.members) for group in groups)
    rounded = round(enough, 1 - len(str(enough))) if enough < 100 else round(enough, 2 - len(str(enough)))
    also = f" and {-(-seeds * enough // n):,} seeds of each" if seeds > 1 else ""
    return f"some {rounded:,} images{also} would be needed for one of this size"


def markdown(groups: list[Group], direction: str, estimates: list[dict[str, Estimate]]) -> list[str]:
    """A table: a row for each score, a column for each group, and those of doing nothing and of real images."""
    entry = groups[0].members[0].kept[direction].entry
    rows = {row["name"]: row for row in entry["scores"]}
    floors = {key: words for key, words in FLOORS.items() if any(row[key] for row in rows.values())}
    heads = ["score", "better", *(_cell(group.name) for group in groups), *floors.values()]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for score in estimates[0]:
        if not all(score in own for own in estimates):
            continue
        better = {True: "lower", False: "higher", None: ""}[lower_is_better(score)]
        cells = [score, better, *(value(score, own[score]) for own in estimates)]
        cells += [digits(score, rows[score][key]["value"]) if rows[score][key] else "" for key in floors]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def value(score: str, estimate: Estimate) -> str:
    """'0.0149 (0.0120 to 0.0180)'"""
    interval = estimate.interval()
    ends = f" ({digits(score, interval[0])} to {digits(score, interval[1])})" if interval else ""
    return f"{digits(score, estimate.value)}{ends}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def protocol(entry: dict[str, Any]) -> list[str]:
    """What the scores are of, in lines."""
    lines = [f"{entry['n']:,} images; 95 % intervals by the jackknife, over the images and the references."]
    for network in entry["protocol"]["networks"].values():
        lines.append(f"{network['network']}, SHA-256 {network.get('sha256', '')[:16]}…, resized: {network['resize']}.")
    return lines
