"""--preset auto: presets are compared by successive halving (Jamieson and Talwalkar 2016), with equal times.

In each comparison every remaining preset is trained for the same time and scored on the same held-out images; the
better half goes on from where it is. The data's settings are the same for all, so that scores can be compared.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from translate.data import Data
from translate.errors import UserError
from translate.metrics.measures import lower_is_better
from translate.system import distributed
from translate.system.text import out_of_memory
from translate.train.complete import whole_round
from translate.train.folder import RunFolder
from translate.train.length import NO_END, Say, free, seconds_a_round
from translate.train.loop import Run
from translate.train.settings import RunSettings

Candidates = Sequence[RunSettings]
FEWEST = 100  # rounds that a preset must be able to train in the whole time; with fewer none has learned anything


@dataclass
class Candidate:
    """One preset, and the state of its training between two rounds of the comparison."""

    settings: RunSettings
    a_round: float = 0.0  # seconds
    images: int = 0  # trained on so far
    state: tuple[dict[str, Tensor], dict[str, Any]] | None = field(default=None, repr=False)
    value: float = math.inf  # of the score that decides; smaller is better


def halve(
    candidates: Candidates, folder: RunFolder, data: Data, say: Say, seconds: float, began: float
) -> tuple[RunSettings, list[dict[str, Any]]]:
    """(the settings of the best preset, records for the log). seconds: when to end, after `began` (time.monotonic); the
    whole training has three times as many. UserError where no score compares them, or the time is too short."""
    alive, a_score, name = _measured([Candidate(one) for one in candidates], folder, data, say, 2 * seconds)
    sizes = [len(alive)]  # of the comparisons
    while sizes[-1] > 2:
        sizes.append(math.ceil(sizes[-1] / 2))
    records: list[dict[str, Any]] = []
    for number, size in enumerate(sizes if len(alive) > 1 else []):
        elapsed = time.monotonic() - began
        elapsed, each = distributed.broadcast((elapsed, (seconds - elapsed) / (len(sizes) - number) / size - a_score))
        if each < max(one.a_round for one in alive):
            least = 3 * (elapsed + 2 * a_score * sum(sizes)) / 60
            raise UserError(
                f"--minutes {seconds / 20:g} is too short for --preset auto, which scores {sum(sizes)} times in "
                f"a third of it, {a_score:.1f} s each; give at least --minutes {math.ceil(least)}, or name a preset."
            )
        for one in alive:
            _train(one, folder, data, rounds=max(1, int(each / one.a_round)))
        order = distributed.broadcast(sorted(range(size), key=lambda index: alive[index].value))
        kept = math.ceil(size / 2)
        for place, one in enumerate(alive[index] for index in order):
            worse = "" if place < kept else ", left out from here"
            value = (one.value if lower_is_better(name) else -one.value) if math.isfinite(one.value) else None
            row = {"comparison": number + 1, "preset": one.settings.preset, "trained": one.images, "score": name}
            records.append({"event": "preset", **row, "value": value, "kept": place < kept})
            words = f"{name} {value:.4f}" if value is not None else "diverged"
            say(f"  comparison {number + 1}: {one.settings.preset}, {one.images:,} images: {words}{worse}")
        alive = [alive[index] for index in order[:kept]]
    say(f"--preset auto: {alive[0].settings.preset} is the best of {', '.join(one.preset for one in candidates)}.")
    return alive[0].settings, records


def _measured(
    found: list[Candidate], folder: RunFolder, data: Data, say: Say, seconds: float
) -> tuple[list[Candidate], float, str]:
    """(the candidates that fit into the memory and the time, seconds of a scoring, the name of the score that decides).
    seconds: of the training that follows."""
    fitting, a_score, name = [], 0.0, ""
    for one in found:
        run: Run | None = None
        try:
            run = Run(one.settings, folder, data, say)
            one.a_round = distributed.broadcast(seconds_a_round(run, 0.5, seconds / FEWEST))
            if not name and run.rank0:
                scorer = run.evaluator.prepare(say)
                scorer.prepare()  # the features of the references, which are cached
                began = time.perf_counter()
                run.evaluator.score(0, _quiet)
                a_score, name = time.perf_counter() - began, scorer.best_of()
        except RuntimeError as error:
            if not out_of_memory(error) or distributed.world_size() > 1:  # the other processes would wait for this one
                raise
            one.a_round = math.inf
        run = None
        free()
        a_score, name = distributed.broadcast((a_score, name))
        if seconds / one.a_round < FEWEST:
            say(f"--preset auto: {one.settings.preset} is left out, because it is too slow or too large here.")
        else:
            length = int(seconds / one.a_round) * whole_round(one.settings)  # its learning rate's
            train = one.settings.train.model_copy(update={"images": length})
            one.settings = one.settings.model_copy(update={"train": train})
            fitting.append(one)
        if not name and one.a_round < math.inf:
            raise UserError("--preset auto compares presets by a score, and there is none here; name a preset.")
    if not fitting:
        raise UserError(f"--preset auto: no preset trains {FEWEST} rounds in the time; give more --minutes.")
    return fitting, a_score, name


def _quiet(line: str) -> None:
    """What was said of the first candidate isn't said again."""


def _train(one: Candidate, folder: RunFolder, data: Data, rounds: int) -> None:
    """Train a candidate for so many rounds more, and score it."""
    per_round = whole_round(one.settings)
    run = Run(one.settings, folder, data, _quiet)
    if one.state:
        run.trainer.load(*one.state)
    batches = data.batches(
        one.images,
        NO_END,
        run.batch,
        workers=one.settings.train.workers or 0,
        share=(distributed.rank(), distributed.world_size()),
        device=run.trainer.device,
    )
    for _ in range(rounds):
        group = [next(batches) for _ in range(one.settings.train.accumulate)]
        run.trainer.play(group, one.images)
        one.images += per_round
    one.value = math.inf
    if run.rank0 and not any(stats.first_nonfinite() for stats in run.trainer.stats.values()):
        scores, _ = run.evaluator.score(one.images, _quiet)
        value = scores[0].value  # that which decides comes first
        value = value if scores[0].lower_is_better else -value
        one.value = math.inf if math.isnan(value) else value
    tensors, values = run.trainer.state()
    one.state = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}, values
    del run, batches
    free()
