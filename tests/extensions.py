"""One thing of each kind in CONTRIBUTING's table, made as somebody else would; nothing here is the package's."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.gan import GANSettings
from translate.modes.objectives import Objective, l1
from translate.networks.layers import NORMS, pad_to
from translate.networks.segments import Segmented, Step
from translate.system import image_rng


class NearSettings(ModeSettings):
    objective: str = Field("hinge", description="what the critic and the maker minimise")
    near: float = Field(1.0, ge=0, description="weight of ‖T(x) − x‖₁")


class Near(Mode):
    """T: x → y that stays near x, unpaired and one way only; its players have names of their own."""

    Settings = NearSettings
    defaults = {"generator": {"network": "light", "norm": "group"}, "discriminator": {"norm": "none"}}
    players = {"critic": ["C"], "maker": ["T"]}
    discriminators = frozenset({"critic"})
    generators = {"a2b": "T"}

    def __init__(self, settings, objective: Objective, generator: Callable, discriminator: Callable, channels=(3, 3)):
        self.settings, self.objective = settings, objective
        self.T, self.C = generator(*channels), discriminator(channels[1])
        self.networks = {"T": self.T, "C": self.C}
        self.pools = {}
        self.weight_clip = {"critic": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        C = self.critic(self.C, progress)
        fake = self.T(x)
        real, faked = C(y, fake.detach())
        losses = {"C": self.discriminator_loss(real, faked), **self.penalties((C, y, fake))}
        yield Turn("critic", losses, self.diagnostics(real, faked))
        yield Turn("maker", {"gan": self.generator_loss(C, fake, y), "near": self.settings.near * l1(fake, x)})


class Drawn(Mode):
    """M: z → x with players of other names than D and G."""

    Settings = GANSettings
    kind = "noise"
    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [32, 32]},
        "generator": {"network": "dcgan", "norm": "batch"},
        "discriminator": {"network": "dcgan", "norm": "batch"},
    }
    players = {"critic": ["C"], "maker": ["M"]}
    discriminators = frozenset({"critic"})
    generators = {"z2a": "M"}

    def __init__(self, settings, objective: Objective, generator: Callable, discriminator: Callable, channels=(3,)):
        self.settings, self.objective = settings, objective
        self.M, self.C = generator(settings.latent, channels[0]), discriminator(channels[0])
        self.networks = {"M": self.M, "C": self.C}
        self.pools = {}
        self.weight_clip = {"critic": settings.clip}

    def step(self, x: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        C = self.critic(self.C, progress)
        fake = self.M(image_rng.normal(len(x), self.settings.latent, device=x.device))
        real, faked = C(x, fake.detach())
        yield Turn("critic", {"C": self.discriminator_loss(real, faked)}, self.diagnostics(real, faked))
        yield Turn("maker", {"M": self.generator_loss(C, fake, x)})


def absolute_discriminator(real: Tensor, fake: Tensor, real_label=1.0, fake_label=0.0) -> Tensor:
    return (real.float() - real_label).abs().mean() + (fake.float() - fake_label).abs().mean()


def absolute_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return (fake.float() - 1).abs().mean()


ABSOLUTE = Objective(absolute_discriminator, absolute_generator, labels=True, boundary=0.5)


class Attention(nn.Module):
    """x + every pixel's mixture of all pixels of its image."""

    per_sample = True

    def __init__(self, channels: int):
        super().__init__()
        self.queries, self.keys, self.values = (nn.Conv2d(channels, channels, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).flatten(2).mT[:, None] for layer in (self.queries, self.keys, self.values))  # one head
        return x + nnf.scaled_dot_product_attention(q, k, v)[:, 0].mT.reshape(x.shape)


class Attending(Segmented):
    """A convolution and its transpose with attention between them."""

    per_sample = True
    multiple, least = 2, 4  # instance norm takes more than one pixel
    middle = Attention

    def __init__(self, in_channels: int = 3, out_channels: int = 3, *, filters: int = 8, norm: str = "instance"):
        super().__init__()
        self.net = nn.Sequential(
            *(nn.Conv2d(in_channels, filters, 4, 2, 1), NORMS[norm](filters), nn.SiLU()),
            self.middle(filters),
            *(nn.ConvTranspose2d(filters, out_channels, 4, 2, 1), nn.Tanh()),
        )

    def segments(self) -> Iterator[list[Step]]:
        yield list(self.net)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return self.run(self.net, pad_to(x, self.multiple, self.least))[..., :height, :width]


class Sharpened(nn.Module):
    """A layer that says how far it sees."""

    per_sample = True
    reach = 1

    def __init__(self, channels: int):
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x - nnf.avg_pool2d(nnf.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


class Sharpening(Attending):
    """The same network with a layer in the middle that sees its neighbours only."""

    middle = Sharpened


class BatchDeviation(nn.Module):
    """Minibatch standard deviation (Karras et al. 2018): it mixes the images of a batch, and says nothing of it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.std(0, keepdim=True).expand_as(x)[:, :1]], 1)
