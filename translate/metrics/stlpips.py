"""ST-LPIPS (AlexNet): perceptual distance of two images, tolerant of shifts of a pixel or two.

A. Ghildyal, F. Liu, "Shift-tolerant Perceptual Similarity Metric" (ECCV 2022): LPIPS (Zhang et al. 2018, Eq. 1) on an
AlexNet whose every stride is 1 and followed by a blurring downsample. Weights: the package stlpips-pytorch
(BSD-2-Clause); only its weight file is read.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from translate.metrics.pixels import Images, batches
from translate.metrics.weights import find_in_package, load

PACKAGE, FILE = "stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth"
SHA256 = "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"
MIN_SIDE = 64  # pixels, the size that the network was made for; smaller images are enlarged
# where a convolution's weights are in the file, and its padding
CONVOLUTIONS = (
    ("net.slice1.0", 2),  # 64 filters of 11x11
    ("net.slice2.5", 2),  # 192 of 5x5
    ("net.slice3.9", 1),  # 384 of 3x3
    ("net.slice4.11", 1),  # 256 of 3x3
    ("net.slice5.13", 1),  # 256 of 3x3
)


class STLPIPS:
    """Distances of pairs; plain tensors, so building it draws no random numbers."""

    name = "stlpips"

    def __init__(self, device: torch.device | str = "cpu"):
        state, self.sha256 = load(find_in_package(PACKAGE, FILE, "ST-LPIPS"), SHA256)
        self.device = torch.device(device)
        state = {key: value.to(self.device) for key, value in state.items()}
        self.shift, self.scale = state["scaling_layer.shift"], state["scaling_layer.scale"]
        self.convolutions = [(state[f"{at}.weight"], state[f"{at}.bias"], pad) for at, pad in CONVOLUTIONS]
        self.heads = [state[f"lin{layer}.model.1.weight"] for layer in range(5)]  # (1, C, 1, 1), not negative
        tap = torch.tensor([1.0, 2.0, 1.0], device=self.device) / 4
        self.blur = tap[:, None] * tap

    def halve(self, x: Tensor) -> Tensor:
        """Blur with [1 2 1] and keep every second pixel; reflected by two pixels at the border."""
        channels = x.shape[1]
        weight = self.blur.expand(channels, 1, 3, 3)
        return nnf.conv2d(nnf.pad(x, (2, 2, 2, 2), mode="reflect"), weight, stride=2, groups=channels)

    def layers(self, x: Tensor) -> list[Tensor]:
        """The five maps of x (B, 3, H, W) in [-1, 1], each of unit length along the channels."""
        x = (x - self.shift) / self.scale
        found = []
        for layer, (weight, bias, padding) in enumerate(self.convolutions):
            if layer in (1, 2):
                x = self.halve(nnf.max_pool2d(x, 3, stride=1))
            x = nnf.conv2d(x, weight, bias, padding=padding)
            x = nnf.relu(self.halve(x) if layer == 0 else x)
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def pairs(self, x: Tensor, y: Tensor) -> Tensor:
        """(B,) distances of x and y (B, 3, H, W) in [-1, 1]; 0 is equal, 1 very different."""
        if (short := min(x.shape[2:])) < MIN_SIDE:
            factor = MIN_SIDE / short
            larger = [round(side * factor) for side in x.shape[2:]]
            x, y = (nnf.interpolate(z, size=larger, mode="bilinear", align_corners=False) for z in (x, y))
        total = torch.zeros(len(x), device=x.device)
        for head, a, b in zip(self.heads, self.layers(x), self.layers(y), strict=True):
            total += nnf.conv2d((a - b).square(), head).mean((1, 2, 3))
        return total

    def distances(self, x: Images, y: Images, batch: int = 16) -> Tensor:
        """(N,) on the CPU, one number for each pair of images as in `pixels.Images`."""
        found = []
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            for a, b in zip(batches(x, batch, self.device), batches(y, batch, self.device), strict=True):
                found.append(self.pairs(a * 2 - 1, b * 2 - 1).cpu())
        return torch.cat(found).clone()

    def protocol(self) -> dict[str, str | int]:
        return {
            "network": "shift-tolerant LPIPS, AlexNet (stlpips-pytorch 0.0.2)",
            "sha256": self.sha256,
            "resize": f"none; a shorter side below {MIN_SIDE} px is enlarged to it, bilinear",
            "normalise": "[-1, 1]",
        }
