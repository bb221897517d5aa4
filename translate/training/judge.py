"""How far a run has come: sheets of held-out images, their scores, and which generator is the best so far."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from translate import images
from translate.catalog import cache_folder
from translate.data import Data
from translate.engine import translate_arrays
from translate.metrics import Score, Scorer
from translate.training.round import Round
from translate.training.settings import RunSettings


class Judge:
    """Looks at the generators of `round` on images that were not trained on.

    best: {"score", "value", "images"} of the best generator, or None. lines: the newest scores in words.
    """

    def __init__(self, settings: RunSettings, data: Data, round: Round):
        self.settings, self.data, self.round = settings, data, round
        self.held_out = {"a": data.test_images("a"), "b": data.test_images("b")}  # uint8 (N, H, W, C)
        self.scorer: Scorer | None = None
        self.best: dict[str, Any] | None = None
        self.lines: list[str] = []
        self.scored = 0  # images seen at the last scoring

    def translate(self, direction: str, arrays: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, C) through the generator of `direction` as it is now."""
        return translate_arrays(self.round.generator(direction), arrays, self.settings.train.device)

    def sheet(self, direction: str, seen: int) -> bytes:
        """A PNG of held-out images: input | output | truth, or translated back again where there is no truth."""
        source, target = direction.split("2")
        inputs = self.held_out[source][: self.settings.train.samples]
        columns = [inputs, self.translate(direction, inputs)]
        headings = ["input", "output"]
        back = f"{target}2{source}"
        if self.data.truth:
            columns.append(self.held_out[target][: len(inputs)])
            headings.append("truth")
        elif back in self.round.mode.generators:
            columns.append(self.translate(back, columns[1]))
            headings.append("and back")
        rows = [list(row) for row in zip(*columns, strict=True)]
        names = {"a": Path(self.settings.a).name, "b": Path(self.settings.b).name}
        caption = f"{self.settings.mode}: {names[source]} to {names[target]}, held-out images, {seen:,} images seen"
        return images.to_png(images.sheet(rows, headings=headings, caption=caption))

    def prepare(self, say: Callable[[str], Any]) -> Scorer:
        """The scorer, made at the first call, which says what it can't score here."""
        if self.scorer is None:
            limit = self.settings.train.score_images
            # Of large sets every fourth real image is enough to compare with, and 1,000 at most.
            every = max(1, min(4, len(self.data.train_b) // 300))
            self.scorer = Scorer(
                self.held_out["a"][:limit],
                self.data.train_images("b", every=every)[:1000],
                self.held_out["b"][:limit] if self.data.truth else None,
                aligned=self.data.paired,
                device=self.settings.train.device,
                cache=cache_folder() / "features",
                say=say,
            )
            for sentence in self.scorer.missing:
                say(sentence)
        return self.scorer

    def score(self, seen: int, say: Callable[[str], Any]) -> tuple[list[Score], bool]:
        """(scores of the first direction, whether this is the best generator so far)."""
        scorer = self.prepare(say)
        scores = scorer.score(self.translate("a2b", self.held_out["a"][: self.settings.train.score_images]))
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


def grey(arrays: np.ndarray) -> bool:
    """Whether uint8 (N, H, W, C) hold no colour to speak of; generator files say it for both domains."""
    return bool((np.ptp(arrays[:64], axis=-1) > 24).mean() < 0.005) if arrays.size else False


def _better(score: Score, best: dict[str, Any]) -> bool:
    return score.value < best["value"] if score.lower_is_better else score.value > best["value"]
