"""Triton kernels of the fused step's backward pass. See forward_kernels.py for tiles, rows and parts.

The adjoint of the pad is a gather: each pixel sums the gradients of its copies in the border, so no two programs write
to one address.
"""

import triton
import triton.language as tl

from translate.networks.fused.forward_kernels import VARYING, mean_of_group


@triton.jit
def _target(i, size, pad, k, KIND: tl.constexpr):
    """The k-th output position that can be a copy of input i, and whether it is one. The 0-th is i + pad."""
    if KIND == 1:  # reflect: one position before the first and one after the last
        o = tl.where(k == 1, pad - i, pad + 2 * (size - 1) - i)
        valid = tl.where(k == 1, i >= 1, i <= size - 2) & (o >= 0) & (o < size + 2 * pad)
    else:  # replicate: (k + 1) // 2 positions before the first (odd k) or after the last
        away = (k + 1) // 2
        o = i + pad + tl.where(k % 2 == 1, -away, away)
        valid = i == tl.where(k % 2 == 1, 0, size - 1)
    return tl.where(k == 0, i + pad, o), (k == 0) | valid


@triton.jit
def _gradient(
    d_padded, d_plain, n, inside, first, c, ok, height, width, channels, padded_channels, pad,
    PADDED: tl.constexpr, PLAIN: tl.constexpr, KIND: tl.constexpr, K: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """The gradient at the pixels `inside` (from `first` on) of image n, summed over their copies, at most K × K, in the
    padded output and over the plain output.

    n is int64, one for all pixels or one for each. The others are int32, for which division takes far fewer
    instructions.
    """
    g = tl.zeros([BP, BC], tl.float32)
    seen = (c < channels)[None, :]
    if PADDED:
        iy = inside // width
        ix = inside - iy * width
        outer = width + 2 * pad
        start = n * (height + 2 * pad)
        at = ((start + iy + pad) * outer + ix + pad) * padded_channels
        g += tl.load(d_padded + at[:, None] + c[None, :], ok[:, None] & seen, 0.0).to(tl.float32)
        if K > 1:
            border = (first // width <= pad) | ((first + BP - 1) // width >= height - 1 - pad)
            for k in range(1, tl.where(border, K * K, K)):  # the first K are in the pixel's row
                oy, row_shows = _target(iy, height, pad, k // K, KIND)
                ox, column_shows = _target(ix, width, pad, k % K, KIND)
                at = ((start + oy) * outer + ox) * padded_channels
                mask = (ok & row_shows & column_shows)[:, None] & seen
                g += tl.load(d_padded + at[:, None] + c[None, :], mask, 0.0).to(tl.float32)
    if PLAIN:
        at = (n * (height * width) + inside) * channels
        g += tl.load(d_plain + at[:, None] + c[None, :], ok[:, None] & seen, 0.0).to(tl.float32)
    return g


@triton.jit(do_not_specialize=VARYING)
def reduce_gradients(
    d_padded, d_plain, x, weight, bias, stats, sums, d_skip, height, width, channels, padded_channels, rows, pad, slope,
    pixels, chunk, parts, KIND: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr, PLAIN: tl.constexpr,
    PER_IMAGE: tl.constexpr, AFFINE: tl.constexpr, STORE: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """sums (2, rows, parts, channels): Σ g and Σ g·x̂ of a part of a row, with g the gradient before the activation.

    d_skip: the gradient after the activation.
    """
    blocks = tl.cdiv(channels, BC)
    part = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BC + tl.arange(0, BC)
    seen = c < channels
    r = part // parts
    begin = part % parts * chunk
    end = tl.minimum(begin + chunk, pixels)
    mean = tl.load(stats + r * channels + c, seen, 0.0)[None, :]
    scale = tl.load(stats + (rows + r) * channels + c, seen, 0.0)[None, :]
    if AFFINE:
        w = tl.load(weight + c, seen, 0.0).to(tl.float32)[None, :]
        b = tl.load(bias + c, seen, 0.0).to(tl.float32)[None, :]
    plain_sum = tl.zeros([BP, BC], tl.float32)
    x_sum = tl.zeros([BP, BC], tl.float32)
    for start in range(begin, end, BP):
        q = start + tl.arange(0, BP)
        ok = q < end
        n = r.to(tl.int64)
        inside = q
        first = start
        if not PER_IMAGE:  # one row holds all images
            size = height * width
            n = (q // size).to(tl.int64)
            inside = q % size
            first = start % size
        g = _gradient(
            d_padded, d_plain, n, inside, first, c, ok, height, width, channels, padded_channels, pad,
            PADDED, PLAIN, KIND, K, BP, BC,
        )  # fmt: skip
        at = ((r.to(tl.int64) * pixels + q) * channels)[:, None] + c[None, :]
        mask = ok[:, None] & seen[None, :]
        if STORE:
            tl.store(d_skip + at, g, mask)
        hat = (tl.load(x + at, mask, 0.0).to(tl.float32) - mean) * scale
        z = hat
        if AFFINE:
            z = hat * w + b
        g = tl.where(z > 0, g, g * slope)
        plain_sum += g
        x_sum += tl.where(mask, g * hat, 0.0)
    out = part * channels + c
    tl.store(sums + out, tl.sum(plain_sum, 0), seen)
    tl.store(sums + rows * parts * channels + out, tl.sum(x_sum, 0), seen)


@triton.jit(do_not_specialize=VARYING)
def merge_gradients(
    sums, weight, totals, channels, rows, pixels, parts,
    GROUP: tl.constexpr, AFFINE: tl.constexpr, BS: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """totals (4, rows, channels): Σ g and Σ g·x̂ of a row, and the means of w·g and w·g·x̂ over the channel's group."""
    blocks = tl.cdiv(channels, BC)
    row = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BC + tl.arange(0, BC)
    seen = c < channels
    plain_sum = tl.zeros([BS, BC], tl.float32)
    x_sum = tl.zeros([BS, BC], tl.float32)
    for start in range(0, parts, BS):
        s = start + tl.arange(0, BS)
        at = ((row * parts + s) * channels)[:, None] + c[None, :]
        mask = (s < parts)[:, None] & seen[None, :]
        plain_sum += tl.load(sums + at, mask, 0.0)
        x_sum += tl.load(sums + rows * parts * channels + at, mask, 0.0)
    a = tl.sum(plain_sum, 0)
    b = tl.sum(x_sum, 0)
    out = row * channels + c
    step = rows * channels
    tl.store(totals + out, a, seen)
    tl.store(totals + step + out, b, seen)
    if AFFINE:
        w = tl.load(weight + c, seen, 0.0).to(tl.float32)
        a *= w
        b *= w
    tl.store(totals + 2 * step + out, mean_of_group(a / pixels, GROUP, BC), seen)
    tl.store(totals + 3 * step + out, mean_of_group(b / pixels, GROUP, BC), seen)


@triton.jit(do_not_specialize=VARYING)
def input_gradient(
    d_padded, d_plain, x, weight, bias, stats, totals, dx, height, width, channels, padded_channels, rows, pad, slope,
    tiles, KIND: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr, PLAIN: tl.constexpr, NORM: tl.constexpr,
    PER_IMAGE: tl.constexpr, AFFINE: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """dx = (w·g - mean(w·g) - x̂·mean(w·g·x̂)) / σ, or g without a norm."""
    blocks = tl.cdiv(channels, BC)
    tile = tl.program_id(0) // blocks
    c = tl.program_id(0) % blocks * BC + tl.arange(0, BC)
    seen = c < channels
    n = (tile // tiles).to(tl.int64)
    start = tile % tiles * BP
    inside = start + tl.arange(0, BP)
    ok = inside < height * width
    g = _gradient(
        d_padded, d_plain, n, inside, start, c, ok, height, width, channels, padded_channels, pad,
        PADDED, PLAIN, KIND, K, BP, BC,
    )  # fmt: skip
    at = ((n * (height * width) + inside) * channels)[:, None] + c[None, :]
    mask = ok[:, None] & seen[None, :]
    v = tl.load(x + at, mask, 0.0).to(tl.float32)
    row = (n if PER_IMAGE else 0) * channels + c
    step = rows * channels
    if NORM:
        mean = tl.load(stats + row, seen, 0.0)
        scale = tl.load(stats + step + row, seen, 0.0)
        v = (v - mean[None, :]) * scale[None, :]
    z = v
    if AFFINE:
        w = tl.load(weight + c, seen, 0.0).to(tl.float32)[None, :]
        z = v * w + tl.load(bias + c, seen, 0.0).to(tl.float32)[None, :]
    g = tl.where(z > 0, g, g * slope)
    if AFFINE:
        g *= w
    if NORM:
        plain_mean = tl.load(totals + 2 * step + row, seen, 0.0)
        x_mean = tl.load(totals + 3 * step + row, seen, 0.0)
        g = (g - plain_mean[None, :] - v * x_mean[None, :]) * scale[None, :]
    tl.store(dx + at, g, mask)
