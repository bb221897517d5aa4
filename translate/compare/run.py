"""`translate compare`: gathers the evaluations, compares each with the first, and writes one folder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import translate
from translate.compare.gather import Group, directions, gather, grouped
from translate.compare.words import markdown, protocol, sentence
from translate.errors import UserError
from translate.evaluate.folder import Results
from translate.evaluate.options import Options as Evaluating
from translate.evaluate.record import number
from translate.evaluate.subject import names
from translate.image import rgb8
from translate.metrics.intervals import Estimate
from translate.system.lock import claim

Say = Callable[[str], Any]
RECORD = "comparison.json"


@dataclass(frozen=True)
class Options:
    """subjects: two or more. evaluating: for those that were not evaluated yet."""

    subjects: list[str]
    out: Path = Path("comparison")
    evaluating: Evaluating = field(default_factory=lambda: Evaluating(""))


def run(options: Options, say: Say = print) -> tuple[dict[str, Any], list[str]]:
    """Compare; returns (the contents of comparison.json, lines of Markdown). UserError before anything is written, but
    for evaluations, which are kept."""
    if len(options.subjects) < 2:
        raise UserError("translate compare X Y …: give two or more models, folders of outputs or evaluations.")
    results = Results(options.out, RECORD, "translate compare")
    results.check()
    short = names(options.subjects)
    evaluated = gather(options.subjects, short, options.evaluating, say)
    ways, groups = directions(evaluated), grouped(evaluated)
    found: dict[str, Any] = {}
    lines: list[str] = []
    contents: dict[str, bytes] = {}
    for way in ways:
        own, said = _direction(groups, way)
        found[way] = own
        lines += [*([f"## {way}", ""] if len(ways) > 1 else []), *said, ""]
        contents[f"{way}.png"] = _sheet(groups, way)
    if all(len(group.members) == 1 for group in groups):
        lines.append("One training each: what another seed would give is not in these intervals.")
    members = {group.name: [one.about["subject"] for one in group.members] for group in groups}
    about = {"translate": translate.__version__, "groups": members, "directions": found}
    contents["comparison.md"] = ("\n".join(lines) + "\n").encode()
    with claim(options.out, say):
        results.write(about, contents, results.check())
    return about, lines


def _direction(groups: list[Group], way: str) -> tuple[dict[str, Any], list[str]]:
    """(the direction's part of comparison.json, lines of Markdown)"""
    estimates = [group.estimates(way) for group in groups]
    entry = groups[0].members[0].kept[way].entry
    lines = [*markdown(groups, way, estimates), ""]
    differences = []
    for group, own in zip(groups[1:], estimates[1:], strict=True):
        if len(groups) > 2:
            lines += [f"{group.name} and {groups[0].name}:", ""]
        for score in [name for name in estimates[0] if name in own]:
            difference = own[score] - estimates[0][score]
            text = sentence(score, groups[0], group, difference, entry["n"])
            lines.append(f"- {text}")
            differences.append(_as_json(score, groups[0], group, difference, entry["n"], text))
        lines.append("")
    scores = {
        group.name: {name: number(one) for name, one in own.items()}
        for group, own in zip(groups, estimates, strict=True)
    }
    lines += protocol(entry)
    return {"n": entry["n"], "scores": scores, "differences": differences, "protocol": entry["protocol"]}, lines


def _as_json(score: str, one: Group, other: Group, difference: Estimate, n: int, text: str) -> dict[str, Any]:
    return {
        "score": score,
        "of": other.name,
        "minus": one.name,
        **number(difference),
        "images_needed": difference.enough(n),
        "in_words": text,
    }


def _sheet(groups: list[Group], way: str) -> bytes:
    """A PNG: the same images through each, side by side."""
    first = groups[0].members[0].kept[way].pictures
    columns: dict[str, np.ndarray] = {"input": first["inputs"].numpy()} if "inputs" in first else {}
    for group in groups:
        columns[group.name] = group.members[0].kept[way].pictures["outputs"].numpy()
    if "truth" in first:
        columns["truth"] = first["truth"].numpy()
    count = min(len(arrays) for arrays in columns.values())
    rows = [[arrays[place] for arrays in columns.values()] for place in range(count)]
    return rgb8.to_png(rgb8.sheet(rows, headings=list(columns), caption=f"The same images through each ({way})"))
