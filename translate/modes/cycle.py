"""CycleGAN: unpaired translation with cycle consistency (Zhu et al. 2017). Equation numbers are the paper's."""

from collections.abc import Callable, Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.game import GameSettings, Losses, Mode, clip_weights, discriminator_sees, gauges, labels, penalties
from translate.objectives import Objective, l1
from translate.pool import Pool


class CycleSettings(GameSettings):
    objective: str = Field("lsgan", description="lsgan (paper), vanilla, hinge, minimax, wgan or wgan-gp")
    lambda_cycle: float = Field(10.0, ge=0, description="λ of Eq. 3: weight of cycle consistency beside the GANs")
    lambda_identity: float = Field(
        0.5, ge=0, description="weight of ‖G(y) − y‖₁ + ‖F(x) − x‖₁, times lambda_cycle (section 5.2); 0 turns it off"
    )
    pool: int = Field(50, ge=0, description="past fakes that each discriminator is shown (section 4); 0 turns it off")


class Cycle(Mode):
    """The game of two generators G: X → Y and F: Y → X, and two discriminators; D_Y judges images of Y."""

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
        self.gauges: dict[str, Tensor] = {}
        self.pools = {"X": Pool(settings.pool), "Y": Pool(settings.pool)}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[tuple[str, Losses]]:
        """x (B, C_x, H, W), y (B, C_y, H, W): images of the two domains in [-1, 1], not paired. Yields each player's
        losses in turn; when resumed, the trainer has minimised them. progress: part of the training done, 0 to 1."""
        s, gan, G, F = self.settings, self.objective, self.G, self.F

        def D_X(x: Tensor) -> Tensor:
            return self.D_X(discriminator_sees(x, s, progress))

        def D_Y(y: Tensor) -> Tensor:
            return self.D_Y(discriminator_sees(y, s, progress))

        fake_y, fake_x = G(x), F(y)
        losses = {
            # L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) (Eq. 1, with least squares: section 4)
            "gan_G": gan.generator(D_Y(fake_y)),
            "gan_F": gan.generator(D_X(fake_x)),
            # λ L_cyc(G, F) = λ (E‖F(G(x)) − x‖₁ + E‖G(F(y)) − y‖₁) (Eqs. 2 and 3)
            "cycle_X": s.lambda_cycle * l1(F(fake_y), x),
            "cycle_Y": s.lambda_cycle * l1(G(fake_x), y),
        }
        if s.lambda_identity:
            # L_identity(G, F) = E‖G(y) − y‖₁ + E‖F(x) − x‖₁ (section 5.2)
            losses["identity_Y"] = s.lambda_cycle * s.lambda_identity * l1(G(y), y)
            losses["identity_X"] = s.lambda_cycle * s.lambda_identity * l1(F(x), x)
        yield "G", losses

        # Each discriminator sees past fakes as well (section 4), and its objective is halved to slow it down.
        seen_y, seen_x = self.pools["Y"].query(fake_y), self.pools["X"].query(fake_x)
        real_y, faked_y, real_x, faked_x = D_Y(y), D_Y(seen_y), D_X(x), D_X(seen_x)
        self.gauges = gauges(gan, torch.cat([real_y, real_x]), torch.cat([faked_y, faked_x]))
        losses = {
            "D_Y": 0.5 * gan.discriminator(real_y, faked_y, *labels(s, real_y)),
            "D_X": 0.5 * gan.discriminator(real_x, faked_x, *labels(s, real_x)),
        }
        yield "D", losses | penalties(s, (D_Y, y, seen_y), (D_X, x, seen_x))
        clip_weights(s, self.D_X, self.D_Y)
