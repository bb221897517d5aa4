"""Previews of a run's generators, and the images that are scored: translations of held-out images, or samples."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from translate.data import Data
from translate.image import sheet_file
from translate.metrics import Scorer
from translate.model.sampler import draw, latents
from translate.model.torch_engine import to_image
from translate.model.valued import translate_values, values_input
from translate.settings import LETTERS
from translate.train.build import conditional_classes
from translate.train.held_out import held_out
from translate.train.settings import RunSettings
from translate.train.step.trainer import Trainer

GREY = 64  # images from which it is seen whether a domain is grey


class Translations:
    """Held-out images of the domains, translated by the trainer's current generators.

    sheets: the directions that have a sheet of their own, the first one from each domain.
    """

    def __init__(self, settings: RunSettings, data: Data, trainer: Trainer):
        self.settings, self.data, self.trainer = settings, data, trainer
        most = max(settings.train.score_images, settings.train.samples, GREY)
        self.held_out = {side: data.test_values(side, most) for side in LETTERS[: len(data.domains)]}
        self.names = {side: Path(name).name for side, name in zip(LETTERS, settings.domains, strict=False)}
        directions = trainer.mode.generators
        self.sheets = [
            next(name for name in directions if name[0] == side) for side in {name[0]: 0 for name in directions}
        ]

    def grey(self) -> dict[str, bool]:
        """Domain → whether its images are grey."""
        return {side: _grey(self.shown(side, arrays[:GREY])) for side, arrays in self.held_out.items()}

    def shown(self, side: str, images: np.ndarray) -> np.ndarray:
        """Images of a domain, see Data.test_values, as they are shown: uint8 (N, H, W, C)."""
        return self.data.shown(side, images)

    def translate(self, direction: str, images: np.ndarray) -> np.ndarray:
        """Images of the source → images of the target, both as Data.test_values gives them, by the current generator
        of `direction`."""
        target = self.data.domains[LETTERS.index(direction[-1])].type
        return translate_values(self.trainer.translator(direction), images, target, self.settings.train.device)

    def outputs(self) -> np.ndarray:
        """The outputs to score, as Data.test_values gives images of the target."""
        return self.translate("a2b", self.held_out["a"][: self.settings.train.score_images])

    def scorer(self, say: Callable[[str], Any]) -> Scorer:
        """Compares outputs with images of the target domain, and with the true ones where there are pairs."""
        found = held_out(self.data, "a2b", self.settings.train.score_images, self.held_out)
        found = replace(found, aligned=found.aligned and self.trainer.mode.aligned)
        return found.scorer(self.settings.train.device, say)

    def sheet(self, direction: str, images_seen: int) -> bytes:
        """A PNG of held-out images of a direction's source, see `_one` and `_several`."""
        source = direction[0]
        ways = [name for name in self.trainer.mode.generators if name[0] == source]
        inputs = self.held_out[source][: self.settings.train.samples]
        columns = self._one(direction, inputs) if len(ways) == 1 else self._several(ways, inputs)
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        target = self.names[direction[-1]] if len(ways) == 1 else "all others"
        caption = (
            f"{self.settings.mode}: {self.names[source]} to {target}, held-out images, {images_seen:,} images seen"
        )
        caption += f". {how}" if (how := self.data.caption()) else ""
        return sheet_file.pack(rows, headings=list(columns), caption=caption)

    def _several(self, ways: list[str], inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Columns by their headings: inputs, and these in every other domain."""
        outputs = {f"to {self.names[way[-1]]}": self.shown(way[-1], self.translate(way, inputs)) for way in ways}
        return {"input": self.shown(ways[0][0], inputs), **outputs}

    def _one(self, direction: str, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Columns by their headings: input | output | the mode's own pictures | truth, or, where there is no truth, the
        output translated back."""
        source, target = direction.split("2")
        outputs = self.translate(direction, inputs)
        columns = {"input": self.shown(source, inputs), "output": self.shown(target, outputs)}
        paired = self.data.paired
        columns |= self._pictures(target, inputs, outputs, self.held_out[target][: len(inputs)] if paired else None)
        back = f"{target}2{source}"
        if self.data.truth:
            truth = self.held_out[target][: len(inputs)]
            columns["truth"] = self.shown(target, truth)
        elif back in self.trainer.mode.generators:
            columns["and back"] = self.shown(source, self.translate(back, outputs))
        return columns

    def _pictures(
        self, target: str, inputs: np.ndarray, outputs: np.ndarray, truth: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """The mode's pictures of inputs, outputs and, of pairs, true partners, as they are shown."""
        x, fake = (values_input(column, self.trainer.device) for column in (inputs, outputs))
        y = None if truth is None else values_input(truth, self.trainer.device)
        found = {}
        for name, picture in self.trainer.mode.pictures(x, fake, y).items():
            of_target = picture.shape[1] == fake.shape[1] and outputs.dtype == np.float32
            levels = picture.float().clamp(-1, 1).permute(0, 2, 3, 1).cpu().numpy() if of_target else None
            found[name] = to_image(picture) if levels is None else self.shown(target, levels)
        return found


class Samples:
    """Samples of the trainer's current generator at fixed seeds, in the classes' order."""

    COLUMNS = 8
    sheets = ["z2a"]

    def __init__(self, settings: RunSettings, data: Data, trainer: Trainer):
        self.settings, self.data, self.trainer = settings, data, trainer
        self.held_out = data.test_images("a")  # uint8 (N, H, W, C), as shown
        self.classes: list[str] = conditional_classes(settings, data.classes)

    def grey(self) -> dict[str, bool]:
        """Domain → whether its images are grey."""
        return {"a": _grey(self.held_out)}

    def classes_of(self, count: int) -> list[int] | None:
        """The classes of samples 0 to count - 1, in equal numbers; None for an unconditional mode."""
        return [number % len(self.classes) for number in range(count)] if self.classes else None

    def generate(self, count: int) -> np.ndarray:
        """Samples of the seeds 0 to count - 1 of the current generator: uint8 (count, H, W, C)."""
        generator, device = self.trainer.generator("z2a"), self.settings.train.device
        z = latents(range(count), self.settings.mode_settings.latent)
        training = generator.training
        generator.eval()
        parts = [to_image(y) for y in draw(generator, z, self.classes_of(count), len(self.classes), device)]
        generator.train(training)
        return np.concatenate(parts)

    def shown(self, side: str, images: np.ndarray) -> np.ndarray:
        """Samples are made as they are shown."""
        return images

    def outputs(self) -> np.ndarray:
        """The samples to score, uint8 (N, H, W, C): at most as many as training images."""
        return self.generate(min(self.settings.train.score_images, max(2, len(self.data.train_a))))

    def scorer(self, say: Callable[[str], Any]) -> Scorer:
        """Compares with training images, as is usual for GANs; held-out images are scored for comparison."""
        found = held_out(self.data, "z2a", self.settings.train.score_images)
        return found.scorer(self.settings.train.device, say)

    def sheet(self, direction: str, images_seen: int) -> bytes:
        """A PNG of samples, 8 in a row; with classes a row for each."""
        down = len(self.classes) or max(1, round(self.settings.train.samples / self.COLUMNS))
        samples = self.generate(down * self.COLUMNS)
        rows = [list(samples[row::down]) for row in range(down)]
        caption = f"{self.settings.mode}: {Path(self.settings.a).name} from noise, {images_seen:,} images seen"
        headings = [""] * self.COLUMNS
        return sheet_file.pack(rows, headings=headings, caption=caption, side_by_side=1, names=self.classes or None)


def _grey(arrays: np.ndarray) -> bool:
    """Whether images, uint8 (N, H, W, C), are grey: channels differ by more than 24 in under 0.5 % of pixels."""
    return bool((np.ptp(arrays[:GREY], axis=-1) > 24).mean() < 0.005) if arrays.size else False
