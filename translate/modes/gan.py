"""Images from noise: GAN (Goodfellow et al. 2014), DCGAN (Radford et al. 2016), WGAN (Arjovsky et al. 2017), WGAN-GP
(Gulrajani et al. 2017) and R3GAN (Huang et al. 2024), each also conditional (Mirza & Osindero 2014). One mode with
different settings:

    min over G, max over D of V(D, G) = E_x log D(x) + E_z log(1 - D(G(z)))         (Goodfellow et al. 2014, Eq. 1)
    min over G, max over 1-Lipschitz f of E_x f(x) - E_z f(G(z))                    (Arjovsky et al. 2017, Eqs. 2, 3)
"""

from collections.abc import Callable, Iterator
from functools import partial

from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.conditional import Conditional, How, append_class
from translate.modes.objectives import DESCRIPTION, Objective
from translate.system import image_rng


class GANSettings(ModeSettings):
    objective: str = Field("vanilla", description=DESCRIPTION.format(first="vanilla"))
    latent: int = Field(100, ge=1, le=4096, description="length of z ~ N(0, 1)")
    k: int = Field(1, ge=1, description="steps of D per step of G; WGAN's n_critic is 5")
    conditional: bool = Field(True, description="G and D are conditioned on the class, where the data has labels")
    class_in_d: How = Field(
        "channels", description="how D gets the class: channels of its input, projection, or classifier (AC-GAN)"
    )
    lambda_class: float = Field(1.0, ge=0, description="weight of the classifier's loss, for D and for G (AC-GAN: 1)")
    separate: bool = Field(True, description="real and fake images are separate batches of D (ganhacks)")


class GAN(Mode):
    """One generator G: z → x and one discriminator D; with classes, G(z, c) and D(x, c)."""

    Settings = GANSettings
    kind = "noise"
    players = {"D": ["D"], "G": ["G"]}
    generators = {"z2a": "G"}

    def __init__(
        self,
        settings: GANSettings,
        objective: Objective,
        generator: Callable[..., nn.Module],
        discriminator: Callable[..., nn.Module],
        channels: tuple[int, ...] = (3,),
        classes: int = 0,
    ):
        self.settings, self.objective, self.classes = settings, objective, classes
        known = {"classes": classes} if classes else {}
        self.G = generator(settings.latent + classes, channels[0], **known)
        if settings.class_in_d == "channels" or not classes:
            self.D = discriminator(channels[0] + classes)
        else:
            self.D = discriminator(channels[0], outputs=1 + classes)
        self.networks = {"G": self.G, "D": self.D}
        self.pools = {}
        self.weight_clip = {"D": settings.clip}
        self.batches_per_round = settings.k  # every step of D takes new images (Algorithm 1 of 2014 and of WGAN)

    @classmethod
    def steps_of_d(cls, settings: GANSettings) -> int:
        """k steps of D, each on new images (Algorithm 1 of 2014 and of WGAN)."""
        return settings.k

    def step(self, x: Tensor, c: Tensor | None = None, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (k·B, C, H, W): k batches of images in [-1, 1]; c (k·B,): their classes, as integers. Yields the losses
        of each player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        s = self.settings
        batches = zip(x.chunk(s.k), [None] * s.k if c is None or not self.classes else c.chunk(s.k), strict=False)
        for x, c in batches:  # "for k steps do" (2014 and WGAN, Algorithm 1)
            shown = c if s.class_in_d == "channels" else None
            critic = self.critic(self.D, progress, joined=not s.separate, encode=partial(self.append_class, c=shown))
            D = Conditional(critic, s.class_in_d, c)
            fake = self.fake(len(x), c, x).detach()
            # max over D of V(D, G) = E log D(x) + E log(1 - D(G(z))) (2014, Eq. 1), or the objective in its place
            real, faked = D(x, fake)
            losses = {"D": self.discriminator_loss(real, faked), **D.class_losses(s.lambda_class, 2)}
            losses |= self.penalties((D, x, fake))
            yield Turn("D", losses, self.diagnostics(real, faked))
        # min over G
        loss = self.generator_loss(D, self.fake(len(x), c, x), x)
        yield Turn("G", {"G": loss, **D.class_losses(s.lambda_class, 1)})

    def fake(self, count: int, c: Tensor | None, like: Tensor) -> Tensor:
        """G(z), or with classes c (count,) G(z, c), for new z ~ N(0, 1): images (count, C, H, W) in [-1, 1]."""
        z = image_rng.normal(count, self.settings.latent, device=like.device)
        return self.G(self.append_class(z, c))

    def append_class(self, x: Tensor, c: Tensor | None) -> Tensor:
        """x (B, C) or (B, C, H, W) with its class c (B,), if it has one."""
        return x if c is None else append_class(x, c, self.classes)


class Vanilla(GAN):
    """The original GAN: fully connected networks."""

    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [32, 32]},
        "generator": {"network": "mlp", "filters": 256, "blocks": 2, "init": "kaiming"},
        "discriminator": {"network": "mlp", "filters": 256, "layers": 2, "init": "kaiming"},
        "train": {"batch": 128, "decay_from": 1.0, "samples": 64},
    }


