"""The layers and the stage of networks that grow (Karras et al. 2018, "Progressive Growing of GANs")."""

import math
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from translate.system import distributed


class Growth:
    """The stage s of a network's growth: level l = ⌈s⌉ doublings of the smallest size, of which the last is faded in
    with the weight α = s - (l - 1) while s is no whole number. Copies of a network share it."""

    def __init__(self, stage: float):
        self.set(stage)

    def set(self, stage: float) -> None:
        """Decides which layers take part; α itself is a tensor of the network."""
        self.level, self.fading = math.ceil(stage), stage != math.ceil(stage)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Growth":
        return self


class Growing(nn.Module):
    """The base of such networks. stage: the buffer with s, part of the state dict. They begin fully grown."""

    stage: Tensor

    def grows(self, doublings: int) -> None:
        """To be called once, when the network is made."""
        self.register_buffer("stage", torch.tensor(float(doublings)))
        self.growth = Growth(doublings)

    def grow(self, stage: float) -> None:
        """Set the stage, in place."""
        self.growth.set(stage)
        self.stage.fill_(stage)

    def alpha(self) -> Tensor:
        """The weight of the level that is being faded in."""
        return self.stage - (self.growth.level - 1)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if f"{prefix}stage" in state_dict:
            self.growth.set(float(state_dict[f"{prefix}stage"]))


class EqualConv(nn.Conv2d):
    """A convolution with weights ~ N(0, 1) that are multiplied by gain/√inputs at every pass (section 4.1)."""

    per_sample = True

    def __init__(self, before: int, after: int, kernel: int, padding: int = 0, gain: float = math.sqrt(2)):
        super().__init__(before, after, kernel, padding=padding)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        self.scale = gain / math.sqrt(before * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        return nnf.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class PixelNorm(nn.Module):
    """x / √(mean of x² over the channels), at every pixel, in float32 (section 4.2)."""

    per_sample = True

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide * (wide.square().mean(1, keepdim=True) + 1e-8).rsqrt()).to(x.dtype)


class MinibatchDeviation(nn.Module):
    """One channel more: the standard deviation over the batch, all processes' images, of each feature at each place,
    averaged to one number (section 3)."""

    def forward(self, x: Tensor) -> Tensor:
        wide, count = x.float(), len(x) * distributed.world_size()
        mean = _sum(wide.sum(0, keepdim=True)) / count
        variance = _sum((wide - mean).square().sum(0)) / count
        deviation = (variance + 1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], 1)


def _sum(x: Tensor) -> Tensor:
    return x if distributed.world_size() == 1 else distributed.AllReduceSum.apply(x)


def doubled(x: Tensor, times: int = 1) -> Tensor:
    """Each pixel as a square of 2^times pixels."""
    return nnf.interpolate(x, scale_factor=2.0**times, mode="nearest") if times else x


def halved(x: Tensor, times: int = 1) -> Tensor:
    """Means of squares of 2^times pixels."""
    return nnf.avg_pool2d(x, 2**times) if times else x


def faded(old: Tensor, new: Tensor, alpha: Tensor) -> Tensor:
    """(1 - α) old + α new."""
    return old + alpha.to(new.dtype) * (new - old)
