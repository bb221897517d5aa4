"""What the games have in common: the settings every discriminator has, and what it is shown."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from translate.objectives import OBJECTIVES, Objective
from translate.pool import Pool
from translate.settings import Settings

Losses = dict[str, Tensor]


class GameSettings(Settings):
    objective: str = Field(description="one of OBJECTIVES")
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="D's label for real images is 1 − this")
    instance_noise: float = Field(0.0, ge=0, le=1, description="σ of the noise on what D sees, decayed to 0 linearly")

    r1: float = Field(0.0, ge=0, description="γ of the R1 penalty on D's slope at real images; 0 = none (papers)")
    r1_every: int = Field(
        4, ge=1, description="the penalty is applied in every so many steps on average, as much stronger"
    )

    @field_validator("objective")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in OBJECTIVES:
            raise ValueError(f"known objectives are: {', '.join(OBJECTIVES)}")
        return value

    @model_validator(mode="after")
    def _labels_mean_something(self) -> "GameSettings":
        if self.label_smoothing and not OBJECTIVES[self.objective].labels:
            raise ValueError(f"{self.objective} has no labels to smooth; set label_smoothing to 0")
        return self

    @property
    def real_label(self) -> float:
        return 1.0 - self.label_smoothing


class Mode:
    """What the trainer asks of a game; it knows nothing else of the method. Declarations only, no behaviour."""

    Settings: type[GameSettings]
    paired: bool  # whether the game needs pairs
    defaults: dict[str, dict[str, Any]]  # the paper's settings of the parts that are not the game's own
    players: dict[str, list[str]]  # player -> the networks it moves, in one optimizer
    generators: dict[str, str]  # direction -> network: what is kept, averaged and exported
    networks: dict[str, nn.Module]
    pools: dict[str, Pool]

    def __init__(
        self,
        settings: Any,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, int],
    ) -> None:
        raise NotImplementedError

    def step(self, x: Tensor, y: Tensor, progress: float = 0.0) -> Iterator[tuple[str, Losses]]:
        raise NotImplementedError


def draw_r1(settings: GameSettings) -> float:
    """The weight of the R1 penalty in this step: usually 0, because it costs a second backward pass."""
    if not settings.r1 or torch.rand(()).item() * settings.r1_every >= 1:
        return 0.0
    return settings.r1 * settings.r1_every


def discriminator_sees(images: Tensor, settings: GameSettings, progress: float) -> Tensor:
    """Images as a discriminator is shown them: with instance noise (Sønderby et al. 2017), if any is set."""
    sigma = settings.instance_noise * (1 - progress)
    return images + sigma * torch.randn_like(images) if sigma else images
