"""CycleGAN: unpaired translation with cycle consistency (Zhu et al. 2017). Equation numbers are the paper's.

L(G, F, D_X, D_Y) = L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) + λ L_cyc(G, F)   (Eq. 3)
G*, F* = arg min over G, F, max over D_X, D_Y of L(G, F, D_X, D_Y)              (Eq. 4)
"""

from collections.abc import Callable, Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.objectives import DESCRIPTION, Objective, l1
from translate.modes.pool import Pool


class CycleSettings(ModeSettings):
    objective: str = Field("lsgan", description=DESCRIPTION.format(first="lsgan"))
    lambda_cycle: float = Field(
        10.0, ge=0, description="λ of Eq. 3: weight of cycle consistency, relative to the GANs'"
    )
    lambda_identity: float = Field(
        0.5, ge=0, description="weight of ‖G(y) − y‖₁ + ‖F(x) − x‖₁, times lambda_cycle (section 5.2); 0 turns it off"
    )
    pool: int = Field(
        50, ge=0, description="size of the history of generated images that D is trained on (section 4); 0 = none"
    )


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

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C_x, H, W), y (B, C_y, H, W): images of the two domains in [-1, 1], not paired. Yields the losses of
        each player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        s = self.settings
        # G(x) and G(y) may be fused into one pass, F(y) and F(x) too (train.fuse_passes)
        G, F = (self.fused(self.G, x, y), self.fused(self.F, y, x)) if s.lambda_identity else (self.G, self.F)
        D_X, D_Y = self.critic(self.D_X, progress), self.critic(self.D_Y, progress)

        fake_y, fake_x = G(x), F(y)
        losses = {
            # L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) (Eq. 1, with least squares: section 4)
            "gan_G": self.generator_loss(D_Y, fake_y, y),
            "gan_F": self.generator_loss(D_X, fake_x, x),
            # λ L_cyc(G, F) = λ (E‖F(G(x)) - x‖₁ + E‖G(F(y)) - y‖₁) (Eqs. 2 and 3)
            "cycle_X": s.lambda_cycle * l1(F(fake_y), x),
            "cycle_Y": s.lambda_cycle * l1(G(fake_x), y),
        }
        if s.lambda_identity:  # L_identity(G, F) = E‖G(y) - y‖₁ + E‖F(x) - x‖₁ (section 5.2)
            losses["identity_Y"] = s.lambda_cycle * s.lambda_identity * l1(G(y), y)
            losses["identity_X"] = s.lambda_cycle * s.lambda_identity * l1(F(x), x)
        self.pools["Y"].put(fake_y)
        self.pools["X"].put(fake_x)
        yield Turn("G", losses)

        # D is trained on a history of generated images, and its objective is halved, to slow it down (section 4)
        fake_y, fake_x = self.pools["Y"].take(), self.pools["X"].take()
        (real_y, faked_y), (real_x, faked_x) = D_Y(y, fake_y), D_X(x, fake_x)
        losses = {
            "D_Y": 0.5 * self.discriminator_loss(real_y, faked_y),
            "D_X": 0.5 * self.discriminator_loss(real_x, faked_x),
            **self.penalties((D_Y, y, fake_y), (D_X, x, fake_x)),
        }
        yield Turn("D", losses, self.diagnostics(torch.cat([real_y, real_x]), torch.cat([faked_y, faked_x])))
