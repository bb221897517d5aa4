"""A network's steps with every run of norm, activation, sum and padding as one: how networks are played on CUDA.

The layers stay the network's own, so its keys, its weights and what training does to them are untouched.
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
ALIGNED = 8  # channels: what tensor cores take at once in half precision


@dataclass
class Fused:
    """pad(act(norm(x)) + skip): takes the skip from the stack, puts the result without the pad there for `push`."""

    norm: nn.Module | None = None
    slope: float = 1.0  # of the activation below 0; 1 is none
    add: bool = False
    push: bool = False
    pad: int = 0
    kind: str = "zeros"
    channels: int = 0  # for half precision: those of the image that comes next, in multiples of ALIGNED
    dead: "Convolution | None" = None  # the convolution before, of which the norm takes the bias away

    def __call__(self, x: Tensor, stack: list[Tensor]) -> Tensor:
        norm, skip, half = self.norm, stack.pop() if self.add else None, _half(x)
        if norm is None and not self.pad and self.slope == 1 and half is None:
            return x  # the image in float32: nothing to do
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
    """A layer's convolution, of what is padded already unless by zeros: with 3 channels made 8 in half precision, and
    without the bias that a norm takes away."""

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
    """The half precision that a convolution of x works in, if it does."""
    kind = x.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
    return dtype if dtype in (torch.bfloat16, torch.float16) else None


@torch.no_grad()
def _track(norm: nn.BatchNorm2d, stats: Tensor, count: int) -> None:
    """Move the running statistics as torch's batch norm does."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    momentum = norm.momentum or 0.1
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(stats[0, 0], momentum)
    norm.running_var.lerp_(stats[2, 0] * (count / max(1, count - 1)), momentum)


def can_fuse(layer: object) -> bool:
    """Whether there are kernels for the norm as it is now."""
    if isinstance(layer, nn.BatchNorm2d):
        return layer.training and distributed.world_size() == 1
    if isinstance(layer, nn.GroupNorm):
        size = layer.num_channels // layer.num_groups
        return size & (size - 1) == 0 and size <= 64
    return isinstance(layer, nn.InstanceNorm2d) and not layer.affine and not layer.track_running_stats


def plan(steps: Sequence[Step]) -> list[Planned]:
    """The steps, fused where they can be."""
    todo, planned = _plain_steps(steps), list[Planned]()
    at = 0
    while at < len(todo):
        step = todo[at]
        if can_fuse(step) or isinstance(step, Fused) or (_slope(step) is not None and planned[-1:] != ["push"]):
            fused, after = _run(todo, at)
            if fused.norm is None and not fused.pad and not fused.channels:
                planned.append(step)  # an activation alone
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
    """The steps without containers and identities, with what pads as a step of its own."""
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
    """The longest run from `at` on that one fused step can do, and where it ends."""
    fused, rest = Fused(), [*todo, "", "", ""]
    if isinstance(norm := rest[at], NORMS):
        fused.norm = norm
        at += 1
        if rest[at] == "push" and _slope(rest[at + 1]) is not None and cast(nn.ReLU, rest[at + 1]).inplace:
            fused.push = True  # what works in place changes what was pushed, too
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
    """What an activation multiplies negative numbers by; None for other steps."""
    if isinstance(step, nn.LeakyReLU):
        return step.negative_slope
    return 0.0 if isinstance(step, nn.ReLU) else None
