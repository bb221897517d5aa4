"""--minutes: the length of a training in images, from its speed, which is measured before the first step.

Measured on a run with the same settings whose networks are thrown away afterwards, so the training itself is the same
as with --images.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from translate.data import Data
from translate.errors import UserError
from translate.system import distributed, hashed_tensors
from translate.system.files import write_whole
from translate.system.text import duration
from translate.train.complete import whole_round
from translate.train.events import Events
from translate.train.folder import RunFolder
from translate.train.loop import Run
from translate.train.settings import RunSettings
from translate.train.step.cuda_graphs import WARM_UP_ROUNDS

SHARE = 0.02  # of the time, for measuring rounds
LEAST, MOST = 2.0, 20.0  # seconds that rounds are measured
FEW = 3  # rounds that are measured, at least
SLOW = 4  # a first round takes longer than others, but hardly so many times as long
NO_END = 1 << 40  # images, for batches without an end

Say = Callable[[str], Any]


@dataclass(frozen=True)
class Pace:
    """Seconds: to build a run, of a round, of the previews, of a scoring, and of a checkpoint with generator files."""

    build: float
    round: float
    preview: float = 0.0
    score: float = 0.0
    save: float = 0.0

    def seconds(self, settings: RunSettings, images_per_round: int, images: int) -> float:
        """How long a training on so many images takes."""
        t = settings.train
        events = Events.of(t, images_per_round, images)
        scores = events.times("score")
        training = images / images_per_round * self.round + events.times("preview") * self.preview
        by_the_clock = scores * (training / scores // (60 * t.save_minutes))  # the clock starts anew at each save
        saves = scores + by_the_clock + (events.times("save") if t.save_every else 0)
        return self.build + training + scores * self.score + saves * self.save

    def images(self, settings: RunSettings, images_per_round: int, seconds: float) -> int:
        """The largest length, in whole rounds, that takes at most so many seconds; 0 where one round takes longer."""
        low, high = 0, max(1, int(seconds / self.round))
        while low < high:
            rounds = (low + high + 1) // 2
            fits = self.seconds(settings, images_per_round, rounds * images_per_round) <= seconds
            low, high = (rounds, high) if fits else (low, rounds - 1)
        return low * images_per_round


def measured(settings: RunSettings, folder: RunFolder, data: Data, say: Say, seconds: float, write: bool) -> Pace:
    """The pace of a training that may take so many seconds; on rank 0, which alone scores and saves. write: whether the
    folder may be written to, to measure that too (the file is deleted)."""
    began = time.perf_counter()
    run = Run(settings, folder, data, say)
    build = time.perf_counter() - began
    a_round = seconds_a_round(run, min(MOST, max(LEAST, SHARE * seconds)))
    pace = Pace(build, a_round, *(_events(run, say, write) if run.rank0 else ()))
    del run
    free()
    return pace


def seconds_a_round(run: Run, seconds: float, most: float = math.inf) -> float:
    """The mean time of rounds that take so many seconds together, after those that warm up. All processes play as many
    rounds. The run's networks are trained. most: where the first round takes SLOW times as long, it is the last one."""
    t = run.settings.train
    batches = run.data.batches(
        0,
        NO_END,
        run.batch,
        workers=t.workers or 0,
        share=(distributed.rank(), distributed.world_size()),
        device=run.trainer.device,
    )
    first = _play(run, batches, 1)
    if distributed.broadcast(first > SLOW * most and not t.compile):
        return first
    _play(run, batches, WARM_UP_ROUNDS if t.graphs else 1)  # the last of them records the graph
    first = _play(run, batches, 2) / 2
    count = distributed.broadcast(max(FEW, math.ceil(seconds / max(first, 1e-9))))
    return _play(run, batches, count) / count


def _play(run: Run, batches: Iterator, rounds: int) -> float:
    """Seconds that so many rounds take."""
    began = time.perf_counter()
    for _ in range(rounds):
        group = [next(batches) for _ in range(run.settings.train.accumulate)]
        run.trainer.play(group, 0)
    if run.trainer.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _events(run: Run, say: Say, write: bool) -> tuple[float, float, float]:
    """Seconds of the previews, of a scoring, and of a save."""
    run.evaluator.prepare(say).prepare()  # the features of the references, which are cached
    began = time.perf_counter()
    run.evaluator.score(0, say)
    run.diagnosis.of_samples(run.evaluator.scored_images, early=True)
    scored = time.perf_counter()
    for direction in run.evaluator.previews.sheets:
        run.evaluator.previews.sheet(direction, 0)
    previewed = time.perf_counter()
    tensors, _ = run.trainer.state()
    content = hashed_tensors.dumps(tensors, {"settings": run.settings.plain()})
    if write:
        path = run.folder.path / "pace.part"  # a run folder's leftovers end so, after a kill
        write_whole(path, content)
        path.unlink()
    mode = run.trainer.mode
    networks = [mode.networks[name] for name in set(mode.generators.values())]
    generators = sum(parameter.nbytes for network in networks for parameter in network.parameters())
    more = 1 + 2 * generators / max(1, len(content))  # the files of the newest and of the best generator
    return previewed - scored, scored - began, more * (time.perf_counter() - previewed)


def free() -> None:
    """Give back the memory of a run that is not used any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def with_minutes(
    settings: RunSettings, folder: RunFolder, data: Data, say: Say, minutes: float, began: float, write: bool = True
) -> tuple[RunSettings, dict[str, Any]]:
    """(the settings with the length that ends `minutes` after `began` (time.monotonic), the record for the log)."""
    pace = measured(settings, folder, data, say, 60 * minutes, write)
    left, images_per_round = 60 * minutes - (time.monotonic() - began), whole_round(settings)
    one = pace.seconds(settings, images_per_round, images_per_round)
    images, needed = distributed.broadcast((pace.images(settings, images_per_round, left), 60 * minutes - left + one))
    if not images:
        raise UserError(
            f"--minutes {minutes:g} is too short: measuring the speed, one round and its scoring take "
            f"{duration(needed)}; give at least --minutes {math.ceil(needed / 6) / 10:g}."
        )
    say(
        f"--minutes {minutes:g}: a round of {images_per_round} images takes {pace.round:.3g} s, a scoring "
        f"{pace.score:.2g} s; {images:,} images fit, which config.toml keeps as train.images."
    )
    train = settings.train.model_copy(update={"images": images})
    record = {"event": "minutes", "minutes": minutes, "length": images, "seconds": asdict(pace)}
    return settings.model_copy(update={"train": train}), record


def as_begun(settings: RunSettings, candidates: Sequence[RunSettings], kept: dict[str, Any], say: Say) -> RunSettings:
    """The settings of a run that is continued, for which --minutes and --preset auto have been decided. kept: the
    contents of its config.toml."""
    settings = next((one for one in candidates if one.preset == kept.get("preset")), settings)
    images = kept.get("train", {}).get("images")
    if not images:
        return settings
    say(f"--minutes is for new runs: this one keeps the {images:,} images of its config.toml, which --images changes.")
    return settings.model_copy(update={"train": settings.train.model_copy(update={"images": images})})
