"""The modes by name: one file per paper."""

from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.began import BEGAN
from translate.modes.cut import CUT, FastCUT
from translate.modes.cycle import Cycle, Disco, Dual
from translate.modes.distill import Distill
from translate.modes.gan import DCGAN, GAN, LSGAN, R3GAN, WGAN, WGANGP, Hinge, Vanilla
from translate.modes.pix2pix import Pix2Pix, Spade
from translate.modes.progan import ProGAN
from translate.modes.registered import Registered
from translate.modes.star import Star

MODES: dict[str, type[Mode]] = {
    "pix2pix": Pix2Pix,
    "spade": Spade,
    "registered": Registered,
    "cycle": Cycle,
    "disco": Disco,
    "dual": Dual,
    "cut": CUT,
    "fastcut": FastCUT,
    "star": Star,
    "distill": Distill,
    "vanilla": Vanilla,
    "dcgan": DCGAN,
    "lsgan": LSGAN,
    "hinge": Hinge,
    "wgan": WGAN,
    "wgan-gp": WGANGP,
    "r3gan": R3GAN,
    "progan": ProGAN,
    "began": BEGAN,
}
DOMAINS = {"translation": 2, "noise": 1}  # kind of mode → number of image domains that it is trained on
ALIASES = {
    "gaugan": "spade",
    "reggan": "registered",
    "cyclegan": "cycle",
    "discogan": "disco",
    "dualgan": "dual",
    "stargan": "star",
    "cycle_gan": "cycle",
    "gan": "vanilla",
    "wgan_gp": "wgan-gp",
    "wgangp": "wgan-gp",
}

__all__ = ["ALIASES", "CUT", "DOMAINS", "GAN", "MODES", "Cycle", "Mode", "ModeSettings", "Pix2Pix", "Turn"]
