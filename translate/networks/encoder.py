"""A generator's encoder: features at some of its layers, of any network that lists its forward pass as steps."""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from torch import Tensor, nn

from translate.networks.layers import pad_to
from translate.networks.segments import Segmented, apply

UPSAMPLING = (nn.ConvTranspose2d, nn.Upsample, nn.PixelShuffle)


class Place(NamedTuple):
    """A map of features: after how many of the network's steps, and its channels."""

    steps: int
    channels: int


def places(network: nn.Module, in_channels: int) -> list[Place]:
    """Where CUT takes features (Park et al. 2020, appendix): the pixels, each stride-2 convolution or `blur_pool`, and
    the first and the middle residual block. ValueError for a network without steps.
    """
    if not isinstance(network, Segmented):
        raise ValueError(f"features need a network that lists its steps (resnet, unet, light), not {_name(network)}")
    pixels, downs, blocks = [Place(0, in_channels)], [], []
    channels = in_channels
    encoder = takewhile(lambda step: not _upsamples(step), network.steps())
    for count, step in enumerate(encoder, 1):
        if isinstance(step, nn.Conv2d):
            channels = step.out_channels
            if step.stride != (1, 1):
                downs.append(Place(count, channels))
        elif _pools(step):
            downs.append(Place(count, channels))
        elif step == "add":
            blocks.append(Place(count, channels))
    return [*pixels, *downs, *(blocks[at] for at in sorted({0, len(blocks) // 2}) if blocks)]


def features(network: nn.Module, x: Tensor, wanted: Sequence[Place]) -> list[Tensor]:
    """The maps (B, channels, h, w) of images x (B, C, H, W) at the wanted places, which are in rising order. The pass
    ends at the last one."""
    assert isinstance(network, Segmented)
    steps = list(network.steps())
    state: tuple[Tensor, ...] = (pad_to(x, network.multiple, network.least),)
    found, done = [], 0
    for place in wanted:
        state = apply(steps[done : place.steps], *state)
        done = place.steps
        found.append(state[0])
    return found


def _upsamples(step: nn.Module | str) -> bool:
    return isinstance(step, nn.Module) and any(isinstance(layer, UPSAMPLING) for layer in step.modules())


def _pools(step: nn.Module | str) -> bool:
    """Whether the step is a `blur_pool`."""
    return isinstance(step, nn.Sequential) and isinstance(step[-1], nn.AvgPool2d)


def _name(network: nn.Module) -> str:
    return type(network).__name__
