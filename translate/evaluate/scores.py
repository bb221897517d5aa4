"""The scores of one direction: measured as in training, with intervals, beside doing nothing and real images."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from translate.evaluate.programs import Program, scores
from translate.evaluate.subject import PASSES, Subject
from translate.metrics import paired
from translate.metrics.intervals import Estimate, of_mean
from translate.metrics.measures import Measures
from translate.metrics.scorer import REWARDS_BLUR
from translate.metrics.true_values import TrueValues
from translate.train.held_out import HeldOut

Say = Callable[[str], Any]


@dataclass
class Row:
    """One score. nothing, real: of the inputs and of real images in place of the outputs, where that says something.
    n: images behind it."""

    name: str
    estimate: Estimate
    n: int
    nothing: Estimate | None = None
    real: Estimate | None = None
    note: str = ""


@dataclass
class Evaluation:
    """What was found of one direction. names: of the images. measures: from which compare takes differences."""

    names: list[str]
    outputs: np.ndarray
    images: HeldOut
    measures: Measures
    rows: list[Row]
    best_of: str
    protocol: dict[str, Any]
    missing: list[str] = field(default_factory=list)


def evaluate(
    subject: Subject,
    direction: str,
    images: HeldOut,
    programs: list[Program],
    say: Say,
    given: np.ndarray | None = None,
) -> Evaluation:
    """given: the outputs, where they are not the subject's own to make."""
    scorer = images.scorer(subject.device, say)
    outputs, names = given, images.names
    made = None  # the outputs' measured values
    if outputs is None and images.inputs is not None:
        say(f"translating {len(images.inputs):,} images…")
        if any(images.types):
            made = subject.values(direction, images.given, images.types[1])  # type: ignore[arg-type]
            outputs = images.show(made)
        else:
            outputs = subject.outputs(direction, images.inputs)
    if outputs is None:
        outputs = subject.samples(max(2, len(images.real)))  # type: ignore[arg-type]
        names = [f"{seed:06d}" for seed in range(len(outputs))]
    say(f"scoring {len(outputs):,} images…")
    measures = scorer.measure(outputs, made)
    own, notes = _own(subject, direction, images, outputs, made)
    measures = Measures(measures.features, measures.references, measures.values | own)
    estimates = measures.estimates()
    nothing = None if images.inputs is None else scorer.nothing()
    floor = {} if nothing is None else nothing.estimates()
    ceiling = {} if images.real is None else scorer.measure(images.real, keep="real images", pairs=False).estimates()
    if not images.names and images.real is not None:
        ceiling["spread-z"] = of_mean(_neighbours(images.real))
    rows = []
    for name in _order(estimates, scorer.best_of()):
        note = notes.get(name, REWARDS_BLUR if name in ("L1", "PSNR", "SSIM") and not scorer.aligned else "")
        rows.append(Row(name, estimates[name], len(outputs), floor.get(name), ceiling.get(name), note))
    sets = {"outputs": outputs, "inputs": images.inputs, "truth": images.truth}
    folders = {name: (names, arrays) for name, arrays in sets.items() if arrays is not None}
    folders["real"] = [f"{number:06d}" for number in range(len(images.references))], images.references
    for name, found in scores(programs, folders).items():
        given_too = {of: Estimate(found[of]) for of in ("nothing", "real") if of in found}
        rows.append(Row(name, Estimate(found["value"]), len(outputs), **given_too, note="a program's; no interval"))
    return Evaluation(names, outputs, images, measures, rows, scorer.best_of(), scorer.protocol(), scorer.missing)


def _order(estimates: dict[str, Estimate], best: str) -> list[str]:
    """The deciding score first, then distributions, then pairs."""
    names = [best, *(name for name in estimates if name != best)] if best else list(estimates)
    return names


def _own(
    subject: Subject, direction: str, images: HeldOut, outputs: np.ndarray, made: np.ndarray | None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(values by score, notes by score) of what only an evaluation asks: change, the way back, spread."""
    values: dict[str, Tensor] = {}
    notes: dict[str, str] = {}
    inputs = images.inputs
    if inputs is None:
        if not images.names:
            values["spread-z"] = _neighbours(outputs)
            notes["spread-z"] = "mean L1 of neighbouring samples"
        return values, notes
    if inputs.shape == outputs.shape:
        values["change"] = paired.l1(outputs, inputs)
        notes["change"] = "L1 of input and output"
    back = "2".join(reversed(direction.split("2")))
    if made is not None:
        source = images.types[0]
        if source and back in subject.directions:
            way_back = TrueValues(images.given, source.high - source.low, source.unit)  # type: ignore[arg-type]
            errors = way_back.errors(subject.values(back, made, source))
            values |= {"back-L1": errors["L1"], "back-PSNR": errors["PSNR"]}
            notes["back-L1"] = "the input and what comes back of it"
        return values, notes
    if subject.is_model and back in subject.directions:
        returned = subject.outputs(back, outputs)
        values |= {"back-L1": paired.l1(returned, inputs), "back-PSNR": paired.psnr(returned, inputs)}
        notes["back-L1"] = "the input and what comes back of it"
    if subject.is_model and (passes := subject.passes(direction, inputs)):
        pairs = [(one, other) for place, one in enumerate(passes) for other in passes[:place]]
        values["spread-dropout"] = torch.stack([paired.l1(one, other) for one, other in pairs]).mean(0)
        notes["spread-dropout"] = f"mean L1 of {PASSES} passes with dropout"
    return values, notes


def _neighbours(images: np.ndarray) -> Tensor:
    """(N,) L1 of each image and the next one."""
    return paired.l1(images, np.roll(images, 1, axis=0))


def ranking(found: Evaluation) -> tuple[str, Tensor]:
    """(name, (N,) values, the smaller the better) by which images are best and worst: the distance from the truth, or
    from the nearest real image's features where there is none."""
    values = found.measures.values
    for name, sign in (("ST-LPIPS", 1), ("cosine-lite2", -1), ("L1", 1)):
        if name in values:
            return name, sign * values[name].double()
    for network, own in found.measures.features.items():
        distances = torch.cdist(own.double(), found.measures.references[network].double())
        return f"distance to the nearest real image's {network} features", distances.min(1).values
    return "their order: there is no score for single images", torch.arange(len(found.outputs)).double()
