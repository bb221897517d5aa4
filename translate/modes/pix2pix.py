"""pix2pix: paired translation with a conditional GAN and L1 (Isola et al. 2017). Equation numbers are the paper's.

G* = arg min over G, max over D of L_cGAN(G, D) + λ L_L1(G)                     (Eq. 4)
"""

from collections.abc import Callable, Iterator

from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.objectives import DESCRIPTION, Objective, l1


class Pix2PixSettings(ModeSettings):
    objective: str = Field("vanilla", description=DESCRIPTION.format(first="vanilla"))
    lambda_l1: float = Field(100.0, ge=0, description="λ of Eq. 4: weight of L1 relative to the GAN loss")


class Pix2Pix(Mode):
    """One generator G: x → y and one discriminator D(x, y), conditioned on the input."""

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
        self.weight_clip = {"D": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C_x, H, W), y (B, C_y, H, W): a batch of pairs in [-1, 1]. Yields the losses of each
        player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        fake = self.G(x)
        D = self.critic(self.D, progress, condition=x)  # D(y) is the paper's D(x, y)
        # L_cGAN(G, D) = E log D(x, y) + E log(1 - D(x, G(x))) (Eq. 1); halved, to slow D down (section 3.3)
        real, faked = D(y, fake.detach())
        losses = {"D": 0.5 * self.discriminator_loss(real, faked), **self.penalties((D, y, fake))}
        yield Turn("D", losses, self.diagnostics(real, faked))
        # G* = arg min_G max_D L_cGAN(G, D) + λ L_L1(G), with L_L1 = E‖y - G(x)‖₁ (Eqs. 3 and 4)
        yield Turn("G", {"gan": self.generator_loss(D, fake, y), "l1": self.settings.lambda_l1 * l1(fake, y)})
