"""Launches the Triton kernels. Sizes of tiles and parts come from fixed rules, so no autotuning is needed.

All tensors are (N, C, H, W) in channels_last.
"""

from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor

from translate.networks.fused import backward_kernels as backward
from translate.networks.fused import forward_kernels as forward
from translate.networks.fused.spec import Spec

KINDS = {"zeros": 0, "reflect": 1, "replicate": 2}
TILE = 4096  # values that a program has in registers: every access is 16 bytes wide, several are in flight
WARPS = 8
PROGRAMS = 512  # enough to fill a large GPU; with fewer rows and channel blocks, rows are cut into parts
PARTS = 512  # of a row at most: one image of full size still fills the GPU
MERGED = 128  # parts that a merge kernel loads at a time
LANES = 16  # channels of a program in the merge kernels


class _Sizes(NamedTuple):
    """The division of a feature map (N, C, H, W) into rows, parts and tiles."""

    n: int
    c: int
    h: int
    w: int
    rows: int  # groups of pixels with separate statistics: N, or 1 for batch norm
    pixels: int  # of a row
    chunk: int  # pixels of a part of a row
    parts: int  # of a row
    bp: int  # pixels of a tile
    bc: int  # channels of a tile
    blocks: int  # tiles that together hold all channels


def _sizes(x: Tensor, spec: Spec, channels: int) -> _Sizes:
    n, c, h, w = x.shape
    rows, pixels = (1, n * h * w) if spec.batch else (n, h * w)
    bc = min(64, triton.next_power_of_2(channels))
    bp, blocks = TILE // bc, triton.cdiv(channels, bc)
    tiles = triton.cdiv(pixels, bp)
    wanted = min(tiles, PARTS, triton.cdiv(PROGRAMS, rows * blocks))
    chunk = triton.cdiv(tiles, wanted) * bp
    return _Sizes(n, c, h, w, rows, pixels, chunk, triton.cdiv(pixels, chunk), bp, bc, blocks)


def _border(spec: Spec) -> dict[str, int]:
    """The kind of padding, and K: how many output positions can be copies of one input row or column."""
    kind = KINDS[spec.kind] if spec.pad else 0
    return {"KIND": kind, "K": (1, 3, 2 * spec.pad + 1)[kind]}


def empty(like: Tensor, n: int, c: int, h: int, w: int, dtype: torch.dtype) -> Tensor:
    return torch.empty((n, c, h, w), dtype=dtype, device=like.device, memory_format=torch.channels_last)


def statistics(x: Tensor, spec: Spec) -> Tensor:
    """(3, rows, C) in float32: mean, 1/σ and variance of each row and channel, or of its group of channels."""
    s = _sizes(x, spec, x.shape[1])
    parts = torch.empty((2, s.rows, s.parts, s.c), device=x.device)
    stats = torch.empty((3, s.rows, s.c), device=x.device)
    forward.statistics[(s.rows * s.parts * s.blocks,)](
        x, parts[0], parts[1], s.c, s.pixels, s.chunk, s.parts, BP=s.bp, BC=s.bc, num_warps=WARPS
    )
    lanes = max(LANES, spec.group)
    forward.merge_statistics[(s.rows * triton.cdiv(s.c, lanes),)](
        parts[0], parts[1], stats, s.c, s.rows, s.pixels, s.chunk, s.parts, spec.eps,
        GROUP=spec.group, BS=MERGED, BC=lanes,
    )  # fmt: skip
    return stats


def apply(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    skip: Tensor | None,
    stats: Tensor | None,
    spec: Spec,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor | None]:
    """pad(act(norm(x)) + skip) in `dtype`, and the same without the pad if `spec.plain`, else None."""
    channels = spec.channels or x.shape[1]
    s = _sizes(x, spec, channels)
    height, width = s.h + 2 * spec.pad, s.w + 2 * spec.pad
    padded = empty(x, s.n, channels, height, width, dtype)
    plain = empty(x, s.n, s.c, s.h, s.w, dtype) if spec.plain else None
    tiles = triton.cdiv(height * width, s.bp)
    forward.apply[(s.n * tiles * s.blocks,)](
        x, weight, bias, stats, skip, plain, padded, s.h, s.w, s.c, channels, s.rows, spec.pad, spec.slope, tiles,
        KIND=_border(spec)["KIND"], NORM=stats is not None, PER_IMAGE=not spec.batch, AFFINE=weight is not None,
        SKIP=skip is not None, PLAIN=spec.plain, BP=s.bp, BC=s.bc, num_warps=WARPS,
    )  # fmt: skip
    return padded, plain


def gradients(
    d_padded: Tensor | None, d_plain: Tensor | None, x: Tensor, weight: Tensor | None, bias: Tensor | None,
    stats: Tensor | None, spec: Spec, skip: bool,
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:  # fmt: skip
    """The gradients of x, weight, bias and skip, from those of the padded and the plain result (None: zero)."""
    given: dict[str, Any] = {"PADDED": d_padded is not None, "PLAIN": d_plain is not None, "AFFINE": weight is not None}
    channels = x.shape[1] if d_padded is None else d_padded.shape[1]
    border, s, totals, d_skip = _border(spec), _sizes(x, spec, x.shape[1]), None, None
    if stats is not None:
        sums = torch.empty((2, s.rows, s.parts, s.c), device=x.device)
        totals = torch.empty((4, s.rows, s.c), device=x.device)
        d_skip = torch.empty_like(x) if skip else None
        backward.reduce_gradients[(s.rows * s.parts * s.blocks,)](
            d_padded, d_plain, x, weight, bias, stats, sums, d_skip, s.h, s.w, s.c, channels, s.rows, spec.pad,
            spec.slope, s.pixels, s.chunk, s.parts, PER_IMAGE=not spec.batch, STORE=skip, BP=s.bp, BC=s.bc,
            num_warps=WARPS, **border, **given,
        )  # fmt: skip
        lanes = max(LANES, spec.group)
        backward.merge_gradients[(s.rows * triton.cdiv(s.c, lanes),)](
            sums, weight, totals, s.c, s.rows, s.pixels, s.parts,
            GROUP=spec.group, AFFINE=weight is not None, BS=MERGED, BC=lanes,
        )  # fmt: skip
    if d_skip is not None:  # d_skip holds the gradient with the pad's adjoint applied; it is not computed twice
        d_padded, d_plain, channels, spec, border = None, d_skip, s.c, spec._replace(pad=0), {"KIND": 0, "K": 1}
        given |= {"PADDED": False, "PLAIN": True}
    dx = torch.empty_like(x)
    tiles = triton.cdiv(s.h * s.w, s.bp)
    backward.input_gradient[(s.n * tiles * s.blocks,)](
        d_padded, d_plain, x, weight, bias, stats, totals, dx, s.h, s.w, s.c, channels, s.rows, spec.pad, spec.slope,
        tiles, NORM=stats is not None, PER_IMAGE=not spec.batch, BP=s.bp, BC=s.bc, num_warps=WARPS, **border, **given,
    )  # fmt: skip
    if totals is None or weight is None:
        return dx, None, None, d_skip
    return dx, totals[1].sum(0), totals[0].sum(0), d_skip
