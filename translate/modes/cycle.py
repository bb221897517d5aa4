"""CycleGAN: unpaired translation with cycle consistency (Zhu et al. 2017). Equation numbers are the paper's.
DiscoGAN (Kim et al. 2017) and DualGAN (Yi et al. 2017) are the same with other settings.

L(G, F, D_X, D_Y) = L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) + λ L_cyc(G, F)   (Eq. 3)
G*, F* = arg min over G, F, max over D_X, D_Y of L(G, F, D_X, D_Y)              (Eq. 4)
"""

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.objectives import DESCRIPTION, Objective, l1, l2
from translate.modes.pool import Pool


class CycleSettings(ModeSettings):
    objective: str = Field("lsgan", description=DESCRIPTION.format(first="lsgan"))
    lambda_cycle: float = Field(
        10.0, ge=0, description="λ of Eq. 3: weight of cycle consistency, relative to the GANs'"
    )
    lambda_identity: float = Field(
        0.5, ge=0, description="weight of ‖G(y) − y‖₁ + ‖F(x) − x‖₁, times lambda_cycle (section 5.2); 0 turns it off"
    )
    cycle_loss: Literal["l1", "l2"] = Field("l1", description="of cycle consistency: l1, or l2, mean squares")
    k: int = Field(1, ge=1, description="steps of D per step of G; DualGAN's n_critic. With more than one pool = 0")
    pool: int = Field(
        50, ge=0, description="size of the history of generated images that D is trained on (section 4); 0 = none"
    )

    @model_validator(mode="after")
    def _check_pool(self) -> "CycleSettings":
        if self.k > 1 and self.pool:
            raise ValueError("pool is for one step of D per step of G; set pool to 0, or k to 1")
        return self


class Cycle(Mode):
    """Two generators G: X → Y and F: Y → X, and two discriminators D_X and D_Y, one for each domain."""

    Settings = CycleSettings
    paired = False
    # The paper's: 9 residual blocks with instance norm, a 70×70 PatchGAN, resize to 286, crop to 256, flip.
    defaults = {
        "generator": {"network": "resnet", "norm": "instance"},
        "discriminator": {"norm": "instance"},
        "train": {"batch": 1},
    }
    players = {"G": ["G", "F"], "D": ["D_X", "D_Y"]}
    generators = {"a2b": "G", "b2a": "F"}

    def __init__(
        self,
        settings: CycleSettings,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...] = (3, 3),
    ):
        if settings.lambda_identity and channels[0] != channels[1]:
            raise UserError(
                f"the identity loss needs as many channels in both domains, not {channels[0]} and {channels[1]}; "
                "set lambda_identity=0."
            )
        self.settings, self.objective = settings, objective
        self.G, self.F = generator(*channels), generator(*channels[::-1])
        self.D_X, self.D_Y = discriminator(channels[0]), discriminator(channels[1])
        self.networks = {"G": self.G, "F": self.F, "D_X": self.D_X, "D_Y": self.D_Y}
        self.pools = {"X": Pool(settings.pool), "Y": Pool(settings.pool)}
        self.weight_clip = {"D": settings.clip}
        self.batches_per_round = settings.k

    @classmethod
    def steps_of_d(cls, settings: CycleSettings) -> int:
        """k steps of D, each on new images."""
        return settings.k

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (k·B, C_x, H, W), y (k·B, C_y, H, W): images of the two domains in [-1, 1], not paired. Yields the losses
        of each player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        s = self.settings
        *first, (x, y) = zip(x.chunk(s.k), y.chunk(s.k), strict=True)
        for x_, y_ in first:  # the steps of D before the round's last one
            yield self._of_d(x_, y_, self.F(y_).detach(), self.G(x_).detach(), progress)
        # G(x) and G(y) may be fused into one pass, F(y) and F(x) too (train.fuse_passes)
        G, F = (self.fused(self.G, x, y), self.fused(self.F, y, x)) if s.lambda_identity else (self.G, self.F)
        D_X, D_Y = self.critic(self.D_X, progress), self.critic(self.D_Y, progress)

        distance = {"l1": l1, "l2": l2}[s.cycle_loss]
        fake_y, fake_x = G(x), F(y)
        losses = {
            # L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) (Eq. 1, with least squares: section 4)
            "gan_G": self.generator_loss(D_Y, fake_y, y),
            "gan_F": self.generator_loss(D_X, fake_x, x),
            # λ L_cyc(G, F) = λ (E‖F(G(x)) - x‖₁ + E‖G(F(y)) - y‖₁) (Eqs. 2 and 3)
            "cycle_X": s.lambda_cycle * distance(F(fake_y), x),
            "cycle_Y": s.lambda_cycle * distance(G(fake_x), y),
        }
        if s.lambda_identity:  # L_identity(G, F) = E‖G(y) - y‖₁ + E‖F(x) - x‖₁ (section 5.2)
            losses["identity_Y"] = s.lambda_cycle * s.lambda_identity * l1(G(y), y)
            losses["identity_X"] = s.lambda_cycle * s.lambda_identity * l1(F(x), x)
        self.pools["Y"].put(fake_y)
        self.pools["X"].put(fake_x)
        yield Turn("G", losses)

        # D is trained on a history of generated images, and its objective is halved, to slow it down (section 4)
        fake_y, fake_x = self.pools["Y"].take(), self.pools["X"].take()
        yield self._of_d(x, y, fake_x, fake_y, progress)

    def _of_d(self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor, progress: float) -> Turn:
        """The turn of D_X and D_Y on images of both domains and generated ones, without their gradients."""
        D_X, D_Y = self.critic(self.D_X, progress), self.critic(self.D_Y, progress)
        (real_y, faked_y), (real_x, faked_x) = D_Y(y, fake_y), D_X(x, fake_x)
        losses = {
            "D_Y": 0.5 * self.discriminator_loss(real_y, faked_y),
            "D_X": 0.5 * self.discriminator_loss(real_x, faked_x),
            **self.penalties((D_Y, y, fake_y), (D_X, x, fake_x)),
        }
        return Turn("D", losses, self.diagnostics(torch.cat([real_y, real_x]), torch.cat([faked_y, faked_x])))


class Disco(Cycle):
    """DiscoGAN (Kim et al. 2017): GAN losses and reconstruction by mean squares, with no weights, identity or pool.

    The paper's networks: four stride-2 convolutions and their transposes at 64 px, DCGAN's discriminator, batch norm.
    """

    defaults = {
        "data": {"size": [64, 64]},
        "generator": {"network": "resnet", "norm": "batch", "downs": 4, "blocks": 0, "kernel": 3},
        "discriminator": {"network": "dcgan", "norm": "batch"},
        "mode_settings": {
            "objective": "vanilla",
            "cycle_loss": "l2",
            "lambda_cycle": 1.0,
            "lambda_identity": 0.0,
            "pool": 0,
        },
        "train": {"batch": 64},
    }


class Dual(Cycle):
    """DualGAN (Yi et al. 2017, Algorithm 1): critics with clipped weights, n_critic steps of them, L1 reconstruction
    with a λ of 100 to 1,000, RMSprop; the dropout of U-Nets is the noise z; a 70×70 PatchGAN."""

    defaults = {
        "generator": {"network": "unet", "norm": "batch", "dropout": True},
        "discriminator": {"norm": "batch"},
        "mode_settings": {"objective": "wgan", "k": 3, "lambda_cycle": 100.0, "lambda_identity": 0.0, "pool": 0},
        "train": {"batch": 1, "optimizer": "rmsprop", "lr": 5e-5},
    }
