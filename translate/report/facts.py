"""The tables and sentences of a report: state, scores, data, settings, machine, next commands."""

import shlex
from typing import Any

from translate.report.charts import BASELINES, explained
from translate.report.gather import Run
from translate.report.history import best, is_lower_better, number, table
from translate.settings import LETTERS
from translate.system.text import duration

UNSET = "–"
PROBLEMS = 20  # of the data, that are listed


def title(run: Run) -> str:
    return f"{run.mode}: {' → '.join(run.domains)}{' from noise' if run.noise else ''}"


def state(run: Run) -> tuple[str, str]:
    """(a word: finished, unfinished or diverged; a sentence on how far the training is)."""
    h = run.history
    took = f" in {duration(h.seconds)}" if h.seconds else ""
    if h.diverged:
        return "diverged", f"Training diverged after {h.images:,} images: {h.diverged} became NaN or infinite."
    if h.patience:
        return "finished", f"{h.images:,} images seen{took}; it stopped early, as scores no longer improved."
    if run.finished:
        return "finished", f"{h.images:,} images seen{took}."
    of = f" of {run.total:,} images ({100 * h.images / run.total:.0f} %)" if run.total else " images"
    return "unfinished", f"{h.images:,}{of} seen{took} when this was written."


def text(value: Any) -> str:
    """A setting's value, or a score's, in a few characters."""
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(text, value)) or "none" if isinstance(value, list | tuple) else str(value)


def score(value: Any) -> str:
    """A score with 4 decimals, or 2 from 1 on."""
    found = number(value)
    if found is None:
        return UNSET
    return f"{found:.2f}" if abs(found) >= 1 else f"{round(found, 4) + 0.0:.4f}"


def verdict(run: Run) -> dict[str, str] | None:
    """The deciding score in words: name, value, about, and a comparison with its baseline; None without one."""
    chosen = best(run.history)
    if not chosen:
        return None
    scoring, name = chosen
    row = scoring.rows[name]
    lower, value = is_lower_better(row), float(row["value"])
    found = {"name": name, "value": score(value)}
    about = [explained(name), f"{'lower' if lower else 'higher'} is better"]
    found["about"] = "; ".join(filter(None, [*about, f"the best, after {scoring.images:,} images"]))
    nothing, real = (number(row.get(key)) for key in BASELINES)
    if nothing is not None:
        better = value < nothing if lower else value > nothing
        word = "better than" if better else "no better than"
        found |= {"word": f"{word} doing nothing ({score(nothing)})", "good": "good" if better else "bad"}
    if real is not None:
        found["real"] = f"real images: {score(real)}"
    return found


def scores(runs: list[Run]) -> tuple[list[str], list[list[str]]]:
    """(headings, rows) of all scores, with those of the best generator and of the newest, and the baselines."""
    columns, heads = [], ["score"]
    for run in runs:
        chosen, known = best(run.history), [one for one in run.history.scorings if one.rows]
        if not chosen:
            continue
        prefix = f"{run.name}, " if len(runs) > 1 else ""
        columns += [chosen[0].rows]
        heads += [f"{prefix}best\nafter {chosen[0].images:,}"]
        if known[-1].images != chosen[0].images:
            columns += [known[-1].rows]
            heads += [f"{prefix}newest\nafter {known[-1].images:,}"]
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        own = [column.get(name, {}) for column in columns]
        direction = "lower" if is_lower_better(next(row for row in own if row)) else "higher"
        bases = [next((row[key] for row in own if number(row.get(key)) is not None), None) for key in BASELINES]
        n = next((row["n"] for row in own if "n" in row), None)
        values = [score(value) for value in (*(row.get("value") for row in own), *bases)]
        rows.append([f"{name}\n{explained(name)}", *values, text(n) if isinstance(n, int) else UNSET, direction])
    heads += [*BASELINES.values(), "images", "better is"]
    empty = [place for place, _ in enumerate(heads) if rows and all(row[place] == UNSET for row in rows)]
    keep = [place for place, _ in enumerate(heads) if place not in empty]
    return [heads[place] for place in keep], [[row[place] for place in keep] for row in rows]


