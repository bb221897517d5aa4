"""The fused step's forward and backward pass as custom operators, which torch.compile calls without tracing them."""

import torch
from torch import Tensor

from translate.networks.fused.spec import Spec


def run_forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, skip: Tensor | None, spec: Spec, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """(result, result without the pad or None, statistics or None). See `norm_act_pad`."""
    if torch.compiler.is_compiling():
        padded, plain, stats = _forward(x, weight, bias, skip, dtype, *spec)
        return padded, plain if spec.plain else None, stats if spec.group else None
    from translate.networks.fused import launch  # imported here, because importing Triton is slow

    stats = launch.statistics(x, spec) if spec.group else None
    return *launch.apply(x, weight, bias, skip, stats, spec, dtype), stats


def run_backward(
    d_padded: Tensor | None, d_plain: Tensor | None, x: Tensor, weight: Tensor | None, bias: Tensor | None,
    stats: Tensor | None, spec: Spec, skip: bool,
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:  # fmt: skip
    """The gradients of x, weight, bias and skip; None for those that don't exist. skip: whether there was a skip."""
    if torch.compiler.is_compiling():
        d_x, d_weight, d_bias, d_skip = _backward(d_padded, d_plain, x, weight, bias, stats, skip, *spec)
        affine = weight is not None
        return d_x, d_weight if affine else None, d_bias if affine else None, d_skip if skip else None
    from translate.networks.fused import launch

    return launch.gradients(d_padded, d_plain, x, weight, bias, stats, spec, skip)


# Custom operators return tensors only: an empty tensor stands for None.
@torch.library.custom_op("translate::fused_forward", mutates_args=())
def _forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, skip: Tensor | None, dtype: torch.dtype,
    group: int, batch: bool, eps: float, slope: float, pad: int, kind: str, channels: int, plain: bool,
) -> list[Tensor]:  # fmt: skip
    spec = Spec(group, batch, eps, slope, pad, kind, channels, plain)
    return [x.new_empty(0) if t is None else t for t in run_forward(x, weight, bias, skip, spec, dtype)]


@_forward.register_fake
def _(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, skip: Tensor | None, dtype: torch.dtype,
    group: int, batch: bool, eps: float, slope: float, pad: int, kind: str, channels: int, plain: bool,
) -> list[Tensor]:  # fmt: skip
    n, c, h, w = x.shape
    last = torch.channels_last
    padded = x.new_empty((n, channels or c, h + 2 * pad, w + 2 * pad), dtype=dtype).contiguous(memory_format=last)
    without = x.new_empty((n, c, h, w), dtype=dtype).contiguous(memory_format=last) if plain else x.new_empty(0)
    rows = 1 if batch else n
    return [padded, without, x.new_empty((3, rows, c), dtype=torch.float32) if group else x.new_empty(0)]


@torch.library.custom_op("translate::fused_backward", mutates_args=())
def _backward(
    d_padded: Tensor | None, d_plain: Tensor | None, x: Tensor, weight: Tensor | None, bias: Tensor | None,
    stats: Tensor | None, skip: bool,
    group: int, batch: bool, eps: float, slope: float, pad: int, kind: str, channels: int, plain: bool,
) -> list[Tensor]:  # fmt: skip
    spec = Spec(group, batch, eps, slope, pad, kind, channels, plain)
    gradients = run_backward(d_padded, d_plain, x, weight, bias, stats, spec, skip)
    return [x.new_empty(0) if t is None else t for t in gradients]


@_backward.register_fake
def _(
    d_padded: Tensor | None, d_plain: Tensor | None, x: Tensor, weight: Tensor | None, bias: Tensor | None,
    stats: Tensor | None, skip: bool,
    group: int, batch: bool, eps: float, slope: float, pad: int, kind: str, channels: int, plain: bool,
) -> list[Tensor]:  # fmt: skip
    none = x.new_empty(0)
    each = none if weight is None else weight.new_empty(x.shape[1], dtype=torch.float32)
    return [torch.empty_like(x), each, each.clone(), torch.empty_like(x) if skip else none]
