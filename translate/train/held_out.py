"""The held-out images of a run as they are scored, during training and afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from translate.catalog import cache_folder
from translate.data import Data
from translate.metrics import Scorer
from translate.metrics.true_values import TrueValues
from translate.settings import LETTERS
from translate.values.domain import DomainType

NOISE = "z"
MOST_REFERENCES = 1000


@dataclass(frozen=True)
class HeldOut:
    """One direction's images, uint8 (N, H, W, C).

    names: of the images to be made, in their order; [] for images from noise. inputs: what is translated; None where
    that is unknown, or noise. real: held-out images of the target domain. truth: the inputs' true partners, or None.
    references: real images with which distributions are compared. aligned: pairs are aligned pixel by pixel.

    Where a domain has measured values, the images above are as shown. given: the inputs as the network gets them, see
    Data.test_values. measured: the true partners' values. types: of the source and of the target. show: the target's
    values as they are shown.
    """

    names: list[str]
    inputs: np.ndarray | None
    real: np.ndarray | None
    truth: np.ndarray | None
    references: np.ndarray
    aligned: bool = False
    given: np.ndarray | None = None
    measured: TrueValues | None = None
    types: tuple[DomainType | None, DomainType | None] = (None, None)
    show: Callable[[np.ndarray], np.ndarray] = lambda images: images

    def scorer(self, device: torch.device | str, say: Callable[[str], Any]) -> Scorer:
        """For translations "doing nothing" is the baseline; for images from noise it is real images."""
        return Scorer(
            self.inputs if self.names else self.real,
            self.references,
            self.truth,
            aligned=self.aligned,
            against="doing nothing" if self.names else "real images",
            measured=self.measured,
            unchanged=self.given if self.types[0] == self.types[1] else None,
            device=device,
            cache=cache_folder() / "features",
            say=say,
        )


def held_out(data: Data, direction: str, limit: int, images: dict[str, np.ndarray] | None = None) -> HeldOut:
    """Of opened data. limit: images at most. images: the held-out ones by domain (Data.test_values), if they
    were read before."""
    source, target = direction.split("2")
    read = images or {}
    values = read[target] if target in read else data.test_values(target, limit)
    real, domain = data.shown(target, values[:limit]), data.domains[LETTERS.index(target)]
    count = len(domain.train)
    if source == NOISE:
        return HeldOut([], None, real, None, _references(data, target, max(1, count // MOST_REFERENCES)))
    given = (read[source] if source in read else data.test_values(source, limit))[:limit]
    measured = None
    if data.truth and domain.type:
        measured = TrueValues(values[:limit], domain.type.high - domain.type.low, domain.type.unit)
    return HeldOut(
        [item.key for item in data.domains[LETTERS.index(source)].test.items[:limit]],
        data.shown(source, given),
        real,
        real if data.truth else None,
        _references(data, target, max(1, min(4, count // 300))),  # a fourth of a large set's images is enough
        data.paired,
        given,
        measured,
        (data.domains[LETTERS.index(source)].type, domain.type),
        lambda made: data.shown(target, made),
    )


def _references(data: Data, domain: str, every: int) -> np.ndarray:
    return data.train_images(domain, every=every, most=MOST_REFERENCES)
