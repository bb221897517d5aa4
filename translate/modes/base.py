"""Settings and helpers shared by all modes: how a discriminator is called, its labels, penalties and diagnostics."""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from translate.modes.diffaugment import Policy
from translate.modes.objectives import OBJECTIVES, Objective
from translate.modes.passes import Critic, Fused
from translate.modes.penalties import Penalised, lazy_round, penalties
from translate.modes.pool import Pool
from translate.settings import Settings
from translate.system import image_rng

Losses = dict[str, Tensor]
Kind = Literal["translation", "noise"]


def _defaults(name: str) -> str:
    """What the objectives have of their own, for a description: "10 for wgan-gp, else 0"."""
    own = {key: getattr(objective, name) for key, objective in OBJECTIVES.items()}
    return "".join(f"{value:g} for {key}, " for key, value in own.items() if value) + "else 0"


class ModeSettings(Settings):
    objective: str = Field(description=f"one of {', '.join(OBJECTIVES)}")
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="D's label for real images is 1 − this")
    soft_labels: bool = Field(
        False, description="D's labels are random for each image: real from 0.7 to 1.2, fake from 0 to 0.3 (ganhacks)"
    )
    flip_labels: float = Field(
        0.0, ge=0, lt=0.5, description="probability that an image's label is flipped, for D (ganhacks: 0.05)"
    )
    instance_noise: float = Field(0.0, ge=0, le=1, description="σ of the noise on D's input, decayed to 0 linearly")
    diffaugment: list[Policy] = Field(
        [], description="differentiable augmentation of D's input: color, translation, cutout (Zhao et al. 2020)"
    )
    r1: float = Field(0.0, ge=0, description="γ of the R1 gradient penalty on D at real images; 0 = none (papers)")
    r2: float = Field(0.0, ge=0, description="γ of the R2 gradient penalty on D at generated images; 0 = none")
    r1_every: int = Field(
        4, ge=1, description="R1 and R2 are applied in one of so many steps on average, multiplied by as many"
    )
    gradient_penalty: float | None = Field(
        None, ge=0, description=f"λ of the gradient penalty between real and fake; by default {_defaults('penalty')}"
    )
    clip_weights: float | None = Field(
        None, ge=0, description=f"D's weights are clipped to ± this after its step; by default {_defaults('clip')}"
    )

    @field_validator("objective")
    @classmethod
    def _check_objective(cls, value: str) -> str:
        if value not in OBJECTIVES:
            raise ValueError(f"known objectives are: {', '.join(OBJECTIVES)}")
        return value

    @field_validator("diffaugment", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_labels(self) -> "ModeSettings":
        if self.soft_labels and self.label_smoothing:
            raise ValueError("soft_labels and label_smoothing both set D's labels; use one of them")
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
        """The weight λ of the gradient penalty; 0 = none."""
        default = OBJECTIVES[self.objective].penalty
        return default if self.gradient_penalty is None else self.gradient_penalty

    @property
    def clip(self) -> float:
        """The bound that D's weights are clipped to after its step; 0 = none."""
        return OBJECTIVES[self.objective].clip if self.clip_weights is None else self.clip_weights


class Turn(NamedTuple):
    """One player's part of a round: scalar losses, of which the trainer minimises the sum. diagnostics: scalars that
    are reported, not minimised."""

    player: str
    losses: Losses
    diagnostics: dict[str, Tensor] = {}


class Mode:
    """A method for the trainer: networks, players, and `step`, which yields each player's losses in turn."""

    Settings: type[ModeSettings]
    kind: ClassVar[Kind] = "translation"  # noise: images are generated from random numbers
    paired: bool = False  # whether the data must be pairs
    aligned: bool = True  # whether pairs fit pixel by pixel
    many: ClassVar[bool] = False  # whether it takes more than two domains
    taught: ClassVar[bool] = False  # whether its constructor gets a trained generator, `teacher`
    defaults: ClassVar[dict[str, dict[str, Any]]]  # the paper's settings of the mode and of its networks and training
    players: dict[str, list[str]]  # player → its networks, trained by one optimizer
    discriminators: ClassVar[frozenset[str]] = frozenset({"D"})  # the players that use lr_d and optimizer_d
    generators: dict[str, str]  # direction → network: these have an EMA, are saved and exported
    settings: Any  # an instance of Settings
    objective: Objective
    networks: dict[str, nn.Module]
    frozen: Mapping[str, nn.Module] = {}  # networks that are neither trained nor saved, in evaluation mode
    licences: Mapping[str, str] = {}  # of what it learns from besides the data
    pools: dict[str, Pool]
    batches_per_round: int = 1  # batches of data that one round takes
    weight_clip: dict[str, float]  # player → bound of its weights after each of its steps; 0 = none
    # A batch of data and `progress` → the players' turns. Several batches may be in progress at once, in threads:
    # a step changes nothing of its mode but the pools.
    step: Callable[..., Iterator[Turn]]
    lazy: bool = True  # whether the current round has R1 and R2
    per_sample: Collection[nn.Module] = ()  # networks whose forward passes may be fused; set by the trainer

    def __init__(
        self,
        settings: Any,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...],
    ) -> None:
        raise NotImplementedError

    @classmethod
    def directions(cls, domains: int) -> dict[str, str]:
        """direction → network, for so many domains: see `generators`."""
        return cls.generators

    @classmethod
    def steps_of_d(cls, settings: Any) -> int:
        """Steps of D per step of G: the `batches_per_round` of a mode with these settings."""
        return 1

    @classmethod
    def pairs(cls, settings: Any) -> tuple[bool, bool]:
        """(whether the data must be pairs, whether pairs fit pixel by pixel) with these settings."""
        return cls.paired, cls.aligned

    def pictures(self, x: Tensor, fake: Tensor, y: Tensor | None) -> dict[str, Tensor]:
        """More columns for a sheet, by their headings: images (B, C, H, W) in [-1, 1]. fake: G(x). y: of pairs."""
        return {}

    lr_factor: float = 1.0  # of the current round, beside the schedule's

    def begin_round(self, progress: float) -> None:
        """Before each round: what depends on the fraction of the training done, outside of a recorded round."""

    def end_turn(self, player: str, found: Callable[[], dict[str, Tensor]]) -> None:
        """After a player's step. found() has its losses and diagnostics as means over all images of its turn (0-d)."""

    @property
    def kind_of_round(self) -> Hashable:
        """What a recording of a round depends on, besides the sizes of its batches."""
        return self.lazy

    def plan_round(self, *counts: int) -> None:
        """Decide on the CPU what a recorded round can't: the pools' exchanges, and whether the round has R1 and R2.
        counts: images of each of its batches, over all processes."""
        for pool in self.pools.values():
            pool.plan(*counts)
        self.lazy = lazy_round(self.settings)

    def fused(self, network: nn.Module, *batches: Tensor) -> Callable[[Tensor], Tensor]:
        """`network`; its forward passes on `batches` are fused into one if the network is in `per_sample`."""
        return Fused(network, batches) if network in self.per_sample else network

    def critic(self, D: nn.Module, progress: float, *, joined: bool = False, **more: Any) -> Critic:
        """D on augmented images, with the instance noise of the settings; see Critic for `more`. joined: real and fake
        images always go through D as one batch."""
        return Critic(D, self.settings, progress, fuse=joined or D in self.per_sample, **more)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The objective's discriminator loss of the logits, with the labels of the settings."""
        return self.objective.discriminator(real, fake, *labels(self.settings, real))

    def generator_loss(self, D: Callable[..., Any], fake: Tensor, real: Tensor) -> Tensor:
        """The objective's generator loss of images (B, C, H, W); `real` is used by relativistic objectives only."""
        if not self.objective.relativistic:
            return self.objective.generator(D(fake), None)
        return self.objective.generator(*D(fake, real))

    def penalties(self, *critics: Penalised) -> Losses:
        """The gradient penalties of the settings, each summed over critics (D, real images, fake images)."""
        return penalties(self.settings, self.lazy, *critics)

    def diagnostics(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """See `diagnostics`."""
        return diagnostics(self.objective, real, fake)


def labels(settings: ModeSettings, logits: Tensor) -> tuple[float | Tensor, float | Tensor]:
    """D's labels for real and for fake images: floats, or (B, 1, 1, 1) where they are random for each image."""
    real, fake = 1.0 - settings.label_smoothing, 0.0
    if not settings.soft_labels and not settings.flip_labels:
        return real, fake

    def uniform() -> Tensor:
        return image_rng.uniform(len(logits), 1, 1, 1, device=logits.device)

    reals, fakes = (
        (0.7 + 0.5 * uniform(), 0.3 * uniform()) if settings.soft_labels else (uniform() * 0 + real, uniform() * 0)
    )
    flip_real, flip_fake = uniform() < settings.flip_labels, uniform() < settings.flip_labels
    return torch.where(flip_real, fakes, reals), torch.where(flip_fake, reals, fakes)


@torch.no_grad()
def diagnostics(objective: Objective, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """From D's logits: "accuracy" on real and fake patches, 0.5 at chance; "relative_loss", D's loss divided by the
    loss of a D that outputs ½ everywhere; for a critic "distance", its estimate of the Wasserstein-1 distance; for an
    f-divergence "divergence", the estimate that D maximises."""
    if objective.relativistic:  # only differences of the logits mean anything
        return {"accuracy": (real > fake).float().mean()}
    if objective.boundary is None:
        return {"distance": real.float().mean() - fake.float().mean()}
    accuracy = 0.5 * ((real > objective.boundary).float().mean() + (fake < objective.boundary).float().mean())
    if objective.divergence:
        return {"accuracy": accuracy, "divergence": -objective.discriminator(real, fake, 1.0, 0.0)}
    return {
        "accuracy": accuracy,
        "relative_loss": objective.discriminator(real, fake, 1.0, 0.0) / _undecided_loss(objective),
    }


@cache
def _undecided_loss(objective: Objective) -> float:
    logits = torch.tensor([objective.boundary])
    return objective.discriminator(logits, logits, 1.0, 0.0).item()
