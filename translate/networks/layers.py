"""Layers shared by the networks: norms in float32, dropout, padding, upsampling; and initialisation."""

from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.system import distributed, image_rng

Norm = Literal["instance", "batch", "group", "none"]
Padding = Literal["reflect", "replicate", "zeros"]
Upsample = Literal["deconv", "resize", "shuffle", "blur"]
Downsample = Literal["stride", "blur"]
Init = Literal["normal", "xavier", "kaiming", "orthogonal"]


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm without parameters, always computed in float32: fp16 variances overflow near 30,000."""

    per_sample = True

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype)


class GroupNorm(nn.GroupNorm):
    """Group norm of 8 channels a group where that divides them (32 groups of 256), always computed in float32."""

    per_sample = True

    def __init__(self, channels: int):
        super().__init__(channels // 8 if channels % 8 == 0 else 1, channels)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting() or x.device.type != "cpu" or x.shape[-2] * x.shape[-1] <= 1 << 16:
            return super().forward(x.float()).to(x.dtype)
        # In channels_last torch sums in plain float32: errors of 4e-5 at 256 × 256, and of 3e-2 at 3840 × 2160.
        y = super().forward(x.float().contiguous()).to(x.dtype)
        return y if x.is_contiguous() else y.contiguous(memory_format=torch.channels_last)


class BatchNorm(nn.BatchNorm2d):
    """Batch norm, always computed in float32, over the images of all processes.

    (torch's SyncBatchNorm is for GPUs only.)
    """

    reach = 0  # in evaluation

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or distributed.world_size() == 1:
            return super().forward(x.float()).to(x.dtype)
        x32, shape = x.float(), (1, -1, 1, 1)
        count = distributed.world_size() * x32.numel() // x32.shape[1]
        mean = distributed.AllReduceSum.apply(x32.sum((0, 2, 3))) / count
        centred = x32 - mean.view(shape)
        variance = distributed.AllReduceSum.apply(centred.square().sum((0, 2, 3))) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                self.running_mean.lerp_(mean, self.momentum or 0.1)
                self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum or 0.1)
        y = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(x.dtype)


class NearestUpsample(nn.Upsample):
    """Nearest-neighbour upsampling in the input's precision; autocast would copy to float32 for the same numbers."""

    per_sample, reach = True, 1  # see traits.py

    def forward(self, x: Tensor) -> Tensor:
        if x.is_meta or not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x)


class Dropout(nn.Dropout):
    """Dropout with per-image random numbers (`image_rng`): the masks don't depend on processes and threads."""

    reach = 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = image_rng.uniform(len(x), *x.shape[1:], device=x.device) >= self.p
        return x * kept / (1 - self.p)


class InwardClamp(torch.autograd.Function):
    """clamp(y, -1, 1), which stops only a gradient that would move y further out. torch's clamp stops every gradient,
    so that where x is black or white and f has the wrong sign, x + f(x) can't learn another colour."""

    @staticmethod
    def forward(ctx: Any, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return y.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradient * ((y.abs() <= 1) | (gradient * y > 0))


def has_spectral_norm(network: nn.Module) -> bool:
    """Whether every forward pass in training updates the weights' singular vectors: see `add_spectral_norm`."""
    return any(hasattr(layer, "parametrizations") for layer in network.modules())


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "instance": InstanceNorm,
    "batch": BatchNorm,
    "group": GroupNorm,
    "none": lambda channels: nn.Identity(),
}


def has_bias(norm: str) -> bool:
    """Whether a convolution before `norm` has a bias.

    As in the published networks before instance norm, which has no shift (batch and group norm do). Without a norm a
    bias is needed too; the reference implementation has none there.
    """
    return norm in ("instance", "none")


def free_of_parameters(norm: nn.Module) -> nn.Module:
    """The norm without scale and shift, as for layers that have theirs from elsewhere."""
    for name in ("weight", "bias"):
        if getattr(norm, name, None) is not None:
            norm.register_parameter(name, None)
    return norm


def pad(kind: str, size: int) -> nn.Module:
    """A layer that pads by `size` pixels on every side."""
    return {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d, "zeros": nn.ZeroPad2d}[kind](size)


def upsample(kind: str, before: int, after: int, kernel: int, bias: bool, padding: Padding = "zeros") -> nn.Module:
    """A layer that doubles height and width: deconv, the papers' transposed convolution of `kernel` 3 or 4; resize,
    nearest-neighbour then 3×3; shuffle, 3×3 then pixel shuffle; blur, bilinear then 3×3. Only the first may leave
    checkerboard artefacts."""
    if kind == "deconv":
        return nn.ConvTranspose2d(before, after, kernel, 2, 1, output_padding=4 - kernel, bias=bias)
    channels = 4 * after if kind == "shuffle" else after
    convolution = nn.Conv2d(before, channels, 3, padding=1, bias=bias, padding_mode=padding)
    if kind == "resize":
        return nn.Sequential(NearestUpsample(scale_factor=2), convolution)
    if kind == "blur":
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), convolution)
    return nn.Sequential(convolution, nn.PixelShuffle(2))


def blur_pool() -> nn.Module:
    """A layer that halves height and width after a low-pass filter of [1, 2, 1] / 4 in each direction, reflected at the
    edges (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"): the filter is two means of 2 pixels."""
    return nn.Sequential(nn.ReflectionPad2d(1), nn.AvgPool2d(2, 1), nn.AvgPool2d(2, 2))


def pad_to(x: Tensor, multiple: int, minimum: int) -> Tensor:
    """Pad (B, C, H, W) at the right and bottom to multiples of `multiple`, at least `minimum`, repeating the edge."""
    height, width = x.shape[-2:]
    if torch.compiler.is_exporting() and not (type(height) is type(width) is int):
        return _pad_symbolic(x, multiple, minimum)
    bottom = max(-height % multiple, minimum - height)
    right = max(-width % multiple, minimum - width)
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def _pad_symbolic(x: Tensor, multiple: int, minimum: int) -> Tensor:
    """`pad_to` in a graph, where height and width are symbols: the same rows and columns, by clamped indices."""
    for axis in (-2, -1):
        side = x.shape[axis]
        padded = torch.sym_max((side + multiple - 1) // multiple * multiple, minimum)
        x = x.index_select(axis, torch.arange(padded, device=x.device).clamp(max=side - 1))
    return x


def initialise(network: nn.Module, kind: str = "normal", gain: float = 0.02) -> None:
    """Initialise in place; by default as the papers: weights ~ N(0, 0.02), biases 0, norms' scales ~ N(1, 0.02).

    Networks with `own_init` are left as they are.
    """
    if getattr(network, "own_init", False):
        return
    fill: dict[str, Callable[[Tensor], object]] = {
        "normal": lambda weight: nn.init.normal_(weight, 0.0, gain),
        "xavier": lambda weight: nn.init.xavier_normal_(weight, gain),
        "kaiming": lambda weight: nn.init.kaiming_normal_(weight),
        "orthogonal": lambda weight: nn.init.orthogonal_(weight, gain),
    }
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            fill[kind](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, (nn.BatchNorm2d, nn.GroupNorm)) and layer.weight is not None:
            nn.init.normal_(layer.weight, 1.0, gain)
            nn.init.zeros_(layer.bias)


def add_spectral_norm(network: nn.Module) -> None:
    """Divide every convolution's weight by its largest singular value (Miyato et al. 2018). After `initialise`."""
    for layer in list(network.modules()):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            torch.nn.utils.parametrizations.spectral_norm(layer)
