"""A discriminator on the features of a frozen network (Sauer et al. 2021, "Projected GANs Converge Faster").

The trunk is EfficientNet-lite0 with ImageNet weights. It is neither trained nor saved nor exported: the state dict has
the heads alone. The paper's random mixing of features (sections 3.2 and 3.3) made no difference here: docs/log.md.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.metrics.lite import VERSIONS, Lite
from translate.metrics.weights import is_installed

BLOCKS = (2, 4, 10)  # after these blocks the features have strides of 4, 8 and 16 and 24, 40 and 112 channels
SIDE = 128  # smaller images are enlarged by a whole number to at most this height or width: the trunk expects 224 px


def has_weights() -> bool:
    """Whether the trunk's weights are installed."""
    return is_installed(VERSIONS["lite0"].package)


@cache
def trunk(device: torch.device, dtype: torch.dtype) -> Lite:
    """EfficientNet-lite0 on `device`, loaded once a process. UserError where its weights are not installed."""
    if device == torch.device("cpu") and dtype == torch.float32:
        return Lite("lite0", purpose="discriminator.network = projected")
    return trunk(torch.device("cpu"), torch.float32).to(device, dtype)


class Projected(nn.Module):
    """Images (B, C, H, W) in [-1, 1] → logits (B, outputs, N, 1), those of all heads. C = 3 or 1, or of several images
    side by side their sum (pix2pix: 6 or 2).

    filters: channels inside a head. Each map of features is divided by one constant, about its standard deviation on
    ImageNet, so that a logit depends on its own image only.
    """

    per_sample = True

    def __init__(self, in_channels: int = 3, outputs: int = 1, *, filters: int = 64):
        super().__init__()
        net = trunk(torch.device("cpu"), torch.float32)
        self.images, self.colours = (in_channels // 3, 3) if in_channels % 3 == 0 else (in_channels, 1)
        self.deviations = [float(net.deviation(block).square().mean().sqrt()) for block in BLOCKS]
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(self.images * net.blocks[block].channels, filters, 3, 1, 1),
                nn.LeakyReLU(0.2, inplace=True),
                nn.Conv2d(filters, filters, 3, 2, 1),
                nn.LeakyReLU(0.2, inplace=True),
                nn.Conv2d(filters, outputs, 1),
            )
            for block in BLOCKS
        )

    def maps(self, x: Tensor) -> list[Tensor]:
        """The frozen features, of about unit scale, from fine to coarse: (B, channels, h, w) each."""
        x = x.unflatten(1, (self.images, self.colours)).flatten(0, 1).expand(-1, 3, -1, -1)
        if (scale := SIDE // min(x.shape[2:])) > 1:
            x = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
        found = trunk(x.device, dtype).after(x.to(dtype), BLOCKS)
        if self.images > 1:
            found = [y.unflatten(0, (-1, self.images)).flatten(1, 2) for y in found]
        return [y / deviation for y, deviation in zip(found, self.deviations, strict=True)]

    def features(self, x: Tensor) -> list[Tensor]:
        """The frozen features, so that feature matching is a perceptual loss, and the logits."""
        maps = self.maps(x)
        return [*maps, self.logits(maps)]

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.maps(x))

    def logits(self, maps: list[Tensor]) -> Tensor:
        """Those of all heads, (B, outputs, N, 1)."""
        return torch.cat([head(y).flatten(2) for head, y in zip(self.heads, maps, strict=True)], 2)[..., None]
