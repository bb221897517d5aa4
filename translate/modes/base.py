"""What the games have in common: the settings every discriminator has, what it is shown, told and held back by."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from translate.modes.diffaugment import Policy, diffaugment
from translate.modes.objectives import OBJECTIVES, Label, Objective, gradient_penalty, r1
from translate.modes.pool import Pool
from translate.settings import Settings
from translate.system import image_rng

Losses = dict[str, Tensor]
Discriminator = Callable[..., Sequence[Tensor]]  # batches of images → the logits of each


class GameSettings(Settings):
    objective: str = Field(description="one of OBJECTIVES")
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="D's label for real images is 1 − this")
    soft_labels: bool = Field(
        False, description="D's labels are drawn for each image: real from 0.7 to 1.2, fake from 0 to 0.3 (ganhacks)"
    )
    flip_labels: float = Field(
        0.0, ge=0, lt=0.5, description="probability that an image's label is the other one, for D (ganhacks: 0.05)"
    )
    instance_noise: float = Field(0.0, ge=0, le=1, description="σ of the noise on what D sees, decayed to 0 linearly")
    diffaugment: list[Policy] = Field(
        [], description="changes of all that D sees, for small sets: color, translation, cutout (Zhao et al. 2020)"
    )
    r1: float = Field(0.0, ge=0, description="γ of the R1 penalty on D's slope at real images; 0 = none (papers)")
    r1_every: int = Field(
        4, ge=1, description="the penalty is applied in every so many steps on average, as much stronger"
    )
    gradient_penalty: float | None = Field(
        None, ge=0, description="λ of the penalty on D's slope between real and fake; by default 10 for wgan-gp, else 0"
    )
    clip_weights: float | None = Field(
        None, ge=0, description="D's weights are clipped to ± this after its step; by default 0.01 for wgan, else 0"
    )

    @field_validator("objective")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in OBJECTIVES:
            raise ValueError(f"known objectives are: {', '.join(OBJECTIVES)}")
        return value

    @field_validator("diffaugment", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _labels_mean_something(self) -> "GameSettings":
        if self.soft_labels and self.label_smoothing:
            raise ValueError("soft_labels and label_smoothing both say what D's labels are; set one of them")
        if OBJECTIVES[self.objective].labels:
            return self
        for name in ("label_smoothing", "soft_labels", "flip_labels"):
            if value := getattr(self, name):
                what = "smooth" if name == "label_smoothing" else "change"
                raise ValueError(
                    f"{self.objective} has no labels to {what}; set {name} to {str(type(value)(0)).lower()}"
                )
        return self

    @property
    def penalty(self) -> float:
        own = OBJECTIVES[self.objective].penalty
        return own if self.gradient_penalty is None else self.gradient_penalty

    @property
    def clip(self) -> float:
        return OBJECTIVES[self.objective].clip if self.clip_weights is None else self.clip_weights


class Turn(NamedTuple):
    """A player's turn: it is to minimise the sum of `losses`. gauges: what else the game knows, watched only."""

    player: str
    losses: Losses
    gauges: dict[str, Tensor] = {}


class Mode:
    """What the trainer asks of a game; it knows nothing else of the method."""

    Settings: type[GameSettings]
    domains: int = 2  # 1: images are made from noise
    paired: bool = False  # whether the game needs pairs
    defaults: dict[str, dict[str, Any]]  # the paper's settings of the game and of the parts that are not its own
    players: dict[str, list[str]]  # player -> the networks it moves, in one optimizer
    generators: dict[str, str]  # direction -> network: what is kept, averaged and exported
    settings: Any  # an instance of Settings
    networks: dict[str, nn.Module]
    pools: dict[str, Pool]
    draws: int = 1  # batches of data that one round takes
    clip: dict[str, float]  # player -> largest weight its networks may have after it has moved
    # A batch of data and `progress` → the players' turns. Several batches' steps may be under way at once, in threads:
    # a step changes nothing of its mode but the pools.
    step: Callable[..., Iterator[Turn]]
    # Set by the trainer: networks of which several passes become one, as that changes nothing.
    together: Collection[nn.Module] = ()

    def __init__(
        self,
        settings: Any,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...],
    ) -> None:
        raise NotImplementedError

    def passes(self, network: nn.Module, *batches: Tensor, joined: bool = False) -> Sequence[Tensor]:
        """network(batch) of each batch; in one pass if they are `joined`, or if it may be and makes no difference."""
        if joined or (len(batches) > 1 and network in self.together):
            return network(torch.cat(batches)).split([len(batch) for batch in batches])
        return [network(batch) for batch in batches]


def discriminator_sees(images: Tensor, settings: GameSettings, progress: float, channels: Sequence[int] = ()) -> Tensor:
    """Images (of `channels`, where several are stacked) as a discriminator is shown them: augmented, and with instance
    noise (Sønderby et al. 2017), if any is set."""
    if settings.diffaugment:
        images = diffaugment(images, settings.diffaugment, channels)
    if not settings.instance_noise:
        return images
    noise = image_rng.normal(*images.shape, device=images.device, dtype=images.dtype)
    return images + settings.instance_noise * (1 - progress) * noise


def labels(settings: GameSettings, logits: Tensor) -> tuple[Label, Label]:
    """D's labels for real and for fake images; drawn for each image (B, 1, 1, 1) where the settings say so."""
    real, fake = 1.0 - settings.label_smoothing, 0.0
    if not settings.soft_labels and not settings.flip_labels:
        return real, fake

    def drawn() -> Tensor:
        return image_rng.uniform(len(logits), 1, 1, 1, device=logits.device)

    reals, fakes = (0.7 + 0.5 * drawn(), 0.3 * drawn()) if settings.soft_labels else (drawn() * 0 + real, drawn() * 0)
    swapped = drawn() < settings.flip_labels, drawn() < settings.flip_labels
    return torch.where(swapped[0], fakes, reals), torch.where(swapped[1], reals, fakes)


def penalties(settings: GameSettings, *critics: tuple[Discriminator, Tensor, Tensor]) -> Losses:
    """What else discriminators minimise, each given with its real and fake images: their slope, summed over them."""
    losses: Losses = {}
    judges = [(lambda x, D=D: D(x)[0], real, fake) for D, real, fake in critics]
    if settings.r1:
        # Usually 0, because it costs a second backward pass, and as much stronger when it is not.
        drawn = settings.r1_every == 1 or image_rng.chance() * settings.r1_every < 1
        gamma = settings.r1 * settings.r1_every
        none = critics[0][1].new_zeros(())
        losses["r1"] = gamma * sum((r1(D, real) for D, real, _ in judges), none) if drawn else none
    if settings.penalty:
        none = critics[0][1].new_zeros(())
        losses["gp"] = settings.penalty * sum((gradient_penalty(*judge) for judge in judges), none)
    return losses


@torch.no_grad()
def gauges(objective: Objective, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """How D does, from its logits: "right", the part that it tells apart, ½ where it can't; "doubt", its loss by that
    of a D that can't, 0 where it is certain; of a critic "distance", its estimate of the earth mover's distance."""
    if objective.boundary is None:
        return {"distance": real.float().mean() - fake.float().mean()}
    right = 0.5 * ((real > objective.boundary).float().mean() + (fake < objective.boundary).float().mean())
    return {"right": right, "doubt": objective.discriminator(real, fake, 1.0, 0.0) / _undecided(objective)}


@cache
def _undecided(objective: Objective) -> float:
    """The loss of a D that can't tell."""
    logits = torch.tensor([objective.boundary])
    return objective.discriminator(logits, logits, 1.0, 0.0).item()
