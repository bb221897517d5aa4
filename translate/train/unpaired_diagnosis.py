"""Messages when unpaired training fails, with the cause: the domains are equal, G is the identity, D's accuracy is at
chance, the outputs are further from the domain than the inputs, or their colours collapsed. Training isn't changed."""

from collections import deque

import numpy as np

from translate.metrics import Scorer
from translate.metrics.distance import equality
from translate.metrics.intervals import of_kid

ENOUGH = 50  # fewest images per domain for a diagnosis
EQUAL = 0.05  # the domains count as equal above this p-value of the test for equality
UNCHANGED = 0.02  # an output counts as its input up to this mean pixel change, as a fraction of the range
LONG = 50  # reports over which D's accuracy is averaged; a training has 400
BLIND = 0.6  # at or below this accuracy D hardly separates real from generated; 0.5 is chance
FADED = 0.25  # ratio of the spread of the outputs' mean colours to that of the domain
COLOURFUL = 0.01  # a domain counts as coloured above this spread of its mean colours, as a fraction of the range


class UnpairedDiagnosis:
    """Diagnoses the first direction; each message is given once."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.accuracies: deque[float] = deque(maxlen=LONG)  # of D in the newest reports
        self.equal: bool | None = None  # None: not yet tested

    def of_domains(self, scorer: Scorer) -> list[str]:
        """Before the first step: test whether the domains differ, on their features, if there are enough images."""
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
        """Record D's mean accuracy since the last report."""
        if "accuracy" in (of_d := diagnostics.get("D", {})):
            self.accuracies.append(of_d["accuracy"])

    def of_translations(self, scorer: Scorer, outputs: np.ndarray) -> list[str]:
        """Called after scoring, in the second half of training. outputs: uint8 (N, H, W, C), of `scorer.inputs`."""
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
    """95 % interval of KID(inputs) - KID(newest outputs); above 0 the outputs are closer to the domain."""
    inputs, outputs, references = (scorer.features[name] for name in ("inputs", "outputs", "references"))
    found = (of_kid(inputs, references) - of_kid(outputs, references)).interval()
    assert found is not None
    return found


def _colours(images: np.ndarray) -> float:
    """Root of the variance of the images' mean chroma (R − G, B − G), of the range of values; 0 for grey ones."""
    mean = images.reshape(len(images), -1, images.shape[-1]).mean(1) / 255
    return float(np.sqrt((mean - mean[:, 1:2]).var(0).sum())) if images.shape[-1] == 3 else 0.0
