"""Evaluation during training: previews, scores, and which generator is the best so far."""

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
    """Scores the trainer's generators on held-out images or, for images from noise, on samples of fixed seeds.

    best: {"score", "value", "images"} of the best generator, or None. lines: the newest scores as text.
    """

    def __init__(self, settings: RunSettings, data: Data, trainer: Trainer):
        kind = Samples if MODES[settings.mode].kind == "noise" else Translations
        self.previews: Samples | Translations = kind(settings, data, trainer)
        self.scorer: Scorer | None = None
        self.best: dict[str, Any] | None = None
        self.scored_images = np.zeros(0, np.uint8)  # uint8 (N, H, W, C): the outputs of the last scoring
        self.lines: list[str] = []
        self.scored = 0  # images seen at the last scoring
        self.since_best = 0  # scorings after that of the best

    def prepare(self, say: Callable[[str], Any]) -> Scorer:
        """The scorer, built at the first call. say: gets a sentence for each score that can't be had here."""
        if self.scorer is None:
            self.scorer = self.previews.scorer(say)
            for sentence in self.scorer.missing:
                say(sentence)
        return self.scorer

    def score(self, images_seen: int, say: Callable[[str], Any]) -> tuple[list[Score], bool]:
        """(scores of the first direction, whether this is the best generator so far)."""
        scorer = self.prepare(say)
        made = self.previews.outputs()
        self.scored_images = self.previews.shown("b", made)
        scores = scorer.score(self.scored_images, made)
        self.lines, self.scored = [str(score) for score in scores], images_seen
        deciding = next((score for score in scores if score.name == scorer.best_of()), None)
        best = self.best
        better = deciding is None or best is None or best["score"] != deciding.name or _better(deciding, best)
        self.since_best = 0 if better else self.since_best + 1
        if better:
            name, value = (deciding.name, deciding.value) if deciding else ("newest", None)
            self.best = {"score": name, "value": value, "images": images_seen}
        return scores, better

    def state(self) -> dict[str, Any]:
        """JSON-able values for a checkpoint."""
        return {"best": self.best, "scores": self.lines, "scored": self.scored, "since_best": self.since_best}

    def load(self, values: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.best, self.lines, self.scored = values["best"], values["scores"], values["scored"]
        self.since_best = values.get("since_best", 0)  # missing in checkpoints of earlier versions


def _better(score: Score, best: dict[str, Any]) -> bool:
    return score.value < best["value"] if score.lower_is_better else score.value > best["value"]
