"""Says when unpaired training learns nothing, and why: the domains are equal, G is the identity, D is blind, the
outputs are further from the domain than the inputs, or their colours have collapsed. Nothing depends on it."""

from collections import deque

import numpy as np
import torch

from translate.metrics import Scorer
from translate.metrics.distance import equality, kid_resampled

ENOUGH = 50  # images of each domain under which nothing is concluded
EQUAL = 0.05  # p-value of equal domains above which they count as equal
UNCHANGED = 0.02  # mean change of a pixel, of its range, up to which an output is its input
LONG = 50  # reports over which D's accuracy is averaged; there are 400 in a training
BLIND = 0.6  # accuracy of a D that hardly tells real from generated; 0.5 is chance
FADED = 0.25  # spread of the outputs' mean colours by that of the domain
COLOURFUL = 0.01  # spread of a domain's mean colours, of their range, above which it has any
INTERVAL = torch.tensor([0.025, 0.975], dtype=torch.float64)


class UnpairedDiagnosis:
    """Sentences about the first direction; each is given once."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.accuracies: deque[float] = deque(maxlen=LONG)  # of D in the newest reports
        self.equal: bool | None = None  # None: not yet tested

    def of_domains(self, scorer: Scorer) -> list[str]:
        """Before the first step: whether the domains differ at all. Measures their features, where they are enough."""
        if min(len(scorer.inputs), len(scorer.references)) < ENOUGH:
            return []
        scorer.prepare()
        if not self._are_equal(scorer):
            return []
        return self._new(
            "equal",
            f"the domains are equal, as far as {len(scorer.inputs)} and {len(scorer.references)} of their images show "
            "(permutation test of KID): doing nothing is right, and there is nothing to learn. Try other folders.",
        )

    def of_players(self, diagnostics: dict[str, dict[str, float]]) -> None:
        """Note D's mean accuracy since the last report."""
        if "accuracy" in (of_d := diagnostics.get("D", {})):
            self.accuracies.append(of_d["accuracy"])

    def of_translations(self, scorer: Scorer, outputs: np.ndarray) -> list[str]:
        """After a scoring in the second half of the training. outputs: uint8 (N, H, W, C), those of `scorer.inputs`."""
        if outputs.shape != scorer.inputs.shape or not self._can_tell(scorer) or self._are_equal(scorer):
            return []
        low, high = gain(scorer)
        change = float(np.abs(outputs.astype(np.int16) - scorer.inputs).mean()) / 255
        if change < UNCHANGED and low <= 0 <= high:
            return self._new("identity", self._identity(change))
        if high < 0:
            return self._new(
                "worse",
                "the outputs are further from the domain than the inputs are (KID, 95 % interval): doing nothing is "
                "better so far. Try a larger lambda_cycle, lambda_identity=0.5, a smaller --lr, or more --images.",
            )
        real = _colours(scorer.references)
        if real > COLOURFUL and _colours(outputs) < FADED * real:
            return self._new(
                "colours",
                "the colours have collapsed: those of the outputs differ from each other "
                f"{100 * _colours(outputs) / real:.0f} % as much as those of the domain. Try lambda_identity=0.5, a "
                "larger lambda_cycle, or diffaugment=color.",
            )
        return []

    def _identity(self, change: float) -> str:
        what = f"G is the identity: its outputs are its inputs, but for {100 * change:.1f} % of the range of values"
        accuracy = float(np.mean(self.accuracies)) if self.accuracies else 1.0
        if accuracy < BLIND:
            return (
                f"{what}, and D is blind: its accuracy is {100 * accuracy:.0f} %, where chance is 50 %. Nothing pulls "
                "G towards the domain. Try discriminator.network=projected, which sees more, or a larger lr_d."
            )
        return f"{what}. Try a smaller lambda_cycle, lambda_identity=0, a larger --lr, or more --images."

    def _can_tell(self, scorer: Scorer) -> bool:
        return "inputs" in scorer.features and min(len(x) for x in scorer.features.values()) >= ENOUGH

    def _are_equal(self, scorer: Scorer) -> bool:
        if self.equal is None:
            if not self._can_tell(scorer):
                return False
            self.equal = equality(scorer.features["inputs"], scorer.features["references"]) > EQUAL
        return self.equal

    def _new(self, reason: str, sentence: str) -> list[str]:
        if reason in self.said:
            return []
        self.said.add(reason)
        return [sentence]


def gain(scorer: Scorer) -> tuple[float, float]:
    """95 % bootstrap interval of KID of the inputs minus KID of the outputs scored last: above 0, these are closer."""
    inputs, outputs, references = (scorer.features[name] for name in ("inputs", "outputs", "references"))
    low, high = torch.quantile(kid_resampled(inputs, references) - kid_resampled(outputs, references), INTERVAL)
    return float(low), float(high)


def _colours(images: np.ndarray) -> float:
    """Root of the variance of the images' mean chroma (R − G, B − G), of the range of values; 0 for grey ones."""
    mean = images.reshape(len(images), -1, images.shape[-1]).mean(1) / 255
    return float(np.sqrt((mean - mean[:, 1:2]).var(0).sum())) if images.shape[-1] == 3 else 0.0
