"""CycleGAN: unpaired translation with cycle consistency (Zhu et al. 2017). Equation numbers are the paper's."""

from collections.abc import Callable, Iterator, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.base import GameSettings, Mode, Turn, discriminator_sees, gauges, labels, penalties
from translate.modes.objectives import Objective, l1
from translate.modes.pool import Pool


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
        self.pools = {"X": Pool(settings.pool), "Y": Pool(settings.pool)}
        self.clip = {"D": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C_x, H, W), y (B, C_y, H, W): images of the two domains in [-1, 1], not paired. Yields each player's
        losses in turn; when resumed, the trainer has minimised them. progress: part of the training done, 0 to 1."""
        s, gan, G, F = self.settings, self.objective, self.G, self.F

        def D_X(*batches: Tensor) -> Sequence[Tensor]:
            return self.passes(self.D_X, *(discriminator_sees(x, s, progress) for x in batches))

        def D_Y(*batches: Tensor) -> Sequence[Tensor]:
            return self.passes(self.D_Y, *(discriminator_sees(y, s, progress) for y in batches))

        same = bool(s.lambda_identity)
        fake_y, *same_y = self.passes(G, x, *[y] * same)
        fake_x, *same_x = self.passes(F, y, *[x] * same)
        losses = {
            # L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) (Eq. 1, with least squares: section 4)
            "gan_G": gan.generator(*D_Y(fake_y)),
            "gan_F": gan.generator(*D_X(fake_x)),
            # λ L_cyc(G, F) = λ (E‖F(G(x)) − x‖₁ + E‖G(F(y)) − y‖₁) (Eqs. 2 and 3)
            "cycle_X": s.lambda_cycle * l1(F(fake_y), x),
            "cycle_Y": s.lambda_cycle * l1(G(fake_x), y),
        }
        if same:
            # L_identity(G, F) = E‖G(y) − y‖₁ + E‖F(x) − x‖₁ (section 5.2)
            losses["identity_Y"] = s.lambda_cycle * s.lambda_identity * l1(same_y[0], y)
            losses["identity_X"] = s.lambda_cycle * s.lambda_identity * l1(same_x[0], x)
        self.pools["Y"].put(fake_y)
        self.pools["X"].put(fake_x)
        yield Turn("G", losses)

        # Each discriminator sees past fakes as well (section 4), and its objective is halved to slow it down.
        seen_y, seen_x = self.pools["Y"].take(), self.pools["X"].take()
        (real_y, faked_y), (real_x, faked_x) = D_Y(y, seen_y), D_X(x, seen_x)
        losses = {
            "D_Y": 0.5 * gan.discriminator(real_y, faked_y, *labels(s, real_y)),
            "D_X": 0.5 * gan.discriminator(real_x, faked_x, *labels(s, real_x)),
        }
        losses |= penalties(s, (D_Y, y, seen_y), (D_X, x, seen_x))
        yield Turn("D", losses, gauges(gan, torch.cat([real_y, real_x]), torch.cat([faked_y, faked_x])))
