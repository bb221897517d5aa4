"""Warnings about failing training: vanishing and exploding gradients, weights that don't change, oscillation, mode
collapse, dropped modes, outputs that are no better than the inputs.

The training doesn't depend on them."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from translate.metrics import Score
from translate.metrics.nearest import nearest
from translate.train.previews import Samples, Translations
from translate.train.step.trainer import Trainer

WINDOW = 10  # reports in a row for which a condition must hold
MIN_RELATIVE_LOSS = 0.02  # of D; below it G's gradient vanishes
MAX_GRADIENT_NORM = 100.0  # ganhacks' limit
MIN_DISPLACEMENT = 0.15  # see Displacement; a random walk of 10 steps has 0.32
MIN_SPREAD = 0.5  # spread of the samples, divided by the training images'
MIN_READABLE = 0.7  # accuracy of nearest-neighbour classification on held-out images that counting classes needs
MAX_REFERENCES = 5000  # training images that samples are compared with; up to twice as many
MIN_CLASS_RATIO = 0.2  # a class's number of samples, divided by the expected one; below it the class is dropped


class Diagnosis:
    """Warnings about a trainer's players and about the samples of its previews. Each warning is given once."""

    def __init__(self, trainer: Trainer, previews: Samples | Translations):
        self.trainer, self.previews = trainer, previews
        self.relative_losses: dict[str, list[float]] = {player: [] for player in trainer.mode.discriminators}
        self.norms: dict[str, list[float]] = {player: [] for player in trainer.mode.players}
        self.displacements = {name: Displacement() for name in trainer.mode.generators.values()}
        self.sums: dict[str, list[list[float]]] = {name: [] for name in trainer.mode.networks}  # of the weights
        self.reported: set[str] = set()
        self.facts: list[str] = []  # about the newest samples

    def of_players(self, diagnostics: dict[str, dict[str, float]], norms: dict[str, float]) -> list[str]:
        """New warnings from the means since the last report: diagnostics and largest gradient norms, by player."""
        found = {}
        for player, losses in self.relative_losses.items():
            of_d = diagnostics.get(player, {})
            losses[:] = [*losses, of_d["relative_loss"]][-WINDOW:] if "relative_loss" in of_d else []
            if len(losses) == WINDOW and max(losses) < MIN_RELATIVE_LOSS:
                found[f"vanishing gradients of {player}"] = (
                    f"{player} is too good: its accuracy is {100 * of_d['accuracy']:.1f} % and its loss near 0, so G "
                    "hardly gets a gradient (vanishing gradients). "
                    + self._advice(
                        "instance_noise=0.1",
                        "label_smoothing=0.1",
                        "r1=1",
                        "diffaugment=color,translation",
                        "a smaller lr_d",
                        "objective=wgan-gp",
                    )
                )
        for player, norm in norms.items():
            self.norms[player] = [*self.norms[player], norm][-WINDOW:]
            if len(self.norms[player]) == WINDOW and min(self.norms[player]) > MAX_GRADIENT_NORM:
                found[f"exploding gradients of {player}"] = (
                    f"exploding gradients: the norm of player {player}'s gradient has reached {norm:,.0f}, and "
                    f"exceeded {MAX_GRADIENT_NORM:.0f} in {WINDOW} reports in a row. "
                    + self._advice("a smaller --lr", "clip_norm=10")
                )
        for name, displacement in self.displacements.items() if isinstance(self.previews, Samples) else ():
            ratio = displacement.ratio(self.trainer.mode.networks[name])
            if ratio is not None and ratio < MIN_DISPLACEMENT:
                found[f"oscillation of {name}"] = (
                    f"{name}'s updates undo each other (no convergence): the net change of its weights is "
                    f"{100 * ratio:.0f} % of the sum of their changes. "
                    + self._advice("a smaller --lr", "r1=1", "ema=0.999 (which averages it out)")
                )
        for name, network in self.trainer.mode.networks.items():
            sums = self.sums[name] = [*self.sums[name], _sums(network)][-WINDOW - 1 :]
            if sums[0] and len(sums) > WINDOW and all(entry == sums[0] for entry in sums):
                found[f"{name} is still"] = (
                    f"{name} learns nothing: its weights have not changed in {WINDOW} reports. Check --lr, lr_d and "
                    "the weights of its losses."
                )
        return self._new(found)

    def of_pairs(self, scores: list[Score]) -> list[str]:
        """A new warning where the first of the scores of a paired training is no better than that of the inputs."""
        if not scores or (nothing := scores[0].baseline) is None:
            return []
        first = scores[0]
        if first.value < nothing if first.lower_is_better else first.value > nothing:
            return []
        sentence = (
            f"the outputs are no closer to the true images than the inputs are: {first}. Try more --images, or a "
            "larger lambda_l1; and look whether the pairs in the preview belong together."
        )
        return self._new({"pairs": sentence})

    def _advice(self, *options: str) -> str:
        """'Try …' with those of the options that are not settings of this training already."""
        mode, train = getattr(self.trainer.mode, "settings", None), getattr(self.trainer, "settings", None)
        kept = []
        for option in options:
            name, _, value = option.partition("=")
            now = getattr(mode, name, getattr(train, name, None)) if value else None
            if not now or (name == "objective" and "wgan" not in now):
                kept.append(option)
        return f"Try {', '.join(kept[:-1])}{', or ' if kept[1:] else ''}{kept[-1]}."

    def of_samples(self, samples: np.ndarray, early: bool = False) -> list[str]:
        """New warnings about samples, uint8 (N, H, W, C); none for translations. early: only update `facts`."""
        if not isinstance(self.previews, Samples):
            return []
        found: dict[str, str] = {}
        ratio = spread(_rows(samples)) / max(self.references.spread, 1e-12)
        self.facts = [f"spread {ratio:.2f} of the data's"]
        if ratio < MIN_SPREAD:
            found["collapse"] = (
                f"mode collapse: the samples differ from each other {100 * ratio:.0f} % as much as training images do. "
                + self._advice("diffaugment=color,translation", "a smaller lr_d", "objective=wgan-gp")
            )
        if self.references.readable:
            found |= self._of_classes(self.previews, samples)
        return [] if early else self._new(found)

    @cached_property
    def references(self) -> "References":
        """The training images that samples are compared with, the same in the whole run."""
        previews, data = self.previews, self.previews.data
        assert isinstance(previews, Samples)
        every = max(1, len(data.train_a) // MAX_REFERENCES)
        images, labels = data.train_images("a", every=every), data.train_labels()[::every]
        readable = False
        if data.classes:
            predicted = labels[nearest(previews.held_out[:500], images)[0][:, 0]]
            readable = bool((predicted == data.test_labels()[:500]).mean() >= MIN_READABLE)
        return References(images, labels, spread(_rows(images)), readable)

    def _of_classes(self, previews: Samples, samples: np.ndarray) -> dict[str, str]:
        """Warnings from counting classes: a sample's class is that of the nearest training image."""
        names, found = previews.data.classes, {}
        classes = self.references.labels[nearest(samples, self.references.images)[0][:, 0]]
        conditions = previews.classes_of(len(samples))
        counts = np.bincount(classes, minlength=len(names))
        labels = np.array(conditions) if conditions else self.references.labels
        expected = np.bincount(labels, minlength=len(names)) * (len(samples) / len(labels))
        dropped = [
            f"{name} ({count} instead of {due:.0f})"
            for name, count, due in zip(names, counts, expected, strict=True)
            if count < MIN_CLASS_RATIO * due
        ]
        self.facts.append(f"{len(names) - len(dropped)} of {len(names)} classes")
        if dropped:
            found["dropped"] = f"dropped modes: of {len(samples)} samples hardly any is {', '.join(dropped)}."
        if conditions:
            agreement = 100 * (classes == np.array(conditions)).mean()
            self.facts.append(f"{agreement:.0f} % of the requested class")
            if agreement < 50:
                found["ignored"] = (
                    f"conditional collapse: {agreement:.0f} % of the samples are of the requested class, so G ignores "
                    "its condition."
                )
        return found

    def _new(self, found: dict[str, str]) -> list[str]:
        new = [sentence for reason, sentence in found.items() if reason not in self.reported]
        self.reported |= set(found)
        return new


class References(NamedTuple):
    """Training images, uint8 (N, H, W, C), their classes (N,), their spread, and whether nearest-neighbour
    classification with them is accurate enough to count classes."""

    images: np.ndarray
    labels: np.ndarray
    spread: float
    readable: bool


class Displacement:
    """The net change of a network's weights over WINDOW reports, divided by the sum of the changes' lengths."""

    def __init__(self) -> None:
        self.start: Tensor | None = None
        self.last: Tensor | None = None
        self.length, self.steps = 0.0, 0

    @torch.no_grad()
    def ratio(self, network: nn.Module) -> float | None:
        """The ratio, from 0 to 1, at the end of each window; None in between, and where the weights don't change."""
        now = torch.cat([weights.flatten() for weights in network.parameters()])
        if self.start is None or self.last is None:
            self.start = self.last = now
            return None
        self.length, self.steps, self.last = self.length + float((now - self.last).norm()), self.steps + 1, now
        if self.steps < WINDOW:
            return None
        ratio = float((now - self.start).norm()) / self.length if self.length else None
        self.start, self.length, self.steps = now, 0.0, 0
        return ratio


@torch.no_grad()
def _sums(network: nn.Module) -> list[float]:
    """Two sums of each tensor of weights, which practically never stay the same when the weights change."""
    weights = [p.float() for p in network.parameters() if p.requires_grad]
    return torch.stack([s for w in weights for s in (w.sum(), w.square().sum())]).tolist() if weights else []


def spread(rows: Tensor) -> float:
    """Root mean square distance between two of the rows (N, d), over all pairs."""
    return float((2 * rows.var(0, correction=1).sum()).sqrt())


def _rows(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).flatten(1).float() / 255
