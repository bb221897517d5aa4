"""Discriminators: the PatchGAN of pix2pix (Isola et al. 2017, section 3.2.2), and its 1×1 'pixel' limit."""

from torch import Tensor, nn

from translate.networks.layers import NORMS, has_bias
from translate.networks.segments import Segmented


class PatchGAN(Segmented):
    """(B, C, H, W) → (B, outputs, h, w) logits, one per overlapping patch; no sigmoid.

    layers: stride-2 convolutions; the receptive field is 16, 34, 70, 142 or 286 px for 1 to 5 (70 is the papers').
    stop: stride-1 convolutions after them. Two in the papers; one gives 10, 22 or 46 px for 1 to 3, for small images.
    State-dict keys and parameter counts are the reference's: 2,764,737 for 3 channels and instance norm.
    """

    per_sample = True

    def __init__(
        self,
        in_channels: int = 3,
        outputs: int = 1,
        *,
        filters: int = 64,
        layers: int = 3,
        norm: str = "instance",
        stop: int = 2,
    ):
        super().__init__()
        bias = has_bias(norm)
        modules: list[nn.Module] = [nn.Conv2d(in_channels, filters, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        width = filters
        strides = [2] * (layers - 1) + [1] * (stop - 1)
        for stride in strides:
            before, width = width, min(2 * width, 8 * filters)
            modules += [nn.Conv2d(before, width, 4, stride, 1, bias=bias), NORMS[norm](width)]
            modules.append(nn.LeakyReLU(0.2, inplace=True))
        modules.append(nn.Conv2d(width, outputs, 4, 1, 1))
        self.model = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.model, x)

    def features(self, x: Tensor) -> list[Tensor]:
        """The maps after each LeakyReLU, and the logits."""
        found = []
        for layer in self.model:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                found.append(x)
        return [*found, x]


def receptive_field(layers: int, stop: int = 2) -> int:
    """Side, in pixels, of the receptive field of one output of `PatchGAN(layers=layers, stop=stop)`."""
    field = 1
    for stride in reversed([2] * layers + [1] * stop):
        field = stride * (field - 1) + 4
    return field


class Pixel(Segmented):
    """(B, C, H, W) → (B, 1, H, W) logits, each of one pixel: it discriminates colours only (pix2pix, section 3.2.2)."""

    per_sample = True

    def __init__(self, in_channels: int = 3, *, filters: int = 64, norm: str = "instance"):
        super().__init__()
        bias = has_bias(norm)
        self.net = nn.Sequential(
            nn.Conv2d(in_channels, filters, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(filters, 2 * filters, 1, bias=bias),
            NORMS[norm](2 * filters),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * filters, 1, 1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.net, x)