class DCGAN(GAN):
    """Convolutions with batch norm; the settings of the paper's sections 3 and 4."""

    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [64, 64]},
        "generator": {"network": "dcgan", "norm": "batch", "blocks": 2},
        "discriminator": {"network": "dcgan", "norm": "batch"},
        "train": {"batch": 128, "decay_from": 1.0, "samples": 64},
    }


class LSGAN(GAN):
    """DCGAN's networks with least squares (Mao et al. 2017)."""

    defaults = {**DCGAN.defaults, "mode_settings": {"objective": "lsgan"}}


class Hinge(GAN):
    """DCGAN's networks with the hinge objective and a spectrally normalised D (Miyato et al. 2018)."""

    defaults = {
        **DCGAN.defaults,
        "discriminator": {"network": "dcgan", "norm": "none", "spectral_norm": True},
        "mode_settings": {"objective": "hinge"},
    }


class R3GAN(GAN):
    """The relativistic pairing loss with R1 and R2 at every step, and residual networks without norms:

    D: E f(D(x) - D(G(z))) + γ/2 E‖∇D(x)‖² + γ/2 E‖∇D(G(z))‖², G: E f(D(G(z)) - D(x)), f(t) = log(1 + e⁻ᵗ)
    """

    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [64, 64]},
        "generator": {"network": "r3gan", "filters": 96, "blocks": 2},
        "discriminator": {"network": "r3gan", "filters": 96},
        "mode_settings": {"objective": "relativistic", "latent": 64, "r1": 2.0, "r2": 2.0, "r1_every": 1},
        "train": {
            "batch": 256,
            "decay_from": 1.0,
            "samples": 64,
            "lr": 2e-4,
            "beta1": 0.0,
            "beta2": 0.99,
            "ema": 0.999,
        },
    }


class WGAN(GAN):
    """A critic with clipped weights, five steps of it per step of G, RMSprop (Algorithm 1)."""

    defaults = {
        **DCGAN.defaults,
        "mode_settings": {"objective": "wgan", "k": 5},
        "train": {"batch": 64, "decay_from": 1.0, "samples": 64, "optimizer": "rmsprop", "lr": 5e-5},
    }


class WGANGP(GAN):
    """A critic without batch norm and with a gradient penalty of 10 (Algorithm 1)."""

    defaults = {
        **DCGAN.defaults,
        "discriminator": {"network": "dcgan", "norm": "none"},
        "mode_settings": {"objective": "wgan-gp", "k": 5},
        "train": {"batch": 64, "decay_from": 1.0, "samples": 64, "lr": 1e-4, "beta1": 0.0, "beta2": 0.9},
    }
