"""What `translate toy` does: checks what was typed, trains the experiments, writes a figure and the numbers."""

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
from translate.toy.experiments import EXPERIMENTS, SAMPLES, Result, train
from translate.toy.figure import figure
from translate.toy.mixtures import MIXTURES, Mixture
from translate.toy.verdict import verdict

PICTURE, RECORD, MAKER = "toy.png", "toy.json", "translate toy"
LEAST = 20  # rounds
REAL = 800  # real points in the figure: enough to see where the modes are


@dataclass
class Options:
    """What was typed."""

    data: str = "ring"
    objectives: str = "all"
    out: Path | None = None
    seed: int = 0
    rounds: int | None = None


def toy(options: Options, console: Console | None = None) -> Path:
    """Train what is wished; returns the folder. UserError before anything is trained or written."""
    console = console or Console(highlight=False)
    if options.data not in MIXTURES:
        raise UserError(f"--data must be {' or '.join(MIXTURES)}, not '{options.data}'.")
    names = _names(options.objectives)
    if options.rounds is not None and options.rounds < LEAST:
        raise UserError(f"--rounds must be at least {LEAST}, not {options.rounds}.")
    out = options.out or Path(f"toy-{options.data}")
    with claim(out, console.print):
        return _toy(options, names, out, console)


def _toy(options: Options, names: list[str], out: Path, console: Console) -> Path:
    remove_leftovers(out)
    _refuse_foreign(out)
    mixture = MIXTURES[options.data]()
    results = _train(names, mixture, options, console)
    real = mixture.draw(REAL, torch.Generator().manual_seed(options.seed))
    picture = figure(results, mixture, real.numpy())
    record = {
        "made by": MAKER,
        PICTURE: hashlib.sha256(picture).hexdigest(),
        "data": {"name": options.data, "modes": len(mixture.centres), "sigma": mixture.sigma},
        "seed": options.seed,
        "samples": SAMPLES,
        "objectives": {result.name: _numbers(result, mixture) for result in results},
    }
    (out / PICTURE).unlink(missing_ok=True)  # a kill from here on leaves no picture that the record doesn't know
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
    """UserError when the folder holds something that was not made, or not left as it was made, by this verb."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file; name a folder.")
    names = {path.name for path in out.glob("*")} - {LOCK} if out.is_dir() else set()
    try:
        record: dict[str, Any] = json.loads((out / RECORD).read_bytes()) if RECORD in names else {}
        ours = record.get("made by") == MAKER
        ours = ours and (PICTURE not in names or sha256(out / PICTURE) == record[PICTURE])
    except (OSError, ValueError, KeyError, AttributeError):
        ours = False
    if names and not (ours and names <= {PICTURE, RECORD}):
        raise UserError(
            f"--out {out} holds files that were not made, or not left as they were made, by `{MAKER}`; "
            "name another folder."
        )


def _train(names: list[str], mixture: Mixture, options: Options, console: Console) -> list[Result]:
    """As many experiments side by side as there are cores, each with random numbers of its own."""
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
    torch.set_num_threads(1)  # matrices this small are slower with more, and sums come out otherwise
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
        **{f"{name} over time": [gauge[name] for gauge in result.diagnostics] for name in result.diagnostics[0]},
    }


def _table(results: list[Result], mixture: Mixture) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("objective", no_wrap=True)
    for heading in ("modes", "good", "D right", "distance"):
        table.add_column(heading, justify="right")
    table.add_column("what happened")
    for result in results:
        gauge = result.diagnostics[-1]
        right = f"{100 * gauge['accuracy']:.0f} %" if "accuracy" in gauge else ""
        distance = f"{result.diagnostics[0]['distance']:.3f} -> {gauge['distance']:.3f}" if "distance" in gauge else ""
        covered, good = f"{result.last.modes}/{len(mixture.centres)}", f"{100 * result.last.good:.1f} %"
        table.add_row(result.name, covered, good, right, distance, verdict(result, len(mixture.centres)))
    return table
