"""StarGAN: translation among several domains with one generator (Choi et al. 2018). Equation numbers are the paper's.

L_D = -L_adv + λ_cls L_cls^r                  (Eq. 5)
L_G = L_adv + λ_cls L_cls^f + λ_rec L_rec     (Eq. 6)
"""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.conditional import Conditional, append_class
from translate.modes.objectives import DESCRIPTION, Objective, l1
from translate.settings import LETTERS
from translate.system import image_rng


class StarSettings(ModeSettings):
    objective: str = Field("wgan-gp", description=DESCRIPTION.format(first="wgan-gp"))
    lambda_class: float = Field(1.0, ge=0, description="λ_cls of Eqs. 5 and 6: weight of the domain's classification")
    lambda_reconstruction: float = Field(10.0, ge=0, description="λ_rec of Eq. 6: weight of the reconstruction")
    k: int = Field(5, ge=1, description="steps of D per step of G, each on new images")
    class_in_d: Literal["classifier", "projection"] = Field(
        "classifier", description="how D knows the domain: by a classifier (paper), or as D(x, c), by projection"
    )

    @model_validator(mode="after")
    def _check_penalties(self) -> "StarSettings":
        if self.class_in_d == "projection" and (self.r2 or self.penalty):
            raise ValueError("with projection D is of one domain, so r2 and gradient_penalty must be 0")
        return self


class Star(Mode):
    """One generator G(x, c) of images x and target domains c, and one discriminator D with a classifier of domains.

    D_src(x) is the same for all domains, so an unchanged image is a real one; D(x, c), which is not the paper's, asks
    whether it is one of domain c (Miyato & Koyama 2018; as the branches of StarGAN v2's D).
    """

    Settings = StarSettings
    many = True
    # The paper's: 6 residual blocks with instance norm, D without norm, 128 px, Adam with 1e-4, decay in the second
    # half of the training.
    defaults = {
        "data": {"size": [128, 128]},
        "generator": {"network": "resnet", "norm": "instance", "blocks": 6},
        "discriminator": {"norm": "none"},
        "train": {"batch": 16, "lr": 1e-4},
    }
    players = {"D": ["D"], "G": ["G"]}
    generators = {"a2b": "G", "b2a": "G"}

    def __init__(
        self,
        settings: StarSettings,
        objective: Objective,
        generator: Callable[..., nn.Module],
        discriminator: Callable[..., nn.Module],
        channels: tuple[int, ...] = (3, 3),
    ):
        if len(set(channels)) > 1:
            raise UserError(
                f"this mode has one generator for all domains, which need as many channels, not {channels[0]} and "
                f"{channels[1]}; set data.channels_a and data.channels_b alike."
            )
        self.settings, self.objective, self.domains = settings, objective, len(channels)
        self.generators = self.directions(self.domains)
        self.G = generator(channels[0], channels[0], targets=self.domains)
        if not getattr(self.G, "targets", 0):
            raise UserError(
                f"this mode's generator takes the target domain, which {type(self.G).__name__} can't; set "
                "generator.network to resnet, unet or light."
            )
        self.D = discriminator(channels[0], outputs=1 + self.domains)  # D_src, and D_cls of each domain
        self.networks = {"G": self.G, "D": self.D}
        self.pools = {}
        self.weight_clip = {"D": settings.clip}
        self.batches_per_round = settings.k

    @classmethod
    def directions(cls, domains: int) -> dict[str, str]:
        """Every domain to every other."""
        return {f"{source}2{target}": "G" for source, target in permutations(LETTERS[:domains], 2)}

    @classmethod
    def steps_of_d(cls, settings: StarSettings) -> int:
        """k steps of D, each on new images."""
        return settings.k

    def step(self, *images: Tensor, progress: float = 0.0) -> Iterator[Turn]:
        """images: of each domain (k·B, C, H, W) in [-1, 1]. Yields the losses of each player, whose step the trainer
        takes before it resumes. progress: 0 to 1 over the training."""
        s = self.settings
        for batch in zip(*(of_one.chunk(s.k) for of_one in images), strict=True):
            x = torch.cat(batch)
            c = torch.arange(self.domains, device=x.device).repeat_interleave(len(batch[0]))  # c': the domains of x
            drawn = image_rng.integers(0, self.domains, len(batch[0]), self.domains, device=x.device)
            target = drawn.T.flatten()  # c
            critic = self.critic(self.D, progress)
            D = Conditional(critic, s.class_in_d, c, target)
            fake = self.translate(x, target)
            real, faked = D(x, fake.detach())
            # -L_adv = -E D_src(x) + E D_src(G(x, c)) + λ_gp E(‖∇D_src(x̂)‖₂ - 1)² (Eq. 8), and
            # L_cls^r = E -log D_cls(c'|x) (Eq. 2)
            losses = {"D": self.discriminator_loss(real, faked), **D.class_losses(s.lambda_class, 1)}
            yield Turn("D", losses | self.penalties((D, x, fake)), self.diagnostics(real, faked))
        # of the last batch: G has not changed since
        D = Conditional(critic, s.class_in_d, target, c)
        losses = {"gan": self.generator_loss(D, fake, x)}  # L_adv
        losses |= D.class_losses(s.lambda_class, 1)  # L_cls^f = E -log D_cls(c|G(x, c)) (Eq. 3)
        # L_rec = E‖x - G(G(x, c), c')‖₁ (Eq. 4)
        losses["reconstruction"] = s.lambda_reconstruction * l1(self.translate(fake, c), x)
        yield Turn("G", losses)

    def translate(self, x: Tensor, c: Tensor) -> Tensor:
        """G(x, c), with c as maps beside the image (Fig. 3)."""
        return self.G(append_class(x, c, self.domains))
