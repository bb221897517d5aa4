"""The fused plan of a network for CUDA: each sequence of norm, activation, sum and padding becomes one step.

The plan refers to the network's own layers, so its state dict and its training are unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.networks.fused.function import norm_act_pad
from translate.networks.fused.spec import Spec
from translate.system import distributed

Step = nn.Module | str  # as in checkpointing.py
KINDS: dict[type, str] = {nn.ReflectionPad2d: "reflect", nn.ReplicationPad2d: "replicate", nn.ZeroPad2d: "zeros"}
NORMS = (nn.InstanceNorm2d, nn.GroupNorm, nn.BatchNorm2d)
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
ALIGNED = 8  # channels: in half precision tensor cores need multiples of this


@dataclass
class Fused:
    """pad(act(norm(x)) + skip). add: pop the skip from the stack. push: push the result without the pad."""

    norm: nn.Module | None = None
    slope: float = 1.0  # of the activation for negative values; 1: no activation
    add: bool = False
    push: bool = False
    pad: int = 0
    kind: str = "zeros"
    channels: int = 0  # in half precision: channels of the result, a multiple of ALIGNED; 0: as x
    dead: "Convolution | None" = None  # the preceding convolution, whose bias the norm cancels

    def __call__(self, x: Tensor, stack: list[Tensor]) -> Tensor:
        norm, skip, half = self.norm, stack.pop() if self.add else None, _half(x)
        if norm is None and not self.pad and self.slope == 1 and half is None:
            return x  # float32 input without padding: nothing to do
        weight, bias, group, eps = None, None, 0, 0.0
        if isinstance(norm, nn.GroupNorm):
            weight, bias, group, eps = norm.weight, norm.bias, norm.num_channels // norm.num_groups, norm.eps
        elif isinstance(norm, nn.BatchNorm2d):
            weight, bias, group, eps = norm.weight, norm.bias, 1, norm.eps
        elif isinstance(norm, nn.InstanceNorm2d):
            group, eps = 1, norm.eps
        batch = isinstance(norm, nn.BatchNorm2d)
        channels = self.channels if half is not None and norm is None else 0
        spec = Spec(group, batch, eps, self.slope, self.pad, self.kind, channels, self.push and self.pad > 0)
        dead = self.dead.layer.bias if self.dead is not None else None
        dtype = half if norm is None and channels else None
        padded, plain, stats = norm_act_pad(x, spec, weight, bias, skip, dead, dtype)
        if isinstance(norm, nn.BatchNorm2d):
            assert stats is not None
            _track(norm, stats, x.numel() // x.shape[1])
        if self.push:
            stack.append(plain)
        return padded


@dataclass
class Convolution:
    """A layer's convolution. The input has its reflect or replicate padding already; zero padding is done here.

    In half precision fewer than 8 channels are filled up to 8. biased: False leaves out a bias that a norm cancels.
    """

    layer: nn.Conv2d | nn.ConvTranspose2d
    biased: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        layer, weight = self.layer, self.layer.weight
        bias = layer.bias if self.biased else None
        after, missing, wide = layer.out_channels, x.shape[1] - layer.in_channels, 0
        if isinstance(layer, nn.ConvTranspose2d):
            padding = cast(tuple[int, int], layer.padding)
            return F.conv_transpose2d(
                x, weight, bias, layer.stride, padding, layer.output_padding, layer.groups, layer.dilation
            )
        if after < ALIGNED and _half(x) is not None:
            wide = -after % ALIGNED
            bias = None if bias is None else F.pad(bias, (0, wide))
        if missing or wide:
            weight = F.pad(weight, (0, 0, 0, 0, 0, missing, 0, wide))
        padded = 0 if layer.padding_mode != "zeros" else layer.padding
        y = F.conv2d(x, weight, bias, layer.stride, padded, layer.dilation, layer.groups)
        return y[:, :after] if wide else y


Planned = Step | Fused | Convolution


def _half(x: Tensor) -> torch.dtype | None:
    """The dtype of a convolution of x if it is bfloat16 or float16, else None."""
    kind = x.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
    return dtype if dtype in (torch.bfloat16, torch.float16) else None


@torch.no_grad()
def _track(norm: nn.BatchNorm2d, stats: Tensor, count: int) -> None:
    """Update the running statistics as torch's batch norm does. count: values per channel."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    momentum = norm.momentum or 0.1
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(stats[0, 0], momentum)
    norm.running_var.lerp_(stats[2, 0] * (count / max(1, count - 1)), momentum)


