"""ProGAN: the networks begin at 4 px and grow in training (Karras et al. 2018, "Progressive Growing of GANs").

With L doublings the training has 2 L + 1 parts of equally many images: the smallest size, then for each doubling one
part in which it is faded in, α from 0 to 1, and one in which it is trained (section 2 and appendix A).

D: E D(G(z)) - E D(x) + λ E(‖∇D(x̂)‖₂ - 1)² + ε_drift E D(x)²     G: -E D(G(z))            (appendix A.1)
"""

import math
from collections.abc import Hashable, Iterator
from typing import Any

from pydantic import Field
from torch import Tensor

from translate.errors import UserError
from translate.modes.base import Turn
from translate.modes.gan import GAN, GANSettings
from translate.modes.objectives import DESCRIPTION, in_float32
from translate.networks.growth import Growing, doubled, faded, halved
from translate.networks.progan import ProGANGenerator


class ProGANSettings(GANSettings):
    objective: str = Field("wgan-gp", description=DESCRIPTION.format(first="wgan-gp"))
    latent: int = Field(512, ge=1, le=4096, description="length of z ~ N(0, 1)")
    drift: float = Field(0.001, ge=0, description="ε_drift: weight of E D(x)², which keeps the critic near 0")
    start: int = Field(4, ge=1, description="the first size, in pixels, at least the networks' smallest")
    steps: list[int] = Field(
        [],
        description="into how many steps of D and G a batch is divided at each size, from the smallest, such as "
        "[1, 1, 2, 4]; one in those that are not named",
    )
    lr_factors: list[float] = Field(
        [], description="what lr is multiplied by at each size, from the smallest; 1 in those that are not named"
    )


class ProGAN(GAN):
    """GAN whose G and D are `Growing`. D sees real images at the current size, faded like G's."""

    Settings = ProGANSettings
    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [64, 64]},
        "generator": {"network": "progan", "filters": 256},
        "discriminator": {"network": "progan", "filters": 256},
        "mode_settings": {"steps": [1, 1, 1, 1, 1]},
        "train": {
            "batch": 16,
            "decay_from": 1.0,
            "samples": 64,
            "lr": 1e-3,
            "beta1": 0.0,
            "beta2": 0.99,
            "ema": 0.999,
        },
    }

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        if not isinstance(self.G, ProGANGenerator) or not isinstance(self.D, Growing):
            raise UserError(
                "this mode needs networks that grow; set generator.network and discriminator.network to progan."
            )
        self.growing = self.G
        self.doublings = self.growing.growth.level
        self.begin_round(0.0)

    def stage(self, progress: float) -> float:
        """s after a fraction of the training: ⌈s⌉ doublings, the last of which has α = s - ⌊s⌋ unless s is whole."""
        first = max(0, round(math.log2(self.settings.start / min(self.growing.base))))
        first = min(self.doublings, first)
        part = progress * (2 * (self.doublings - first) + 1) - 1  # -1 to 0: the first size
        if part <= 0:
            return float(first)
        return min(float(self.doublings), first + part // 2 + min(1.0, part % 2))

    def begin_round(self, progress: float) -> None:
        stage = self.stage(progress)
        for network in (self.G, self.D):
            if isinstance(network, Growing):
                network.grow(stage)
        factors, level = self.settings.lr_factors, math.ceil(stage)
        self.lr_factor = factors[level] if level < len(factors) else 1.0

    @property
    def kind_of_round(self) -> Hashable:
        return self.lazy, self.growing.growth.level, self.growing.growth.fading

    def step(self, x: Tensor, c: Tensor | None = None, *, progress: float = 0.0) -> Iterator[Turn]:
        """As GAN's, on x (k·B, C, H, W) at the current size; several steps where the settings divide a batch."""
        steps, level = self.settings.steps, self.growing.growth.level
        count = steps[level] if level < len(steps) else 1
        classes = [None] * count if c is None else c.chunk(count)
        for part, of in zip(self.at_stage(x).chunk(count), classes, strict=False):
            yield from super().step(part, of, progress=progress)

    def at_stage(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) at the current size, faded like G's."""
        x = halved(x, self.doublings - self.growing.growth.level)
        return faded(doubled(halved(x)), x, self.growing.alpha()) if self.growing.growth.fading else x

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The objective's, and ε_drift E D(x)²."""
        return super().discriminator_loss(real, fake) + self.settings.drift * in_float32(real).square().mean()
