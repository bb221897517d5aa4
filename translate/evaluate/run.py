"""`translate evaluate`: opens what is evaluated and on what, scores it, and writes one folder."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

import translate
from translate.evaluate import record
from translate.evaluate.folder import Results
from translate.evaluate.images import Material, material
from translate.evaluate.options import Options
from translate.evaluate.programs import Program, write_images
from translate.evaluate.scores import evaluate
from translate.evaluate.subject import Subject, load
from translate.metrics.scorer import VERSION
from translate.system.lock import claim
from translate.system.memory import keep_freed

Say = Callable[[str], Any]


def run(options: Options, say: Say = print) -> tuple[dict[str, Any], Path]:
    """Evaluate; returns (the contents of evaluation.json, the folder). UserError before anything is written."""
    keep_freed()
    subject = load(options.subject, options.device)
    options.check(subject.is_model)
    programs = [Program(text) for text in options.programs]
    results = record.results(options.out or subject.folder)
    results.check()
    images = material(options, subject, say)
    with claim(results.folder, say):
        return _run(options, subject, images, programs, results, say), results.folder


def _run(
    options: Options,
    subject: Subject,
    images: Material,
    programs: list[Program],
    results: Results,
    say: Say,
) -> dict[str, Any]:
    directions: dict[str, Any] = {}
    contents: dict[str, bytes] = {}
    kept: list[tuple[Path, list[str], np.ndarray]] = []
    for direction, held in images.held_out.items():
        found = evaluate(subject, direction, held, programs, say, images.outputs)
        directions[direction] = record.entry(found)
        contents |= record.files(direction, found, title(subject.name, direction, directions[direction], images.about))
        if options.keep_images:
            sets = {"outputs": found.outputs, "inputs": held.inputs, "truth": held.truth}
            top = results.folder / f"{direction}-images"
            kept += [(top / name, found.names, arrays) for name, arrays in sets.items() if arrays is not None]
    about = {
        "translate": translate.__version__,
        "version": VERSION,
        "subject": _about(subject),
        "options": options.plain(),
        "data": images.about,
        "directions": directions,
        "folders": sorted({place[0].parent.name for place in kept}),
    }
    before = results.check()
    for name in before.get("folders", []):
        rmtree(results.folder / Path(name).name, ignore_errors=True)
    for place in kept:
        write_images(*place)
    results.write(about, contents, before)
    return about


def _about(subject: Subject) -> dict[str, Any]:
    return {
        "name": subject.name,
        "kind": "model" if subject.is_model else "folder",
        "file": subject.path.name,
        "sha256": subject.sha256(),
        "images": subject.description.get("images"),
        "settings": subject.run.plain() if subject.run else None,
    }


def title(name: str, direction: str, entry: dict[str, Any], about: dict[str, Any]) -> str:
    """What was scored, in a line."""
    domains = about.get("domains", {})
    source, target = direction.split("2")
    with suppress(KeyError, TypeError):
        if source == "z":
            return f"{name}: {Path(domains[target]).name} from noise, {entry['n']:,} samples"
        ways = f"{Path(domains[source]).name} to {Path(domains[target]).name}"
        return f"{name}: {ways}, {entry['n']:,} images"
    return f"{name}: {entry['n']:,} images"
