"""pix2pix: paired translation with a conditional GAN and L1 (Isola et al. 2017). Equation numbers are the paper's."""

from collections.abc import Callable, Iterator, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import GameSettings, Mode, Turn, discriminator_sees, gauges, labels, penalties
from translate.modes.objectives import Objective, l1


class Pix2PixSettings(GameSettings):
    objective: str = Field("vanilla", description="vanilla (paper), lsgan, hinge, minimax, wgan or wgan-gp")
    lambda_l1: float = Field(100.0, ge=0, description="λ of Eq. 4: weight of L1 beside the GAN")


class Pix2Pix(Mode):
    """The game of one generator G: x → y and one discriminator D(x, y) that sees the input too."""

    Settings = Pix2PixSettings
    paired = True
    # The paper's: a U-Net with batch norm and dropout, a 70×70 PatchGAN, resize to 286, crop to 256, flip.
    defaults = {
        "generator": {"network": "unet", "norm": "batch", "dropout": True},
        "discriminator": {"norm": "batch"},
        "train": {"batch": 1},
    }
    players = {"D": ["D"], "G": ["G"]}
    generators = {"a2b": "G"}

    def __init__(
        self,
        settings: Pix2PixSettings,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...] = (3, 3),
    ):
        self.settings, self.objective, self.channels = settings, objective, channels
        self.G = generator(*channels)
        self.D = discriminator(sum(channels))
        self.networks = {"G": self.G, "D": self.D}
        self.pools = {}
        self.clip = {"D": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C_x, H, W), y (B, C_y, H, W): a batch of pairs in [-1, 1]. Yields each player's losses in turn; when
        resumed, the trainer has minimised them. progress: part of the training that is done, 0 to 1."""
        s, gan = self.settings, self.objective
        fake = self.G(x)

        def D(*batches: Tensor) -> Sequence[Tensor]:
            pairs = (torch.cat([x, y], 1) for y in batches)
            return self.passes(self.D, *(discriminator_sees(pair, s, progress, self.channels) for pair in pairs))

        # D maximises L_cGAN(G, D) (Eq. 1); the objective is halved, which slows D down relative to G (section 3.3)
        real, faked = D(y, fake.detach())
        losses = {"D": 0.5 * gan.discriminator(real, faked, *labels(s, real)), **penalties(s, (D, y, fake))}
        yield Turn("D", losses, gauges(gan, real, faked))
        # G* = arg min_G max_D L_cGAN(G, D) + λ L_L1(G) (Eqs. 3 and 4)
        yield Turn("G", {"gan": gan.generator(*D(fake)), "l1": s.lambda_l1 * l1(fake, y)})