def trained(run: Run) -> list[tuple[str, str]]:
    """What was trained on what: pairs of a word and a text."""
    found = [("method", f"{run.mode}, preset {text(run.settings.get('preset'))}")]
    words = ["data"] if run.noise else ["from", "to"] if len(run.domains) == 2 else ["domain"] * len(run.domains)
    for side, word, name in zip(LETTERS, words, run.domains, strict=False):
        own = table(run.data.get(side))
        test = own.get("test")
        count = len(test) if isinstance(test, list) else test
        parts = [str(own.get("name") or name)]
        if isinstance(own.get("train"), int) and isinstance(count, int):
            parts.append(f"{own['train']:,} images for training, {count:,} held out")
        parts += [str(own[key]) for key in ("package", "licence") if own.get(key)]
        found.append((word, " · ".join(parts)))
    if run.data and not run.noise:
        known = "; the held-out images have known partners" if run.data.get("truth") else ""
        found.append(("pairs", "paired" if run.data.get("paired") else f"unpaired{known}"))
    if classes := table(run.data.get("classes")):
        shown = ", ".join([*classes][:12]) + (" …" if len(classes) > 12 else "")
        found.append(("classes", f"{len(classes)}: {shown}"))
    size = table(run.settings.get("data")).get("size")
    train = table(run.settings.get("train"))
    found.append(("size", f"{' × '.join(map(text, size)) if isinstance(size, list) else text(size)} pixels"))
    why = f", as many as {run.history.minutes:g} minutes allow" if run.history.minutes else ""
    found.append(("length", f"{text(train.get('images'))} images, {text(train.get('batch'))} a step{why}"))
    found.append(("seed", str(run.settings.get("seed", UNSET))))
    if typed := next((str(start["command"]) for start in run.history.starts if start.get("command")), ""):
        found.append(("command", typed))
    if run.settings.get("init_from"):
        found.append(("began from", str(run.settings["init_from"])))
    return found


def presets(run: Run) -> tuple[list[str], list[list[str]]]:
    """(headings, rows) of the presets that were compared to choose this one."""
    names = ("comparison", "preset", "trained", "score", "value", "kept")
    rows = [[*(text(one.get(name)) for name in names[:4]), score(one.get("value"))] for one in run.history.presets]
    kept = ["yes" if one.get("kept") else "no" for one in run.history.presets]
    return [*names], [[*row, own] for row, own in zip(rows, kept, strict=True)]


def problems(run: Run) -> list[str]:
    """What was wrong with the data, shortened."""
    listed = run.data.get("problems")
    all_ = (
        [str(one[1]) for one in listed if isinstance(one, list) and len(one) == 2] if isinstance(listed, list) else []
    )
    return all_[:PROBLEMS] + ([f"… and {len(all_) - PROBLEMS:,} more, in data.json"] if len(all_) > PROBLEMS else [])


def machine(run: Run) -> list[tuple[str, str]]:
    """The device, versions and times."""
    h, found = run.history, []
    start = h.starts[-1] if h.starts else {}
    device = [str(start[key]) for key in ("device", "machine") if start.get(key)]
    if device:
        found.append(("machine", ", ".join(device)))
    counts = [f"{start[key]} {word}" for key, word in (("threads", "threads"), ("batch_threads", "batch threads"),
              ("ranks", "processes")) if isinstance(start.get(key), int) and start[key] > 1]  # fmt: skip
    if counts:
        found.append(("parallel", ", ".join(counts)))
    precision = table(run.settings.get("train")).get("precision")
    if precision:
        found.append(("precision", str(precision)))
    if versions := table(start.get("versions")):
        found.append(("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    if h.seconds:
        found.append(("time", f"{duration(h.seconds)}, scores and sheets included"))
    if h.rate:
        found.append(("speed", f"{h.rate:,.1f} images/s without them"))
    if len(h.starts) > 1:
        found.append(("sessions", f"{len(h.starts)}: it was interrupted and continued"))
    return found


def next_commands(run: Run) -> list[tuple[str, str]]:
    """(what for, command) pairs."""
    path = shlex.quote(str(run.path))
    again = f"translate train --config {shlex.quote(str(run.path / 'config.toml'))} --out "
    found = []
    if not run.finished:
        found.append(("go on where it stopped", again + path))
    if run.has("generator.safetensors"):
        if run.noise:
            found.append(("draw new pictures", f"translate sample {path} --interpolate --neighbours"))
        else:
            found.append(("translate a folder", f"translate convert {path} IN OUT"))
            found.append(("try it in the browser", f"translate web {path}"))
            found.append(("score it, with intervals", f"translate evaluate {path}"))
        found.append(("one file for other programs", f"translate export {path} --to onnx"))
    found.append(("train it again, elsewhere", again + shlex.quote(f"{run.path}-again")))
    return found


def unlike(runs: list[Run]) -> list[list[str]]:
    """[setting, value of each run] of the settings in which the runs differ."""
    tables = [flat(run.settings) for run in runs]
    names = sorted({name for own in tables for name in own})
    rows = [[name, *(text(own.get(name)) for own in tables)] for name in names]
    return [row for row in rows if len({*row[1:]}) > 1]


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Full name → value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
