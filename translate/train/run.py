"""`translate train` with complete settings: opens the data and trains, or only estimates (--dry-run)."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from translate.data import Data, description, open_data
from translate.errors import DIVERGED, UserError
from translate.modes import MODES
from translate.system import distributed
from translate.system.lock import claim
from translate.system.signals import CODES
from translate.system.text import duration
from translate.train import teacher
from translate.train.complete import with_data, with_length
from translate.train.finished import complete_files, finished
from translate.train.folder import LAYOUT, RunFolder
from translate.train.halving import Candidates, halve
from translate.train.length import as_begun, seconds_a_round, with_minutes
from translate.train.loop import Run
from translate.train.presets import missing_weights
from translate.train.settings import RunSettings
from translate.train.summary import summary


def start(
    settings: RunSettings, path: Path, say=print, *, minutes: float | None = None, candidates: Candidates = ()
) -> None:
    """Train `settings` in the run folder `path`, or continue what is there. Raises UserError with its exit code.

    minutes: sets the length of a new run. candidates: settings that then are compared for a third of the time.
    """
    distributed.join(settings.train.device)
    try:
        rank0 = distributed.rank() == 0
        # Only rank 0 writes, so it owns the folder; the other processes wait for its broadcast.
        with claim(path, say) if rank0 else nullcontext():
            _start(settings, path, say if rank0 else _quiet, minutes, candidates)
    except UserError as error:
        if distributed.rank() and error.code not in (DIVERGED, *CODES.values()):  # rank 0 reports those codes
            print(f"error: rank {distributed.rank()}: {error}", file=sys.stderr)
        raise
    finally:
        distributed.leave()


def _quiet(line: str) -> None:
    """Other processes than rank 0 print nothing."""


def _start(settings: RunSettings, path: Path, say, minutes: float | None, candidates: Candidates) -> None:
    folder = RunFolder(path)
    begun = distributed.broadcast(folder.begun() if distributed.rank() == 0 else None)
    kept = distributed.broadcast(folder.kept() if begun and distributed.rank() == 0 else None)
    if kept and minutes:
        settings = as_begun(settings, candidates, kept, say)
    what = " → ".join(settings.domains) if not settings.more else f"among {', '.join(settings.domains)}"
    say(f"Training {settings.mode}: {what}, preset {_preset(settings, candidates, begun)}, on {_device(settings)}.")
    say(f"Run folder: {path} (the same command continues it)")
    _say_missing_weights(settings, say)
    data = _open_everywhere(settings, say)
    began = time.monotonic()
    chosen: list[dict[str, Any]] = []
    settings = with_data(settings, data, (kept or {}).get("data", {}).get("augment_on"))
    if minutes and not begun:
        settings, chosen = _timed(settings, candidates, folder, data, say, minutes, began)
    run = Run(with_length(settings, data, say), folder, data, say)
    run.chosen = chosen
    if begun:
        run.resume()
    else:
        run.begin()
    if run.finished:
        if run.rank0:
            complete_files(run)
        say(finished(run))
        return
    run.train()
    if run.rank0:
        if run.out_of_patience:
            complete_files(run)
            say(finished(run))
        for line in summary(run):
            say(line)
        if chosen:
            say(f"  --minutes {minutes:g}  took {duration(time.monotonic() - began)}, measuring included")


def _timed(
    settings: RunSettings, candidates: Candidates, folder: RunFolder, data: Data, say, minutes: float, began: float
) -> tuple[RunSettings, list[dict[str, Any]]]:
    """The settings with the preset and the length that the minutes allow, and how they were found, for the log."""
    found: list[dict[str, Any]] = []
    if candidates:
        resolved = [one.model_copy(update={"data": settings.data}) for one in candidates]
        settings, found = halve(resolved, folder, data, say, 60 * minutes / 3, began)
    settings, record = with_minutes(settings, folder, data, say, minutes, began)
    return settings, [*found, record]


def dry_run(
    settings: RunSettings, path: Path, say=print, *, minutes: float | None = None, candidates: Candidates = ()
) -> None:
    """Print the resolved settings, the data found and how long it would take; write nothing. See `start`."""
    from translate.settings import to_toml

    folder = RunFolder(path)
    kept = folder.kept() if (begun := folder.begun()) else {}
    if begun and minutes:
        settings = as_begun(settings, candidates, kept, say)
    _say_missing_weights(settings, say)
    data = _open(settings, say)
    began = time.monotonic()
    settings = with_data(settings, data, kept.get("data", {}).get("augment_on"))
    if minutes and not begun:
        if candidates:
            names = ", ".join(one.preset for one in candidates)
            say(f"--preset auto would compare {names} for {duration(20 * minutes)}; what follows is {settings.preset}.")
            minutes = minutes * 2 / 3
        settings, _ = with_minutes(settings, folder, data, say, minutes, began, write=False)
    settings = with_length(settings, data, say)
    say("\nSettings (config.toml):\n" + to_toml(settings.plain()).decode())
    run = Run(settings, folder, data, say)
    for line in run.origins:
        say(line)
    for name, network in run.trainer.mode.networks.items():
        say(f"{name}: {type(network).__name__}, {sum(p.numel() for p in network.parameters()):,} parameters")
    seconds, batch = seconds_a_round(run, 0), run.images_per_round
    say(f"One step of {batch} images takes {seconds:.3f} s: {batch / seconds:.1f} images/s.")
    say(f"Training on {run.total:,} images would take about {duration(run.total / batch * seconds)}, without scoring.")
    size = sum(tensor.nbytes for tensor in run.trainer.state()[0].values())
    say(f"Each checkpoint takes {size / 1e6:.1f} MB; {settings.train.keep + 1} are kept.")
    say(f"The run folder would be {path}{' (exists: would be continued)' if begun else ''}:\n{LAYOUT}")


def _say_missing_weights(settings: RunSettings, say) -> None:
    if sentence := missing_weights(settings.preset, settings.mode, settings.discriminator.network):
        say(sentence)


def _open_everywhere(settings: RunSettings, say) -> Data:
    """The data, opened in every process: a machine's first process fetches missing files before the others read."""
    data = _open(settings, say) if distributed.is_first_on_machine() else None
    distributed.all_reduce_max(0)  # a barrier
    data = data or _open(settings, say)
    if distributed.world_size() > 1:
        own = description.fingerprint(data)
        if distributed.broadcast(own) != own:
            raise UserError(
                f"rank {distributed.rank()} has other images than rank 0; use the same files on all machines."
            )
    return data


def _open(settings: RunSettings, say) -> Data:
    data = open_data(
        settings.a,
        settings.b,
        settings.data,
        more=settings.more,
        paired=MODES[settings.mode].pairs(settings.mode_settings)[0],
        seed=settings.seed,
        say=say,
    )
    for line in description.describe(data):
        say(line)
    if MODES[settings.mode].taught:
        teacher.check(settings, data)
    return data


def _preset(settings: RunSettings, candidates: Candidates, begun: bool) -> str:
    return f"the best of {', '.join(one.preset for one in candidates)}" if candidates and not begun else settings.preset


def _device(settings: RunSettings) -> str:
    name = torch.cuda.get_device_name() if settings.train.device == "cuda" else settings.train.device
    threads = f", {torch.get_num_threads()} threads" if settings.train.device == "cpu" else ""
    processes = f", {distributed.world_size()} processes" if distributed.world_size() > 1 else ""
    return f"{name}{threads}{processes}, {settings.train.precision}"
