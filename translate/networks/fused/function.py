"""The fused step as an autograd function: Triton kernels, and torch operations for second derivatives.

R1 and gradient penalties need second derivatives.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from translate.networks.fused.ops import run_backward, run_forward
from translate.networks.fused.spec import Spec


def norm_act_pad(
    x: Tensor,
    spec: Spec,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    skip: Tensor | None = None,
    dead: Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """pad(act(norm(x)·weight + bias) + skip) for x (N, C, H, W) in channels_last, computed in float32.

    Returns the result, the result without the pad (the same tensor when there is no pad), and the statistics
    (3, rows, C): mean, 1/σ and variance, where a row is an image, or the batch for batch norm; None without a norm.

    dead: the bias of the preceding convolution, which the norm cancels: x doesn't include it, and its gradient is 0.
    dtype: of the result; None: x's dtype.
    """
    x = x.contiguous(memory_format=torch.channels_last)  # out here, so that second derivatives include it
    if skip is not None:
        skip = skip.contiguous(memory_format=torch.channels_last)
    padded, plain, stats = _NormActPad.apply(x, weight, bias, skip, dead, spec, dtype or x.dtype)
    return padded, padded if plain is None else plain, stats


class _NormActPad(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        skip: Tensor | None,
        dead: Tensor | None,
        spec: Spec,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        padded, plain, stats = run_forward(x, weight, bias, skip, spec, dtype)
        ctx.save_for_backward(x, weight, bias, stats, dead)
        ctx.spec, ctx.skip = spec, skip is not None
        ctx.set_materialize_grads(False)
        if stats is not None:
            ctx.mark_non_differentiable(stats)
        return padded, plain, stats

    @staticmethod
    def backward(ctx: Any, d_padded: Tensor | None, d_plain: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        x, weight, bias, stats, dead = ctx.saved_tensors
        spec: Spec = ctx.spec
        zero = None if dead is None else torch.zeros_like(dead)
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            d_x, d_weight, d_bias, d_skip = differentiable(d_padded, d_plain, x, weight, bias, spec)
            return d_x, d_weight, d_bias, d_skip if ctx.skip else None, zero, None, None
        if d_padded is not None:
            d_padded = d_padded.contiguous(memory_format=torch.channels_last)
        if d_plain is not None:
            d_plain = d_plain.contiguous(memory_format=torch.channels_last)
        same = ctx.skip and d_plain is None and not spec.pad  # then d_padded is the skip's gradient
        d_x, d_weight, d_bias, d_skip = run_backward(
            d_padded, d_plain, x, weight, bias, stats, spec, ctx.skip and not same
        )
        return d_x, d_weight, d_bias, d_padded if same else d_skip, zero, None, None


def differentiable(
    d_padded: Tensor | None, d_plain: Tensor | None, x: Tensor, weight: Tensor | None, bias: Tensor | None, spec: Spec
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of x, weight, bias and skip by torch operations in float32, which can be differentiated again.

    With x̂ = (x - mean)/σ, z = w·x̂ + b and g the gradient of z: dx = (w·g - mean(w·g) - x̂·mean(w·g·x̂)) / σ.
    """
    wide = x.float()
    d_skip = torch.zeros_like(wide) if d_plain is None else d_plain.float()
    if d_padded is not None:
        d_skip = d_skip + _unpadded(d_padded[:, : x.shape[1]].float(), wide, spec)
    if not spec.group:
        return (d_skip * torch.where(x > 0, 1.0, spec.slope)).to(x.dtype), None, None, d_skip.to(x.dtype)

    def mean(v: Tensor) -> Tensor:
        if spec.batch:
            return v.mean((0, 2, 3), keepdim=True)
        grouped = v.reshape(len(v), -1, spec.group, *v.shape[2:]).mean((2, 3, 4), keepdim=True)
        return grouped.expand(-1, -1, spec.group, 1, 1).reshape(len(v), -1, 1, 1)

    centred = wide - mean(wide)
    scale = (mean(centred.square()) + spec.eps).rsqrt()
    hat = centred * scale
    w = None if weight is None or bias is None else weight.float().view(1, -1, 1, 1)
    z = hat if w is None or bias is None else hat * w + bias.float().view(1, -1, 1, 1)
    g = d_skip * torch.where(z > 0, 1.0, spec.slope)
    d_weight = None if w is None else (g * hat).sum((0, 2, 3))
    d_bias = None if w is None else g.sum((0, 2, 3))
    wg = g if w is None else g * w
    d_x = (wg - mean(wg) - hat * mean(wg * hat)) * scale
    return d_x.to(x.dtype), d_weight, d_bias, d_skip.to(x.dtype)


def _unpadded(d: Tensor, like: Tensor, spec: Spec) -> Tensor:
    """The adjoint of the pad: the gradient of the unpadded map from that of the padded one."""
    if not spec.pad:
        return d
    p = spec.pad
    if spec.kind == "zeros":
        return F.pad(d, [-p] * 4)
    backward = {
        "reflect": torch.ops.aten.reflection_pad2d_backward,
        "replicate": torch.ops.aten.replication_pad2d_backward,
    }
    return backward[spec.kind](d, like, [p] * 4)
