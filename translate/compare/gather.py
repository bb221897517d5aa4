"""The evaluations that are compared: read from their folders where they fit, else made now; refused where they can't be
compared; trainings that differ only in their seed, grouped."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import translate
from translate.errors import UserError
from translate.evaluate import record
from translate.evaluate.options import Options
from translate.evaluate.record import RECORD, Kept
from translate.evaluate.run import run
from translate.evaluate.subject import load
from translate.metrics.intervals import Estimate, pooled
from translate.metrics.scorer import VERSION
from translate.train.settings import FREE, PLACES

Say = Callable[[str], Any]


@dataclass
class Evaluated:
    """One subject. about: of evaluation.json. kept: by direction."""

    name: str
    about: dict[str, Any]
    kept: dict[str, Kept]


@dataclass
class Group:
    """One or several trainings of the same settings and different seeds."""

    name: str
    members: list[Evaluated]

    def estimates(self, direction: str) -> dict[str, Estimate]:
        """The scores that all members have, their seeds pooled."""
        found = [member.kept[direction].estimates() for member in self.members]
        shared = [name for name in found[0] if all(name in other for other in found)]
        return {name: pooled([one[name] for one in found], self.name) for name in shared}


def gather(subjects: list[str], names: list[str], options: Options, say: Say) -> list[Evaluated]:
    """Of each subject its evaluation. options: for those that have to be made. UserError as `evaluate`."""
    found = []
    run_of_first = next((name for name in subjects if _is_run(name)), None)
    for subject, name in zip(subjects, names, strict=True):
        path = Path(subject).expanduser()
        if not (path / RECORD).is_file():
            path = _evaluated(subject, options, run_of_first, say)
        about, kept = record.read(path)
        found.append(Evaluated(name, about, kept))
    return found


def _is_run(name: str) -> bool:
    return (Path(name).expanduser() / "config.toml").is_file()


def _evaluated(subject: str, options: Options, run_of_first: str | None, say: Say) -> Path:
    """The folder of the subject's evaluation, made unless there is one of the same file with the same options."""
    options, loaded = replace(options, subject=subject), load(subject, options.device)
    if loaded.run is None and options.on is None and options.a is None:
        options = replace(options, on=run_of_first)  # a folder, or a file that lies in no run
    folder = loaded.folder
    if loaded.is_model and (folder / RECORD).is_file():
        about = record.results(folder).read()
        wanted = {"translate": translate.__version__, "version": VERSION, "options": _needed(options.plain())}
        had = {**{name: about.get(name) for name in wanted}, "options": _needed(about.get("options", {}))}
        if had == wanted and about.get("subject", {}).get("sha256") == loaded.sha256():
            say(f"{subject}: taken from {folder}")
            return folder
    say(f"{subject}: evaluating")
    return run(options, say)[1]


def _needed(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "programs" or value}


# What can be compared -------------------------------------------------------------------------------------------------


def directions(evaluated: list[Evaluated]) -> list[str]:
    """The directions that all have. UserError, by name, where two can't be compared."""
    first, *others = evaluated
    shared = [way for way in first.kept if all(way in other.kept for other in others)]
    if not shared:
        ways = "; ".join(f"{one.name} {' and '.join(one.kept)}" for one in evaluated)
        raise UserError(f"these have no direction in common: {ways}.")
    for way in shared:
        for other in others:
            if difference := _difference(first.kept[way].entry, other.kept[way].entry):
                raise UserError(
                    f"{first.name} and {other.name} can't be compared ({way}): {difference}. Evaluate both on the same "
                    "images, for example with --on RUN."
                )
    return shared


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Why the scores of two entries of evaluation.json can't be compared, or ''."""
    ours, theirs = one["protocol"], other["protocol"]
    if ours["version"] != theirs["version"]:
        return f"they were scored by protocols of other versions, {ours['version']} and {theirs['version']}"
    if one["n"] != other["n"]:
        return f"they were scored on {one['n']:,} and {other['n']:,} images"
    for name, what in (("truth", "truth"), ("references", "references"), ("inputs", "held-out images")):
        a, b = ours["images"].get(name), theirs["images"].get(name)
        if name == "inputs" and (a is None or b is None):
            continue  # only doing nothing needs them
        if a != b:
            return f"they were scored with other {what} ({_counted(a)}, and {_counted(b)})"
    if one["names"] != other["names"]:
        return "their images have other names"
    for name in ours["networks"].keys() & theirs["networks"].keys():
        if ours["networks"][name] != theirs["networks"][name]:
            return f"the network {name} is another one"
    return ""


def _counted(images: dict[str, Any] | None) -> str:
    if images is None:
        return "none"
    height, width, _ = images["size"]
    return f"{images['n']:,} of {height} x {width}, {images['sha256'][:8]}…"


# Seeds ------------------------------------------------------------------------------------------------------------


def grouped(evaluated: list[Evaluated]) -> list[Group]:
    """Trainings that differ only in their seed are one group, unless nothing would be left to compare."""
    by_key: dict[str, list[Evaluated]] = {}
    for number, one in enumerate(evaluated):
        by_key.setdefault(_key(one) or str(number), []).append(one)
    if len(by_key) == 1:
        return [Group(one.name, [one]) for one in evaluated]
    groups = []
    for members in by_key.values():
        seeds = [one.about["subject"]["settings"]["seed"] for one in members] if len(members) > 1 else [0]
        if len(set(seeds)) < len(seeds):
            groups += [Group(one.name, [one]) for one in members]
        else:
            name = members[0].name + (f" and {len(members) - 1} more seeds" if len(members) > 1 else "")
            groups.append(Group(name, members))
    return groups


def _key(one: Evaluated) -> str:
    """The settings that decide a training's result except its seed, as text; '' where there are none."""
    settings = one.about["subject"].get("settings")
    if not settings:
        return ""
    flat = {
        f"{table}.{name}" if isinstance(values, dict) else table: value
        for table, values in settings.items()
        for name, value in (values.items() if isinstance(values, dict) else [("", values)])
    }
    kept = {name: value for name, value in flat.items() if name not in FREE | PLACES | {"seed"}}
    return json.dumps([one.about["subject"].get("file"), kept], sort_keys=True)
