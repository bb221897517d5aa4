"""Says when a training is failing, in the words that are taught: a D that is too good, gradients that explode, updates
that undo each other, collapsed and dropped modes. It only looks; nothing in the training depends on it."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from translate.metrics.nearest import nearest
from translate.train.previews import Samples, Translations
from translate.train.step.trainer import Trainer

SURE = 0.02  # doubt of D under which there is nothing left to learn from it
STEEP = 100.0  # norm of a gradient (ganhacks)
WINDOW = 10  # reports of players that something must hold for
UNDONE = 0.15  # net way of G's weights by the way they went; 0.32 for a random walk of 10 steps
ALIKE = 0.5  # spread of the samples by the data's
READABLE = 0.7  # part of held-out images whose class the nearest training image must tell, else nothing is counted
KNOWN = 5000  # training images that samples are compared with, or up to twice as many
DROPPED = 0.2  # a class that comes this much more seldom than in the data


class Diagnosis:
    """Looks at a `round` and what is `shown` of it. Each warning is given once."""

    def __init__(self, round: Trainer, shown: Samples | Translations):
        self.trainer, self.previews = round, shown
        self.relative_losses: dict[str, list[float]] = {player: [] for player in round.mode.discriminators}
        self.steep: dict[str, list[float]] = {player: [] for player in round.mode.players}
        self.displacements = {name: Displacement() for name in round.mode.generators.values()}
        self.said: set[str] = set()
        self.facts: list[str] = []  # about the newest samples

    def of_players(self, diagnostics: dict[str, dict[str, float]], norms: dict[str, float]) -> list[str]:
        """What the means since the last report say: diagnostics and largest gradient norms, by player."""
        found = {}
        for player, losses in self.relative_losses.items():
            of_d = diagnostics.get(player, {})
            losses[:] = [*losses, of_d["relative_loss"]][-WINDOW:] if "relative_loss" in of_d else []
            if len(losses) == WINDOW and max(losses) < SURE:
                found[f"vanishing gradients {player}"] = (
                    f"{player} is too good: its accuracy is {100 * of_d['accuracy']:.1f} % and its loss near 0, so G "
                    "hardly gets a gradient (vanishing gradients). Try instance_noise=0.1, label_smoothing=0.1, "
                    "r1=1, diffaugment=color,translation, a smaller lr_d, or objective=wgan-gp."
                )
        for player, norm in norms.items():
            self.steep[player] = [*self.steep[player], norm][-WINDOW:]
            if len(self.steep[player]) == WINDOW and min(self.steep[player]) > STEEP:
                found[f"steep {player}"] = (
                    f"the gradient of player {player} has reached a norm of {norm:,.0f}, and more than {STEEP:.0f} "
                    "again and again. Try a smaller --lr, or clip_norm=10."
                )
        for name, displacement in self.displacements.items() if isinstance(self.previews, Samples) else ():
            undone = displacement.ratio(self.trainer.mode.networks[name])
            if undone is not None and undone < UNDONE:
                found[f"oscillation {name}"] = (
                    f"{name}'s updates undo each other (no convergence): its weights have come {100 * undone:.0f} % as "
                    "far as they went. Try a smaller --lr, r1=1, or ema=0.999, which averages it out."
                )
        return self._new(found)

    def of_samples(self, samples: np.ndarray, early: bool = False) -> list[str]:
        """What newly drawn samples, uint8 (N, H, W, C), show, where images are made from noise. early: there is nothing
        to expect yet."""
        if not isinstance(self.previews, Samples):
            return []
        found: dict[str, str] = {}
        ratio = spread(_rows(samples)) / max(self.known.spread, 1e-12)
        self.facts = [f"spread {ratio:.2f} of the data's"]
        if ratio < ALIKE:
            found["collapse"] = (
                f"mode collapse: the samples differ from each other {100 * ratio:.0f} % as much as training images do. "
                "Try diffaugment=color,translation, a smaller lr_d, or --mode wgan-gp."
            )
        if self.known.readable:
            found |= self._of_classes(self.previews, samples)
        return [] if early else self._new(found)

    @cached_property
    def known(self) -> "Known":
        """What samples are compared with: the same in the whole run."""
        shown, data = self.previews, self.previews.data
        assert isinstance(shown, Samples)
        every = max(1, len(data.train_a) // KNOWN)
        known, labels = data.train_images("a", every=every), data.train_labels()[::every]
        readable = False
        if data.classes:
            told = labels[nearest(shown.held_out[:500], known)[0][:, 0]]
            readable = bool((told == data.test_labels()[:500]).mean() >= READABLE)
        return Known(known, labels, spread(_rows(known)), readable)

    def _of_classes(self, shown: Samples, samples: np.ndarray) -> dict[str, str]:
        """By counting: the class of a sample is that of the nearest training image."""
        names, found = shown.data.classes, {}
        classes = self.known.labels[nearest(samples, self.known.images)[0][:, 0]]
        asked = shown.classes_of(len(samples))
        counts = np.bincount(classes, minlength=len(names))
        wished = np.array(asked) if asked else self.known.labels
        due = np.bincount(wished, minlength=len(names)) * (len(samples) / len(wished))
        dropped = [
            f"{name} ({count} instead of {wanted:.0f})"
            for name, count, wanted in zip(names, counts, due, strict=True)
            if count < DROPPED * wanted
        ]
        self.facts.append(f"{len(names) - len(dropped)} of {len(names)} classes")
        if dropped:
            found["dropped"] = f"dropped modes: of {len(samples)} samples hardly any is {', '.join(dropped)}."
        if asked:
            obeyed = 100 * (classes == np.array(asked)).mean()
            self.facts.append(f"{obeyed:.0f} % of the class asked for")
            if obeyed < 50:
                found["ignored"] = (
                    f"conditional collapse: {obeyed:.0f} % of the samples are of the class that was asked for, so G "
                    "does not heed it."
                )
        return found

    def _new(self, found: dict[str, str]) -> list[str]:
        new = [sentence for reason, sentence in found.items() if reason not in self.said]
        self.said |= set(found)
        return new


class Known(NamedTuple):
    """Training images, uint8 (N, H, W, C), their classes, how much they differ, and whether the nearest of them tells
    the class of a held-out image."""

    images: np.ndarray
    labels: np.ndarray
    spread: float
    readable: bool


class Displacement:
    """How far a network's weights have come, by how far they went, over WINDOW reports."""

    def __init__(self) -> None:
        self.start: Tensor | None = None
        self.last: Tensor | None = None
        self.length, self.steps = 0.0, 0

    @torch.no_grad()
    def ratio(self, network: nn.Module) -> float | None:
        """Net way by the way gone, at the end of each window; None in between."""
        now = torch.cat([weights.flatten() for weights in network.parameters()])
        if self.start is None or self.last is None:
            self.start = self.last = now
            return None
        self.length, self.steps, self.last = self.length + float((now - self.last).norm()), self.steps + 1, now
        if self.steps < WINDOW:
            return None
        ratio = float((now - self.start).norm()) / self.length if self.length else None  # at rest
        self.start, self.length, self.steps = now, 0.0, 0
        return ratio


def spread(rows: Tensor) -> float:
    """Mean distance between two of the rows (N, d): root of the mean squared one, over all pairs."""
    return float((2 * rows.var(0, correction=1).sum()).sqrt())


def _rows(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).flatten(1).float() / 255
