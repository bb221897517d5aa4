"""Our networks by name and arguments, without weights; describes where a state dict doesn't fit one."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from translate.errors import DAMAGED, UserError
from translate.networks import DISCRIMINATORS, GENERATORS
from translate.networks.layers import NORMS
from translate.networks.resnet import ResNetBlock

Shapes = dict[str, tuple[int, ...]]

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Architecture:
    """A network of ours by name, with the arguments that build it."""

    network: str
    arguments: dict[str, Any]

    @property
    def generates(self) -> bool:
        return self.network in GENERATORS

    def build(self, **changes: Any) -> nn.Module:
        """The network on the meta device, without weights, so that nothing is allocated."""
        with torch.device("meta"):
            return {**GENERATORS, **DISCRIMINATORS}[self.network](**{**self.arguments, **changes})

    def __str__(self) -> str:
        counts = [self.arguments[name] for name in ("blocks", "depth", "layers") if name in self.arguments]
        return in_words(self.network, *counts)


def in_words(network: str, count: int = 0) -> str:
    """A description such as 'a ResNet generator with 9 blocks'. count: number of blocks, levels or layers."""
    many = "" if count == 1 else "s"
    return {
        "resnet": f"a ResNet generator with {count} block{many}",
        "unet": f"a U-Net generator of depth {count}",
        "patch": f"a PatchGAN discriminator with {count} layer{many}",
        "pixel": "a 1×1 discriminator",
    }[network]


def mismatch(architecture: Architecture, shapes: Shapes, source: str) -> UserError | None:
    """The first difference between these names and shapes and the architecture's, as text; None if there is none."""
    network = architecture.build()
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    words = parts(network)
    for name, shape in expected.items():
        module, _, kind = name.rpartition(".")
        part = words[module] if kind == "weight" else f"the {kind.replace('_', ' ')} of {words[module]}"
        if name not in shapes:
            return _but(architecture, source, f"{part} is missing")
        if shapes[name] != shape:
            return _but(architecture, source, f"{part} is {times(shapes[name])} where {times(shape)} would fit")
    if extra := sorted(shapes.keys() - expected.keys()):
        return _but(architecture, source, f"it also has '{extra[0][:60]}', which such a network doesn't have")
    return None


def parts(network: nn.Module) -> dict[str, str]:
    """Module name -> its description, such as 'the second convolution of block 3'."""
    words: dict[str, str] = {}
    count: Counter[str] = Counter()
    block, last = "-", ""
    convolutions = [name for name, layer in network.named_modules() if isinstance(layer, CONVOLUTIONS)]
    for name, layer in network.named_modules():
        if isinstance(layer, ResNetBlock):
            block = f"{name}."
            count["block"] += 1
        elif isinstance(layer, CONVOLUTIONS):
            inside = name.startswith(block)
            down = layer.stride == (2, 2)
            kind = "upsampling " if isinstance(layer, nn.ConvTranspose2d) else "downsampling " if down else ""
            count[block if inside else kind] += 1
            if name in (convolutions[0], convolutions[-1]):
                last = f"the {'first' if name == convolutions[0] else 'last'} convolution"
            elif inside:
                last = f"the {'first' if count[block] == 1 else 'second'} convolution of block {count['block']}"
            else:
                last = f"the {kind}convolution {count[kind]}" if kind else f"the plain convolution {count[kind]}"
            words[name] = last
        elif not isinstance(layer, nn.Identity) and type(layer) in NORMS.values():
            words[name] = f"the norm after {last}"
    return words


def _but(architecture: Architecture, source: str, problem: str) -> UserError:
    return UserError(f"{source} looks like {architecture}, but {problem}.", DAMAGED)


def times(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape) or "a single number"
