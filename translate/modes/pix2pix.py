"""pix2pix: paired translation with a conditional GAN and L1 (Isola et al. 2017). Equation numbers are the paper's.

G* = arg min over G, max over D of L_cGAN(G, D) + λ L_L1(G)                     (Eq. 4)

And SPADE (Park et al. 2019), which has the losses of pix2pixHD (Wang et al. 2018) with the hinge loss: several D, each
at half of the size of the one before, and feature matching, L_FM(G, D_k) = E Σ_i ‖D_k^i(x, y) - D_k^i(x, G(x))‖₁ / N_i.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import Losses, Mode, ModeSettings, Turn
from translate.modes.objectives import DESCRIPTION, Objective, l1
from translate.modes.passes import Critic, smaller
from translate.networks.labelled import Labelled


class Pix2PixSettings(ModeSettings):
    objective: str = Field("vanilla", description=DESCRIPTION.format(first="vanilla"))
    lambda_l1: float = Field(100.0, ge=0, description="λ of Eq. 4: weight of L1 relative to the GAN loss")
    lambda_features: float = Field(
        0.0, ge=0, description="λ of feature matching: L1 between D's features of y and of G(x); 10 in pix2pixHD, spade"
    )
    conditional: bool = Field(
        True, description="whether D sees the input x beside the image: the paper's cGAN; false: its GAN of Table 1"
    )
    scales: int = Field(
        1, ge=1, le=4, description="how many D there are, each at half of the size of the one before; pix2pixHD has 3"
    )


class Pix2Pix(Mode):
    """One generator G: x → y and discriminators D(x, y), conditioned on the input unless conditional is false: D, and
    D_2, D_3 of smaller images.
    Label maps x are seen by all as one channel for each class."""

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
        self.encode = self.G.encode if isinstance(self.G, Labelled) else nn.Identity()
        seen = len(self.G.encode.colours) if isinstance(self.G, Labelled) else channels[0]
        seen = seen if settings.conditional else 0
        names = ["D", *(f"D_{number}" for number in range(2, settings.scales + 1))]
        self.networks = {"G": self.G, **{name: discriminator(seen + channels[1]) for name in names}}
        self.players = {"D": names, "G": ["G"]}
        self.pools = {}
        self.weight_clip = {"D": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C_x, H, W), y (B, C_y, H, W): a batch of pairs in [-1, 1]. Yields the losses of each
        player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        s, fake = self.settings, self.G(x)
        Ds = self.critics(x, progress)  # D(y) is the paper's D(x, y)
        # L_cGAN(G, D) = E log D(x, y) + E log(1 - D(x, G(x))) (Eq. 1); halved, to slow D down (section 3.3)
        logits = [D(y, fake.detach()) for D in Ds]
        losses = {
            "D": 0.5 * mean([self.discriminator_loss(*pair) for pair in logits]),
            **self.penalties(*((D, y, fake) for D in Ds)),
        }
        real, faked = (torch.cat([of.flatten() for of in side]) for side in zip(*logits, strict=True))
        yield Turn("D", losses, self.diagnostics(real, faked))
        # G* = arg min_G max_D L_cGAN(G, D) + λ L_L1(G), with L_L1 = E‖y - G(x)‖₁ (Eqs. 3 and 4)
        if s.lambda_features:
            losses = self.with_features(Ds, fake, y)
        else:
            losses = {"gan": mean([self.generator_loss(D, fake, y) for D in Ds])}
        yield Turn("G", losses | ({"l1": s.lambda_l1 * l1(fake, y)} if s.lambda_l1 else {}))

    def critics(self, x: Tensor, progress: float) -> list[Critic]:
        """Each D, of images y, which are beside the input x (B, C, H, W) if D is conditional."""
        condition = self.encode(x) if self.settings.conditional else None
        return [
            self.critic(self.networks[name], progress, condition=condition, encode=partial(smaller, halvings=number))
            for number, name in enumerate(self.players["D"])
        ]

    def with_features(self, Ds: list[Critic], fake: Tensor, y: Tensor) -> Losses:
        """L_GAN and λ L_FM, means over all D, from one pass of each; L_FM is summed over D's layers."""
        gan, matching = [], []
        for D in Ds:
            (*real, of_real), (*faked, of_fake) = D.features(y, fake)
            gan.append(self.objective.generator(of_fake, of_real))
            matching.append(torch.stack([l1(a, b.detach()) for a, b in zip(faked, real, strict=True)]).sum())
        return {"gan": mean(gan), "features": self.settings.lambda_features * mean(matching)}


def mean(losses: list[Tensor]) -> Tensor:
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()


class Spade(Pix2Pix):
    """SPADE: label maps to images. The authors' settings without z, instance edges and the loss of VGG's features.

    Their L_FM has the same weight. Adam has two step sizes; batch norm in G, spectral and instance norm in D.
    """

    defaults = {
        "data": {"label_map": "yes"},
        "generator": {"network": "spade", "norm": "batch", "init": "xavier"},
        "discriminator": {"norm": "instance", "spectral_norm": True, "init": "xavier"},
        "mode_settings": {"objective": "hinge", "lambda_l1": 0.0, "lambda_features": 10.0, "scales": 2},
        "train": {"batch": 1, "lr": 1e-4, "lr_d": 4e-4, "beta1": 0.0, "beta2": 0.9},
    }
