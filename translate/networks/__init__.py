"""The networks by name, their settings, and the two functions that build them."""

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from torch import nn

from translate.networks.began import BEGANDiscriminator, BEGANGenerator
from translate.networks.dcgan import DCGANDiscriminator, DCGANGenerator, stages
from translate.networks.labelled import Labelled
from translate.networks.layers import Downsample, Init, Norm, Padding, Upsample, add_spectral_norm, initialise
from translate.networks.light import Light
from translate.networks.mlp import MLPDiscriminator, MLPGenerator
from translate.networks.patchgan import PatchGAN, Pixel, receptive_field
from translate.networks.progan import ProGANDiscriminator, ProGANGenerator
from translate.networks.projected import Projected
from translate.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from translate.networks.resnet import ResNet
from translate.networks.segments import Segmented, checkpoint_activations
from translate.networks.spade import SPADE
from translate.networks.unet import UNet
from translate.settings import Settings

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "LATENT",
    "SEVERAL",
    "DiscriminatorSettings",
    "GeneratorSettings",
    "build_discriminator",
    "build_generator",
    "checkpoint_activations",
    "construct",
    "receptive_field",
    "takes",
]

GENERATORS: dict[str, type[nn.Module]] = {  # image → image
    "resnet": ResNet,
    "unet": UNet,
    "light": Light,
    "spade": SPADE,
}
LATENT: dict[str, type[nn.Module]] = {  # z → image
    "mlp": MLPGenerator,
    "dcgan": DCGANGenerator,
    "r3gan": R3GANGenerator,
    "progan": ProGANGenerator,
    "began": BEGANGenerator,
}
DISCRIMINATORS: dict[str, type[nn.Module]] = {
    "patch": PatchGAN,
    "pixel": Pixel,
    "dcgan": DCGANDiscriminator,
    "r3gan": R3GANDiscriminator,
    "progan": ProGANDiscriminator,
    "began": BEGANDiscriminator,
    "mlp": MLPDiscriminator,
    "projected": Projected,
}
INIT = "normal (paper), xavier, kaiming or orthogonal; r3gan and progan have their own"
SEVERAL = ("patch", "dcgan", "r3gan", "progan", "mlp", "projected")  # discriminators that may have several outputs
SIZED = ("dcgan", "r3gan", "progan", "began")  # networks of certain sizes only


def takes(network: type[nn.Module]) -> list[str]:
    """The names of a network's keyword-only arguments: the settings that it has besides its channels."""
    return inspect.getfullargspec(network.__init__).kwonlyargs


def _one_of(name: str, known: Mapping[str, Any]) -> str:
    if name not in known:
        raise ValueError(f"known networks are: {', '.join(known)}")
    return name


class GeneratorSettings(Settings):
    network: str = Field("resnet", description=f"of images: {', '.join(GENERATORS)}; from noise: {', '.join(LATENT)}")
    filters: int = Field(
        64, ge=1, description="channels at full size (dcgan: of the last feature map; mlp: units of a layer)"
    )
    blocks: int = Field(9, ge=0, description="resnet, light: residual blocks; 9 at 256 px and 6 at 128 px in the "
                        "paper; mlp: layers; r3gan: blocks a resolution")  # fmt: skip
    downs: int = Field(2, ge=0, le=6, description="resnet, light: stride-2 convolutions before the blocks")
    kernel: Literal[1, 3, 5, 7, 9] = Field(7, description="resnet: size of the first and last convolution")
    depth: int = Field(0, ge=0, le=12, description="unet: stride-2 convolutions, up to 8; spade: doublings of a map of "
                       "8 px; 0 chooses by the image size")  # fmt: skip
    norm: Norm = Field("instance", description="instance, batch, group or none")
    dropout: bool = Field(False, description="dropout of ½ in the middle layers: pix2pix's only noise")
    padding: Padding = Field("reflect", description="resnet, light: reflect (paper), replicate or zeros")
    downsampling: Downsample = Field(
        "stride", description="resnet: stride (paper), or blur: anti-aliased, as in CUT's program (Zhang 2019)"
    )
    upsampling: Upsample = Field(
        "deconv", description="deconv (paper); resize, shuffle or blur (bilinear, anti-aliased) avoid checkerboards"
    )
    embedding: int = Field(
        0, ge=0, le=4096, description="from noise: length of a vector learned for each class; 0 = one-hot classes"
    )
    residual: bool = Field(False, description="G(x) = clamp(x + f(x)) instead of tanh(f(x))")
    inward_gradient: bool = Field(False, description="light, residual: the clamp lets the gradient through that leads "
                                  "back into [-1, 1], so that black and white can become any colour")  # fmt: skip
    init: Init = Field("normal", description=INIT)
    init_gain: float = Field(0.02, gt=0, description="scale of the initial weights (normal: their σ)")

    @field_validator("network")
    @classmethod
    def _known(cls, name: str) -> str:
        return _one_of(name, {**GENERATORS, **LATENT})

    def for_size(self, height: int, width: int) -> "GeneratorSettings":
        """These settings, with those that depend on the image size (pixels) filled in; ValueError if the network can't
        have that size."""
        if self.network in SIZED:
            stages((height, width))
        if self.network not in ("unet", "spade") or self.depth:
            return self
        doublings = int(math.log2(min(height, width)))
        depth = min(8, max(2, doublings)) if self.network == "unet" else min(6, max(1, doublings - 3))
        return self.model_copy(update={"depth": depth})

    def arguments(
        self,
        in_channels: int,
        out_channels: int,
        size: tuple[int, int] = (0, 0),
        classes: int = 0,
        palette: Sequence[int] = (),
        targets: int = 0,
    ) -> dict[str, Any]:
        """The network's keyword arguments, as JSON holds them; with `network` they describe it in a generator file.

        size: in pixels, which the networks in LATENT need. classes: how many of in_channels are one-hot classes.
        palette: of label maps, see `construct`. targets: further channels, one-hot, for as many target domains.
        """
        arguments = _arguments(self, {**GENERATORS, **LATENT}[self.network], size, targets)
        if not targets:
            arguments.pop("targets", None)  # as in files of earlier versions
        if arguments.get("downsampling") == "stride":
            del arguments["downsampling"]  # as in files of earlier versions
        if "embedding" in arguments:
            del arguments["embedding"], arguments["classes"]
            if self.embedding and classes:
                arguments |= {"classes": classes, "embedding": self.embedding}
        if palette:
            arguments["palette"] = list(palette)
        return {"in_channels": in_channels, "out_channels": out_channels, **arguments}


