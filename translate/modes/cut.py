"""CUT and FastCUT: unpaired translation in one direction by patchwise contrastive learning (Park et al. 2020).

L = L_GAN(G, D, X, Y) + λ_X L_PatchNCE(G, H, X) + λ_Y L_PatchNCE(G, H, Y)       (section 3, the final objective)
"""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.objectives import DESCRIPTION, Objective
from translate.networks.encoder import features, places
from translate.system import image_rng


class CUTSettings(ModeSettings):
    objective: str = Field("lsgan", description=DESCRIPTION.format(first="lsgan"))
    lambda_x: float = Field(1.0, ge=0, description="λ_X: weight of PatchNCE between x and G(x)")
    lambda_y: float = Field(1.0, ge=0, description="λ_Y: weight of PatchNCE between y and G(y), an identity loss")
    tau: float = Field(0.07, gt=0, description="τ: temperature of PatchNCE")
    locations: int = Field(256, ge=2, description="places of each map of features that PatchNCE compares")
    units: int = Field(256, ge=1, description="units of the two layers of each MLP H_l")
    flip_equivariance: bool = Field(
        False, description="G gets half of its images mirrored, and its features are mirrored back"
    )


class FastCUTSettings(CUTSettings):
    lambda_x: float = Field(10.0, ge=0, description="λ_X: weight of PatchNCE between x and G(x)")
    lambda_y: float = Field(0.0, ge=0, description="λ_Y: weight of PatchNCE between y and G(y), an identity loss")
    flip_equivariance: bool = Field(
        True, description="G gets half of its images mirrored, and its features are mirrored back"
    )


class Heads(nn.Module):
    """H: an MLP of two layers for each map of features. Vectors (B, S, C_l) of S places → (B, S, units) of length 1."""

    per_sample = True

    def __init__(self, channels: list[int], units: int):
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(count, units), nn.ReLU(), nn.Linear(units, units)) for count in channels
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, vectors: list[Tensor]) -> list[Tensor]:
        return [nnf.normalize(head(v).float(), dim=2) for head, v in zip(self.heads, vectors, strict=True)]


class CUT(Mode):
    """One generator G: X → Y, a discriminator D, and the MLPs H on the features of G's encoder."""

    Settings = CUTSettings
    # The paper's: the ResNet of CycleGAN, a 70×70 PatchGAN, resize to 286, crop to 256, flip.
    defaults = {
        "generator": {"network": "resnet", "norm": "instance", "init": "xavier"},
        "discriminator": {"norm": "instance", "init": "xavier"},
        "train": {"batch": 1},
    }
    players = {"D": ["D"], "G": ["G", "H"]}
    generators = {"a2b": "G"}

    def __init__(
        self,
        settings: CUTSettings,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...] = (3, 3),
    ):
        if channels[0] != channels[1]:
            raise UserError(
                f"this mode compares features of both domains, which need as many channels, not {channels[0]} and "
                f"{channels[1]}; set data.channels_a and data.channels_b alike."
            )
        self.settings, self.objective = settings, objective
        self.G, self.D = generator(*channels), discriminator(channels[1])
        self.places = places(self.G, channels[0])
        if len(self.places) < 3:
            raise UserError("PatchNCE compares features of an encoder, which this generator lacks; use resnet or unet.")
        self.H = Heads([place.channels for place in self.places], settings.units)
        self.networks = {"G": self.G, "D": self.D, "H": self.H}
        self.pools = {}
        self.weight_clip = {"D": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C, H, W), y (B, C, H, W): images of the two domains in [-1, 1], not paired. Yields the losses of each
        player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        s = self.settings
        D = self.critic(self.D, progress)
        mirrored = image_rng.uniform(len(x), 1, 1, 1, device=x.device) < 0.5 if s.flip_equivariance else None
        shown_x, shown_y = mirror(x, mirrored), mirror(y, mirrored)
        G = self.fused(self.G, shown_x, shown_y) if s.lambda_y else self.G
        fake = G(shown_x)  # ŷ
        real, faked = D(y, fake.detach())
        losses = {"D": 0.5 * self.discriminator_loss(real, faked), **self.penalties((D, y, fake))}
        yield Turn("D", losses, self.diagnostics(real, faked))

        losses = {"gan": self.generator_loss(D, fake, y)}
        if s.lambda_x:
            losses["nce_X"] = s.lambda_x * self.patch_nce(x, fake, mirrored)
        if s.lambda_y:
            losses["nce_Y"] = s.lambda_y * self.patch_nce(y, G(shown_y), mirrored)
        yield Turn("G", losses)

    def patch_nce(self, x: Tensor, output: Tensor, mirrored: Tensor | None) -> Tensor:
        """L_PatchNCE: at S places of each map, output's vector v is to be nearest to v⁺, x's at the same place, of all
        the vectors v⁻ of x at the other places: -log exp(v·v⁺/τ) / (exp(v·v⁺/τ) + Σ exp(v·v⁻/τ)), mean over places and
        layers. No gradient flows into x's vectors."""
        of_output = [mirror(f, mirrored) for f in features(self.G, output, self.places)]
        with torch.no_grad():
            of_x = features(self.G, x, self.places)
        at = [sampled(f, self.settings.locations) for f in of_x]
        v = self.H([taken(f, a) for f, a in zip(of_output, at, strict=True)])
        with torch.no_grad():
            positive = self.H([taken(f, a) for f, a in zip(of_x, at, strict=True)])
        losses = []
        for query, key in zip(v, positive, strict=True):
            logits = torch.bmm(query, key.mT) / self.settings.tau  # (B, S, S): the diagonal has v·v⁺/τ
            losses.append((logits.logsumexp(2) - logits.diagonal(dim1=1, dim2=2)).mean())
        return torch.stack(losses).mean()


class FastCUT(CUT):
    """CUT without L_PatchNCE(Y), with a larger λ_X and flip equivariance: fewer passes."""

    Settings = FastCUTSettings


def mirror(x: Tensor, mirrored: Tensor | None) -> Tensor:
    """x (B, …, W) with the images mirrored for which `mirrored` (B, 1, 1, 1) is true; None: none of them."""
    return x if mirrored is None else torch.where(mirrored, x.flip(3), x)


def sampled(maps: Tensor, count: int) -> Tensor | None:
    """`count` places of each map (B, C, h, w) without replacement: indices (B, count); None: all of them."""
    size = math.prod(maps.shape[2:])
    if size <= count:
        return None
    return image_rng.uniform(len(maps), size, device=maps.device).topk(count, sorted=False).indices


def taken(maps: Tensor, at: Tensor | None) -> Tensor:
    """Vectors (B, S, C) of maps (B, C, h, w) at the places of `sampled`."""
    vectors = maps.flatten(2).mT
    return vectors if at is None else vectors.gather(1, at[..., None].expand(-1, -1, vectors.shape[2]))
