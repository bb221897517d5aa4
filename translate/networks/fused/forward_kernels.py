"""Triton kernels of the forward pass of the fused step y = pad(act(norm(x)) + skip).

All feature maps are (N, H, W, C) in memory. A program computes a tile of BP pixels × BC channels in float32 and reads
and writes the tensors' dtypes. Statistics are per channel and row: a row is the pixels of one image (instance and group
norm) or of the whole batch (batch norm). Rows are summed in parts, and a second kernel adds the parts in a fixed order.
There are no atomics, so equal inputs give equal bits.
"""

import triton
import triton.language as tl

# Arguments that differ between layers; specialising kernels for their values would only cost compile time.
VARYING = ["height", "width", "rows", "pad", "tiles", "pixels", "chunk", "parts", "slope", "eps"]


@triton.jit
def _source(o, size, pad, KIND: tl.constexpr):
    """The input row or column of which output position o is a copy."""
    i = o - pad
    if KIND == 1:  # reflect
        i = tl.abs(i)
        i = tl.where(i >= size, 2 * (size - 1) - i, i)
    elif KIND == 2:  # replicate
        i = tl.minimum(tl.maximum(i, 0), size - 1)
    return i


@triton.jit(do_not_specialize=VARYING)
def statistics(x, means, squares, channels, pixels, chunk, parts, BP: tl.constexpr, BC: tl.constexpr):
    """Mean and Σ(x - mean)² of a part (chunk pixels) of a row, per channel.

    Welford's algorithm in each lane, then Chan's formula over the lanes.
    """
    blocks = tl.cdiv(channels, BC)
    part = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BC + tl.arange(0, BC)
    begin = part % parts * chunk
    end = tl.minimum(begin + chunk, pixels)
    base = (part // parts).to(tl.int64) * pixels
    seen = (c < channels)[None, :]
    mean = tl.zeros([BP, BC], tl.float32)
    square = tl.zeros([BP, BC], tl.float32)
    turns = 0.0
    for start in range(begin, end, BP):
        q = start + tl.arange(0, BP)
        mask = (q < end)[:, None] & seen
        v = tl.load(x + ((base + q) * channels)[:, None] + c[None, :], mask, 0.0).to(tl.float32)
        turns += 1.0
        delta = tl.where(mask, v - mean, 0.0)
        mean += delta / turns
        square += delta * tl.where(mask, v - mean, 0.0)
    lane = tl.arange(0, BP)
    count = tl.maximum(tl.cdiv(end - begin - lane, BP), 0).to(tl.float32)[:, None]
    centre = tl.sum(mean * count, 0) / (end - begin)
    deviation = mean - centre[None, :]
    out = part * channels + c
    tl.store(means + out, centre, c < channels)
    tl.store(squares + out, tl.sum(square + count * deviation * deviation, 0), c < channels)


@triton.jit(do_not_specialize=VARYING)
def merge_statistics(
    means, squares, stats, channels, rows, pixels, chunk, parts, eps,
    GROUP: tl.constexpr, BS: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """stats (3, rows, channels): mean, 1/σ and variance of a row, from its parts; the same for GROUP channels."""
    blocks = tl.cdiv(channels, BC)
    row = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BC + tl.arange(0, BC)
    total = tl.zeros([BS, BC], tl.float32)
    for start in range(0, parts, BS):
        s = start + tl.arange(0, BS)
        mask = (s < parts)[:, None] & (c < channels)[None, :]
        count = tl.minimum(chunk, pixels - s * chunk).to(tl.float32)[:, None]
        total += count * tl.load(means + ((row * parts + s) * channels)[:, None] + c[None, :], mask, 0.0)
    mean = mean_of_group(tl.sum(total, 0) / pixels, GROUP, BC)
    total = tl.zeros([BS, BC], tl.float32)
    for start in range(0, parts, BS):
        s = start + tl.arange(0, BS)
        mask = (s < parts)[:, None] & (c < channels)[None, :]
        at = ((row * parts + s) * channels)[:, None] + c[None, :]
        count = tl.minimum(chunk, pixels - s * chunk).to(tl.float32)[:, None]
        deviation = tl.load(means + at, mask, 0.0) - mean[None, :]
        total += tl.where(mask, tl.load(squares + at, mask, 0.0) + count * deviation * deviation, 0.0)
    variance = mean_of_group(tl.sum(total, 0) / pixels, GROUP, BC)
    out = row * channels + c
    tl.store(stats + out, mean, c < channels)
    tl.store(stats + rows * channels + out, 1.0 / tl.sqrt_rn(variance + eps), c < channels)
    tl.store(stats + 2 * rows * channels + out, variance, c < channels)


@triton.jit
def mean_of_group(v, GROUP: tl.constexpr, BC: tl.constexpr):
    """Each channel's mean over its group of GROUP consecutive channels."""
    if GROUP > 1:
        mean = tl.sum(tl.reshape(v, [BC // GROUP, GROUP]), 1) / GROUP
        v = tl.reshape(tl.broadcast_to(mean[:, None], [BC // GROUP, GROUP]), [BC])
    return v


@triton.jit(do_not_specialize=VARYING)
def apply(
    x, weight, bias, stats, skip, plain, padded, height, width, channels, padded_channels, rows, pad, slope, tiles,
    KIND: tl.constexpr, NORM: tl.constexpr, PER_IMAGE: tl.constexpr, AFFINE: tl.constexpr, SKIP: tl.constexpr,
    PLAIN: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """padded = pad(act(norm(x)) + skip), filled up to padded_channels with zeros; plain: the same without the pad."""
    blocks = tl.cdiv(padded_channels, BC)
    tile = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BC + tl.arange(0, BC)
    n = (tile // tiles).to(tl.int64)
    o = tile % tiles * BP + tl.arange(0, BP)
    outer = width + 2 * pad
    size = (height + 2 * pad) * outer
    oy = o // outer
    ox = o - oy * outer
    iy = _source(oy, height, pad, KIND)
    ix = _source(ox, width, pad, KIND)
    inside = o < size
    own = inside & (oy >= pad) & (oy < height + pad) & (ox >= pad) & (ox < width + pad)
    mask = (own if KIND == 0 else inside)[:, None] & (c < channels)[None, :]
    at = ((n * height * width + iy * width + ix) * channels)[:, None] + c[None, :]
    v = tl.load(x + at, mask, 0.0).to(tl.float32)
    if NORM:
        row = (n if PER_IMAGE else 0) * channels + c
        mean = tl.load(stats + row, c < channels, 0.0)
        scale = tl.load(stats + rows * channels + row, c < channels, 0.0)
        v = (v - mean[None, :]) * scale[None, :]
    if AFFINE:
        w = tl.load(weight + c, c < channels, 0.0).to(tl.float32)
        b = tl.load(bias + c, c < channels, 0.0).to(tl.float32)
        v = v * w[None, :] + b[None, :]
    v = tl.where(v > 0, v, v * slope)
    if SKIP:
        v += tl.load(skip + at, mask, 0.0).to(tl.float32)
    v = tl.where(mask, v, 0.0)
    out = ((n * size + o) * padded_channels)[:, None] + c[None, :]
    tl.store(padded + out, v, inside[:, None] & (c < padded_channels)[None, :])
    if PLAIN:
        tl.store(plain + at, v, own[:, None] & (c < channels)[None, :])