class DiscriminatorSettings(Settings):
    network: str = Field(
        "patch", description=f"one of {', '.join(DISCRIMINATORS)}; projected needs the weights of the extra 'scores'"
    )
    filters: int = Field(64, ge=1, description="channels after the first convolution; mlp: units of a layer")
    layers: int = Field(
        0,
        ge=0,
        le=6,
        description="patch: stride-2 convolutions, 0 chooses by the image size; mlp: layers, r3gan: blocks a "
        "resolution, 0 means 2",
    )
    stop: Literal[1, 2] = Field(2, description="patch: stride-1 convolutions at the end; 2 in the paper")
    norm: Norm = Field("instance", description="instance, batch, group or none")
    spectral_norm: bool = Field(False, description="spectral normalisation of every layer (Miyato et al. 2018)")
    init: Init = Field("normal", description=INIT)
    init_gain: float = Field(0.02, gt=0, description="scale of the initial weights (normal: their σ)")

    @field_validator("network")
    @classmethod
    def _known(cls, name: str) -> str:
        return _one_of(name, DISCRIMINATORS)

    @model_validator(mode="after")
    def _has_singular_values(self) -> "DiscriminatorSettings":
        if self.spectral_norm and self.network == "r3gan":
            raise ValueError(
                "spectral_norm divides weights by their largest singular value, and r3gan's blocks begin with zeros; "
                "set spectral_norm to false"
            )
        return self

    def for_size(self, height: int, width: int) -> "DiscriminatorSettings":
        """These settings, with those that depend on the image size (pixels) filled in: a patch is much smaller than the
        image. ValueError if the network can't have that size."""
        if self.network in SIZED:
            stages((height, width))
        if self.network in ("mlp", "r3gan"):
            return self.model_copy(update={"layers": self.layers or 2})
        if self.network != "patch" or self.layers:
            return self
        side = min(height, width)
        return self.model_copy(update={"layers": 1 if side < 48 else 2 if side < 128 else 3})

    def arguments(self, in_channels: int, size: tuple[int, int] = (0, 0)) -> dict[str, Any]:
        """The network's keyword arguments, as JSON holds them. size: height and width in pixels, for dcgan and mlp."""
        return {"in_channels": in_channels, **_arguments(self, DISCRIMINATORS[self.network], size)}


def _arguments(settings: Settings, network: type[nn.Module], size: tuple[int, int], targets: int = 0) -> dict[str, Any]:
    """The settings that are the network's keyword arguments."""
    given = {"size": list(size), "classes": 0, "targets": targets}
    return {name: given[name] if name in given else getattr(settings, name) for name in takes(network)}


def construct(network: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A generator by its name and its `GeneratorSettings.arguments`. With a palette (red, green and blue of each class
    in turn, 0 to 255) it takes label maps, as pictures of these colours. ValueError for a palette that is none."""
    kind, rest = {**GENERATORS, **LATENT}[network], dict(arguments)
    palette = rest.pop("palette", [])
    if not palette:
        return kind(**rest)
    if network not in GENERATORS or rest["in_channels"] != 3 or len(palette) % 3 or not min(palette) >= 0:
        raise ValueError("its palette of label maps is none")
    return Labelled(kind(**{**rest, "in_channels": len(palette) // 3}), palette)


def build_generator(
    settings: GeneratorSettings,
    in_channels: int,
    out_channels: int,
    size: tuple[int, int] = (0, 0),
    classes: int = 0,
    palette: Sequence[int] = (),
    targets: int = 0,
) -> nn.Module:
    """A new generator, initialised from torch's random numbers: (B, in, H, W) → (B, out, H, W) in [-1, 1]; with targets
    (B, in + targets, H, W); the networks in LATENT: (B, in) → (B, out, H, W)."""
    arguments = settings.arguments(in_channels, out_channels, size, classes, palette, targets)
    network = construct(settings.network, arguments)
    for module in [each for each in network.modules() if isinstance(each, Segmented)]:
        module.inward_gradient = settings.inward_gradient
    initialise(network, settings.init, settings.init_gain)
    return network


def build_discriminator(
    settings: DiscriminatorSettings, in_channels: int, size: tuple[int, int] = (0, 0), outputs: int = 1
) -> nn.Module:
    """A new discriminator (B, in, H, W) → (B, outputs, h, w) logits, initialised from torch's random numbers. Several
    outputs: of the networks in SEVERAL only."""
    several = {"outputs": outputs} if outputs > 1 else {}
    network = DISCRIMINATORS[settings.network](**settings.arguments(in_channels, size), **several)
    initialise(network, settings.init, settings.init_gain)
    if settings.spectral_norm:
        add_spectral_norm(network)
    return network
