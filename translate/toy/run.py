"""`translate toy`: checks the options, trains the experiments, writes a figure and the numbers."""

import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from translate.errors import UserError
from translate.system.files import remove_leftovers, sha256, write_whole
from translate.system.lock import NAME as LOCK
from translate.system.lock import claim
from translate.system.untrusted import read_object
from translate.toy.experiments import EXPERIMENTS, SAMPLES, Result, train
from translate.toy.figure import figure
from translate.toy.mixtures import MIXTURES, Mixture
from translate.toy.verdict import verdict

PICTURE, RECORD, MAKER = "toy.png", "toy.json", "translate toy"
MIN_ROUNDS = 20
REAL_POINTS = 800  # in the figure


@dataclass
class Options:
    """The command line's options."""

    data: str = "ring"
    objectives: str = "all"
    out: Path | None = None
    seed: int = 0
    rounds: int | None = None


def toy(options: Options, console: Console | None = None) -> Path:
    """Train the experiments; returns the folder. UserError before anything is trained or written."""
    console = console or Console(highlight=False)
    if options.data not in MIXTURES:
        raise UserError(f"--data must be {' or '.join(MIXTURES)}, not '{options.data}'.")
    names = _names(options.objectives)
    if options.rounds is not None and options.rounds < MIN_ROUNDS:
        raise UserError(f"--rounds must be at least {MIN_ROUNDS}, not {options.rounds}.")
    out = options.out or Path(f"toy-{options.data}")
    with claim(out, console.print):
        return _toy(options, names, out, console)


def _toy(options: Options, names: list[str], out: Path, console: Console) -> Path:
    remove_leftovers(out)
    _refuse_foreign(out)
    mixture = MIXTURES[options.data]()
    results = _train(names, mixture, options, console)
    real = mixture.sample(REAL_POINTS, torch.Generator().manual_seed(options.seed))
    picture = figure(results, mixture, real.numpy())
    record = {
        "made by": MAKER,
        PICTURE: hashlib.sha256(picture).hexdigest(),
        "data": {"name": options.data, "modes": len(mixture.centres), "sigma": mixture.sigma},
        "seed": options.seed,
        "samples": SAMPLES,
        "objectives": {result.name: _numbers(result, mixture) for result in results},
    }
    (out / PICTURE).unlink(missing_ok=True)  # so that a kill leaves no picture without its record
    write_whole(out / RECORD, json.dumps(record, indent=1).encode())
    write_whole(out / PICTURE, picture)
    console.print(_table(results, mixture))
    console.print(f"wrote {out / PICTURE} and {RECORD}", soft_wrap=True, markup=False)
    return out


def _names(text: str) -> list[str]:
    names = list(EXPERIMENTS) if text == "all" else [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown or not names:
        what = f"there is no objective '{unknown[0]}'" if unknown else "no objective is named"
        raise UserError(f"--objectives {text}: {what}; there are all, {', '.join(EXPERIMENTS)}.")
    return list(dict.fromkeys(names))


def _refuse_foreign(out: Path) -> None:
    """UserError if the folder holds a file that this verb didn't write, or that was changed since."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file; name a folder.")
    names = {path.name for path in out.glob("*")} - {LOCK} if out.is_dir() else set()
    try:
        record: dict[str, Any] = read_object(out / RECORD) if RECORD in names else {}
        ours = record.get("made by") == MAKER
        ours = ours and (PICTURE not in names or sha256(out / PICTURE) == record[PICTURE])
    except (OSError, ValueError, KeyError):
        ours = False
    if names and not (ours and names <= {PICTURE, RECORD}):
        raise UserError(
            f"--out {out} holds files that `{MAKER}` did not make, or that were changed; name another folder."
        )


def _train(names: list[str], mixture: Mixture, options: Options, console: Console) -> list[Result]:
    """Train experiments in parallel, one per core, each with its own random numbers."""
    workers = min(len(names), os.cpu_count() or 1)
    with (
        ProcessPoolExecutor(workers, get_context("spawn")) as pool,
        Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console, transient=True) as progress,
    ):
        task = progress.add_task(f"{len(names)} objectives", total=len(names))
        futures = [pool.submit(_experiment, name, mixture, options.seed, options.rounds) for name in names]
        for future in as_completed(futures):
            result = future.result()
            progress.advance(task)
            last = result.last
            progress.console.print(f"{result.name}: {last.modes} modes covered, {100 * last.good:.0f} % good samples")
    return [future.result() for future in futures]


def _experiment(name: str, mixture: Mixture, seed: int, rounds: int | None) -> Result:
    torch.set_num_threads(1)  # small matrices are slower with more, and sums are rounded differently
    return train(name, mixture, seed, rounds)


def _numbers(result: Result, mixture: Mixture) -> dict[str, Any]:
    experiment = EXPERIMENTS[result.name]
    return {
        "mode_settings": experiment.mode_settings,
        "train": experiment.train,
        "rounds": result.rounds,
        "modes": result.last.modes,
        "good": result.last.good,
        "verdict": verdict(result, len(mixture.centres)),
        "modes over time": [count.modes for count in result.counts],
        "good over time": [count.good for count in result.counts],
        **{f"{name} over time": [values[name] for values in result.diagnostics] for name in result.diagnostics[0]},
    }


def _table(results: list[Result], mixture: Mixture) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("objective", no_wrap=True)
    for heading in ("modes", "good", "D's accuracy", "distance"):
        table.add_column(heading, justify="right")
    table.add_column("result")
    for result in results:
        first, last = result.diagnostics[0], result.diagnostics[-1]
        accuracy = f"{100 * last['accuracy']:.0f} %" if "accuracy" in last else ""
        distance = f"{first['distance']:.3f} -> {last['distance']:.3f}" if "distance" in last else ""
        covered, good = f"{result.last.modes}/{len(mixture.centres)}", f"{100 * result.last.good:.1f} %"
        table.add_row(result.name, covered, good, accuracy, distance, verdict(result, len(mixture.centres)))
    return table