def can_fuse(layer: object) -> bool:
    """Whether the kernels support the norm in its present mode."""
    if isinstance(layer, nn.BatchNorm2d):
        return layer.training and distributed.world_size() == 1
    if isinstance(layer, nn.GroupNorm):
        size = layer.num_channels // layer.num_groups
        return size & (size - 1) == 0 and size <= 64
    return isinstance(layer, nn.InstanceNorm2d) and not layer.affine and not layer.track_running_stats


def plan(steps: Sequence[Step]) -> list[Planned]:
    """The plan for a network's steps: fused steps where the kernels support them, the steps themselves elsewhere."""
    todo = _plain_steps(steps)
    planned: list[Planned] = []
    at = 0
    while at < len(todo):
        step = todo[at]
        if can_fuse(step) or isinstance(step, Fused) or (_slope(step) is not None and planned[-1:] != ["push"]):
            fused, after = _run(todo, at)
            if fused.norm is None and not fused.pad and not fused.channels:
                planned.append(step)  # a single activation
                at += 1
                continue
            if isinstance(fused.norm, nn.InstanceNorm2d) and planned and isinstance(planned[-1], Convolution):
                fused.dead = planned[-1]
                planned[-1].biased = False
            planned.append(fused)
            at = after
        else:
            planned.append(Convolution(step) if isinstance(step, CONVOLUTIONS) else step)
            at += 1
    return planned


def _plain_steps(steps: Sequence[Step]) -> list[Step | Fused]:
    """The steps without containers and identities; each padding except a convolution's zeros becomes a Fused step."""
    flat: list[Step | Fused] = []
    for step in steps:
        if isinstance(step, nn.Sequential):
            flat += _plain_steps(list(step))
        elif isinstance(step, tuple(KINDS)):
            flat.append(Fused(pad=cast(nn.ReflectionPad2d, step).padding[0], kind=KINDS[type(step)]))
        elif isinstance(step, nn.Conv2d):
            if step.padding_mode in ("reflect", "replicate") and step.padding != (0, 0):
                flat.append(Fused(pad=cast(tuple[int, int], step.padding)[0], kind=step.padding_mode))
            if step.in_channels < ALIGNED:
                before = flat.pop() if flat and isinstance(flat[-1], Fused) else Fused()
                assert isinstance(before, Fused)
                before.channels = ALIGNED
                flat.append(before)
            flat.append(step)
        elif not isinstance(step, nn.Identity):
            flat.append(step)
    return flat


def _run(todo: Sequence[Step | Fused], at: int) -> tuple[Fused, int]:
    """(fused step, end): the longest sequence of steps from `at` on that one fused step can compute."""
    fused, rest = Fused(), [*todo, "", "", ""]
    if isinstance(norm := rest[at], NORMS):
        fused.norm = norm
        at += 1
        if rest[at] == "push" and _slope(rest[at + 1]) is not None and cast(nn.ReLU, rest[at + 1]).inplace:
            fused.push = True  # an activation in place changes the pushed tensor as well
            at += 1
    if (slope := _slope(rest[at])) is not None:
        fused.slope = slope
        at += 1
    if fused.norm is not None and not fused.push and rest[at] == "add":
        fused.add = True
        at += 1
    if not fused.push and rest[at] == "push" and (fused.norm is not None or isinstance(rest[at + 1], Fused)):
        fused.push = True
        at += 1
    if isinstance(pad := rest[at], Fused):
        fused.pad, fused.kind, fused.channels = pad.pad, pad.kind, pad.channels
        at += 1
    return fused, at


def _slope(step: object) -> float | None:
    """The factor of an activation for negative values; None for other steps."""
    if isinstance(step, nn.LeakyReLU):
        return step.negative_slope
    return 0.0 if isinstance(step, nn.ReLU) else None
