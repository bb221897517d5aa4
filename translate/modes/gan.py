"""Images from noise: GAN (Goodfellow et al. 2014), DCGAN (Radford et al. 2016), WGAN (Arjovsky et al. 2017) and WGAN-GP
(Gulrajani et al. 2017), each also conditional (Mirza & Osindero 2014). They are one game with different parts."""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import GameSettings, Mode, Turn, discriminator_sees, gauges, labels, penalties
from translate.modes.objectives import Objective
from translate.system import image_rng


class GANSettings(GameSettings):
    objective: str = Field("vanilla", description="vanilla, minimax, lsgan, hinge, wgan or wgan-gp")
    latent: int = Field(100, ge=1, le=4096, description="length of z ~ N(0, 1)")
    k: int = Field(1, ge=1, description="steps of D per step of G; WGAN's n_critic is 5")
    conditional: bool = Field(True, description="G and D are given the classes, where the data has labels")
    separate: bool = Field(True, description="D sees real and fake images in batches of their own (ganhacks)")


class GAN(Mode):
    """The game of one generator G: z → x and one discriminator D; with classes, G(z, c) and D(x, c)."""

    Settings = GANSettings
    domains = 1
    players = {"D": ["D"], "G": ["G"]}
    generators = {"z2a": "G"}

    def __init__(
        self,
        settings: GANSettings,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...] = (3,),
        classes: int = 0,
    ):
        self.settings, self.objective, self.classes = settings, objective, classes
        self.G = generator(settings.latent + classes, channels[0])
        self.D = discriminator(channels[0] + classes)
        self.networks = {"G": self.G, "D": self.D}
        self.pools = {}
        self.clip = {"D": settings.clip}
        self.draws = settings.k  # every step of D sees new images (Algorithm 1 of 2014 and of WGAN)

    def step(self, x: Tensor, c: Tensor | None = None, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (k·B, C, H, W): k batches of images in [-1, 1]; c (k·B,): their classes, as integers. Yields each player's
        losses in turn; when resumed, the trainer has minimised them. progress: part of the training done, 0 to 1."""
        s, gan = self.settings, self.objective
        c = c if self.classes else None
        batches = list(zip(x.chunk(s.k), [None] * s.k if c is None else c.chunk(s.k), strict=False))
        for x, c in batches:  # "for k steps do": D ascends its gradient (2014, Algorithm 1; WGAN, Algorithm 1)
            fake = self.fake(len(x), c, x).detach()

            def D(*batches: Tensor, c: Tensor | None = c) -> Sequence[Tensor]:
                seen = (_given(discriminator_sees(x, s, progress), c, self.classes) for x in batches)
                return self.passes(self.D, *seen, joined=not s.separate)

            real, faked = D(x, fake)
            losses = {"D": gan.discriminator(real, faked, *labels(s, real)), **penalties(s, (D, x, fake))}
            yield Turn("D", losses, gauges(gan, real, faked))
        yield Turn("G", {"G": gan.generator(*D(self.fake(len(x), c, x)))})

    def fake(self, count: int, c: Tensor | None, like: Tensor) -> Tensor:
        """G(z) for new z ~ N(0, 1), G(z, c) with classes c (count,)."""
        z = image_rng.normal(count, self.settings.latent, device=like.device)
        return self.G(_given(z, c, self.classes))


def _given(x: Tensor, c: Tensor | None, classes: int) -> Tensor:
    """x (B, C) or (B, C, H, W) with the class behind it, one of `classes` channels 1 and the others 0 (Mirza & Osindero
    2014, Fig. 1)."""
    if c is None:
        return x
    code = nnf.one_hot(c, classes).to(x.dtype)
    return torch.cat([x, code[..., None, None].expand(-1, -1, *x.shape[2:]) if x.ndim == 4 else code], 1)


class Vanilla(GAN):
    """The first GAN: fully connected networks."""

    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [32, 32]},
        "generator": {"network": "mlp", "filters": 256, "blocks": 2, "init": "kaiming"},
        "discriminator": {"network": "mlp", "filters": 256, "layers": 2, "init": "kaiming"},
        "train": {"batch": 128, "decay_from": 1.0, "samples": 64},
    }


class DCGAN(GAN):
    """Convolutions with batch norm; sections 3 and 4 of the paper say all of this."""

    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [64, 64]},
        "generator": {"network": "dcgan", "norm": "batch", "blocks": 2},
        "discriminator": {"network": "dcgan", "norm": "batch"},
        "train": {"batch": 128, "decay_from": 1.0, "samples": 64},
    }


class LSGAN(GAN):
    """DCGAN's networks with least squares (Mao et al. 2017)."""

    defaults = {**DCGAN.defaults, "game": {"objective": "lsgan"}}


class Hinge(GAN):
    """DCGAN's networks with the hinge objective and a spectrally normalised D (Miyato et al. 2018)."""

    defaults = {
        **DCGAN.defaults,
        "discriminator": {"network": "dcgan", "norm": "none", "spectral_norm": True},
        "game": {"objective": "hinge"},
    }


class WGAN(GAN):
    """A critic with clipped weights, five steps of it per step of G, RMSprop (Algorithm 1)."""

    defaults = {
        **DCGAN.defaults,
        "game": {"objective": "wgan", "k": 5},
        "train": {"batch": 64, "decay_from": 1.0, "samples": 64, "optimizer": "rmsprop", "lr": 5e-5},
    }


class WGANGP(GAN):
    """A critic without batch norm and with a gradient penalty of 10 (Algorithm 1)."""

    defaults = {
        **DCGAN.defaults,
        "discriminator": {"network": "dcgan", "norm": "none"},
        "game": {"objective": "wgan-gp", "k": 5},
        "train": {"batch": 64, "decay_from": 1.0, "samples": 64, "lr": 1e-4, "beta1": 0.0, "beta2": 0.9},
    }
