"""The stages of a generator: its maps of features before each change of size, of any network that lists its steps.

Two networks have a stage in common where both have maps of one size on the same side of their smallest maps.
"""

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from translate.networks.layers import pad_to
from translate.networks.segments import Segmented, apply, checkpointed
from translate.networks.traits import PADDING

SIDE = 16  # of the smallest maps: padding doesn't hide their size


class Stage(NamedTuple):
    """A map of features: after how many of the network's steps, its channels, how often an image's sides are halved to
    its sides, and whether it is of the decoder, to which the smallest maps belong."""

    steps: int
    channels: int
    halvings: int
    decoder: bool


def outline(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode on the meta device: shapes without memory."""
    return copy.deepcopy(network).to("meta").eval()


def stages(network: nn.Module, in_channels: int) -> list[Stage]:
    """The last map of each size, of the padded image: without the image itself, and before the last layer with weights.
    [] for a network without steps."""
    if not isinstance(network, Segmented):
        return []
    outlined = outline(network)
    assert isinstance(outlined, Segmented)
    side = SIDE * outlined.multiple
    state: tuple[Tensor, ...] = (torch.empty(1, in_channels, side, side, device="meta"),)
    maps = [(0, in_channels, 0)]  # after so many steps: channels and halvings
    last = 0  # steps before the last one with weights
    for count, step in enumerate(outlined.steps(), 1):
        state = apply([step], *state)
        if isinstance(step, PADDING):
            continue
        if isinstance(step, nn.Module) and any(True for _ in step.parameters()):
            last = maps[-1][0]
        maps.append((count, state[0].shape[1], round(math.log2(side / state[0].shape[2]))))
    ends = [before for before, after in pairwise(maps) if before[2] != after[2]]
    ends += [one for one in maps if one[0] == last and one not in ends]
    smallest = max(halvings for _, _, halvings in maps)
    first = next(count for count, _, halvings in maps if halvings == smallest)
    return [Stage(*end, decoder=end[0] >= first) for end in ends if end[0]]


def shared_stages(one: nn.Module, other: nn.Module, in_channels: int) -> tuple[list[Stage], list[Stage]]:
    """The stages that two networks of the same inputs have in common, of each, in the first one's order."""
    theirs = {stage[2:]: stage for stage in stages(other, in_channels)}
    ours = {stage[2:]: stage for stage in stages(one, in_channels)}
    return [ours[key] for key in ours if key in theirs], [theirs[key] for key in ours if key in theirs]


def with_features(network: nn.Module, x: Tensor, wanted: Sequence[Stage]) -> tuple[Tensor, list[Tensor]]:
    """(network(x), its maps (B, channels, h, w) at the wanted stages), in one pass. The maps are of the image without
    the padding, which differs from network to network. x: (B, C, H, W)."""
    if not wanted:
        return network(x), []
    assert isinstance(network, Segmented)
    height, width = x.shape[2:]
    steps = list(network.steps())
    state: tuple[Tensor, ...] = (pad_to(x, network.multiple, network.least),)
    recompute = bool(network.parts) and torch.is_grad_enabled()
    found, done = [], 0
    for end in [*(stage.steps for stage in wanted), len(steps)]:
        part, done = steps[done:end], end
        random = any(isinstance(step, nn.Dropout) for step in part)
        state = checkpointed(part, *state) if recompute and not random else apply(part, *state)
        found.append(state[0])
    *maps, y = found
    sides = [(-(-height // 2**stage.halvings), -(-width // 2**stage.halvings)) for stage in wanted]
    cropped = [one[..., :rows, :columns] for one, (rows, columns) in zip(maps, sides, strict=True)]
    return network.summed(x, y[..., :height, :width]), cropped


def macs(network: nn.Module, in_channels: int, size: tuple[int, int]) -> int:
    """Multiply-adds of the network's convolutions and products for one image of `size` (height, width)."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        outline(network)(torch.empty(1, in_channels, *size, device="meta"))
    return counter.get_total_flops() // 2
