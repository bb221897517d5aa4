"""How far a run has come: sheets of images, their scores, and which generator is the best so far."""

from collections.abc import Callable
from typing import Any

import numpy as np

from translate.data import Data
from translate.metrics import Score, Scorer
from translate.modes import MODES
from translate.train.previews import Samples, Translations
from translate.train.settings import RunSettings
from translate.train.step.trainer import Trainer


class Evaluator:
    """Looks at the generators of `round` on images that were not trained on, or at what they make of noise.

    best: {"score", "value", "images"} of the best generator, or None. lines: the newest scores in words.
    """

    def __init__(self, settings: RunSettings, data: Data, round: Trainer):
        kind = Samples if MODES[settings.mode].kind == "noise" else Translations
        self.previews: Samples | Translations = kind(settings, data, round)
        self.scorer: Scorer | None = None
        self.best: dict[str, Any] | None = None
        self.scored_images = np.zeros(0, np.uint8)  # the images that were scored last
        self.lines: list[str] = []
        self.scored = 0  # images seen at the last scoring

    def prepare(self, say: Callable[[str], Any]) -> Scorer:
        """The scorer, made at the first call, which says what it can't score here."""
        if self.scorer is None:
            self.scorer = self.previews.scorer(say)
            for sentence in self.scorer.missing:
                say(sentence)
        return self.scorer

    def score(self, seen: int, say: Callable[[str], Any]) -> tuple[list[Score], bool]:
        """(scores of the first direction, whether this is the best generator so far)."""
        scorer = self.prepare(say)
        self.scored_images = self.previews.outputs()
        scores = scorer.score(self.scored_images)
        self.lines, self.scored = [str(score) for score in scores], seen
        chosen = next((score for score in scores if score.name == scorer.best_of()), None)
        better = chosen is None or self.best is None or self.best["score"] != chosen.name or _better(chosen, self.best)
        if better:
            name, value = (chosen.name, chosen.value) if chosen else ("newest", None)
            self.best = {"score": name, "value": value, "images": seen}
        return scores, better

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of all this."""
        return {"best": self.best, "scores": self.lines, "scored": self.scored}

    def load(self, values: dict[str, Any]) -> None:
        self.best, self.lines, self.scored = values["best"], values["scores"], values["scored"]


def _better(score: Score, best: dict[str, Any]) -> bool:
    return score.value < best["value"] if score.lower_is_better else score.value > best["value"]
