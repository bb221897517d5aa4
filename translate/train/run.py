"""`translate train` with complete settings: opens the data and trains, or only estimates (--dry-run)."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path

import torch

from translate.data import Data, description, open_data
from translate.errors import DIVERGED, UserError
from translate.modes import MODES
from translate.system import distributed
from translate.system.lock import claim
from translate.system.signals import CODES
from translate.system.text import duration
from translate.train.complete import with_augmentation, with_length
from translate.train.folder import LAYOUT, RunFolder
from translate.train.loop import Run
from translate.train.presets import missing_weights
from translate.train.settings import RunSettings
from translate.train.step.cuda_graphs import WARM_UP_ROUNDS
from translate.train.summary import summary


def start(settings: RunSettings, path: Path, say=print) -> None:
    """Train `settings` in the run folder `path`, or continue what is there. Raises UserError with its exit code."""
    distributed.join(settings.train.device)
    try:
        rank0 = distributed.rank() == 0
        # Only rank 0 writes, so it owns the folder; the other processes wait for its broadcast.
        with claim(path, say) if rank0 else nullcontext():
            _start(settings, path, say if rank0 else _quiet)
    except UserError as error:
        if distributed.rank() and error.code not in (DIVERGED, *CODES.values()):  # rank 0 reports those codes
            print(f"error: rank {distributed.rank()}: {error}", file=sys.stderr)
        raise
    finally:
        distributed.leave()


def _quiet(line: str) -> None:
    """Other processes than rank 0 print nothing."""


def _start(settings: RunSettings, path: Path, say) -> None:
    folder = RunFolder(path)
    begun = distributed.broadcast(folder.begun() if distributed.rank() == 0 else None)
    what = f"{settings.a} → {settings.b}" if settings.b else settings.a
    say(f"Training {settings.mode}: {what}, preset {settings.preset}, on {_device(settings)}.")
    say(f"Run folder: {path} (the same command continues it)")
    _say_missing_weights(settings, say)
    data = _open_everywhere(settings, say)
    recorded = folder.recorded("data", "augment_on") if begun and distributed.rank() == 0 else None
    settings = with_augmentation(settings, data, recorded)
    run = Run(with_length(settings, data, say), folder, data, say)
    if begun:
        run.resume()
    else:
        run.begin()
    if run.finished:
        if run.rank0:
            run.complete_files()
        say(f"{path} is finished: {run.images_seen:,} images seen. To go on, give more --images.")
        return
    run.train()
    if run.rank0:
        for line in summary(run):
            say(line)


def dry_run(settings: RunSettings, path: Path, say=print) -> None:
    """Print the resolved settings, the data found and how long it would take; write nothing."""
    from translate.settings import to_toml

    folder = RunFolder(path)
    begun = folder.begun()
    _say_missing_weights(settings, say)
    data = _open(settings, say)
    settings = with_augmentation(settings, data, folder.recorded("data", "augment_on") if begun else None)
    settings = with_length(settings, data, say)
    say("\nSettings (config.toml):\n" + to_toml(settings.plain()).decode())
    run = Run(settings, folder, data, say)
    for name, network in run.trainer.mode.networks.items():
        say(f"{name}: {type(network).__name__}, {sum(p.numel() for p in network.parameters()):,} parameters")
    seconds, batch = _seconds_a_round(run), run.images_per_round
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
        settings.a, settings.b, settings.data, paired=MODES[settings.mode].paired, seed=settings.seed, say=say
    )
    for line in description.describe(data):
        say(line)
    return data


def _seconds_a_round(run: Run, rounds: int = 3) -> float:
    t = run.settings.train
    warm_up = WARM_UP_ROUNDS + 1 if t.graphs else 1  # rounds before the timed ones; the last of them records the graph
    batches = run.data.batches(
        0, min(run.total, run.images_per_round * (warm_up + rounds)), run.batch, device=run.trainer.device
    )
    groups = list(zip(*[batches] * t.accumulate, strict=False))
    for group in groups[:warm_up]:
        run.trainer.play(group, 0)
    _wait(t.device)
    timed = groups[warm_up:] or groups
    began = time.perf_counter()
    for group in timed:
        run.trainer.play(group, 0)
    _wait(t.device)
    return (time.perf_counter() - began) / len(timed)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _device(settings: RunSettings) -> str:
    name = torch.cuda.get_device_name() if settings.train.device == "cuda" else settings.train.device
    threads = f", {torch.get_num_threads()} threads" if settings.train.device == "cpu" else ""
    processes = f", {distributed.world_size()} processes" if distributed.world_size() > 1 else ""
    return f"{name}{threads}{processes}, {settings.train.precision}"
