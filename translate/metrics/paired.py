"""Full-reference metrics of outputs against their true partners: L1, PSNR, SSIM. All reward blur where the pairs are
not exactly aligned: the mean of all plausible outputs then scores best. All give float64 (N,), one value a pair."""

from collections.abc import Callable

import torch
from torch import Tensor

from translate.metrics.pixels import Images, batches, check, size

WINDOW = 11  # of SSIM: pixels, Gaussian with sigma 1.5, as in the paper
PSNR_CAP = 100.0  # dB, for equal images, whose PSNR is infinite


def l1(outputs: Images, truth: Images) -> Tensor:
    """Mean absolute difference of the values on [0, 1]: 0 equal, 1 black against white."""
    return _of_pairs(outputs, truth, lambda x, y: (x - y).abs().mean((1, 2, 3)))


def psnr(outputs: Images, truth: Images) -> Tensor:
    """Peak signal-to-noise ratio in dB, 10 log10(1 / mean squared error) of each image; higher is better.
    An image that equals its partner counts as 100 dB."""

    def decibels(x: Tensor, y: Tensor) -> Tensor:
        return (-10 * (x - y).square().mean((1, 2, 3)).log10()).clamp(max=PSNR_CAP)

    return _of_pairs(outputs, truth, decibels)


def ssim(outputs: Images, truth: Images) -> Tensor:
    """Structural similarity (Wang et al. 2004), mean over the channels and the windows that lie wholly inside; 1 is
    equal. Needs images of at least 11x11."""
    from kornia.metrics import ssim as ssim_map  # half a second to import

    if min(size(outputs)) < WINDOW:
        raise ValueError(f"SSIM needs images of at least {WINDOW}x{WINDOW}, got {size(outputs)}")

    def similarity(x: Tensor, y: Tensor) -> Tensor:
        return ssim_map(x, y, WINDOW, max_val=1.0, padding="valid").mean((1, 2, 3))

    return _of_pairs(outputs, truth, similarity)


def _of_pairs(x: Images, y: Images, score: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """`score` maps two (B, 3, H, W) in [0, 1] to (B,). In float64, 16 images at a time."""
    check(x, "outputs"), check(y, "truth")
    if len(x) != len(y) or size(x) != size(y) or not len(x):
        raise ValueError(f"these are no pairs: {len(x)} outputs of {size(x)}, {len(y)} partners of {size(y)}")
    with torch.inference_mode():
        values = [score(a.double(), b.double()) for a, b in zip(batches(x, 16), batches(y, 16), strict=True)]
    return torch.cat(values).clone()
