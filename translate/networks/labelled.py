"""Label maps as a generator's input: pictures whose colours are classes become one channel for each class."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from translate.networks.segments import Segmented, Step


class OneHot(nn.Module):
    """Colours (B, 3, H, W) in [-1, 1] → (B, K, H, W): 1 in the channel of the class whose colour is nearest, else 0.

    palette: red, green and blue of each of the K classes in turn, 0 to 255.
    """

    per_sample, reach = True, 0
    colours: Tensor

    def __init__(self, palette: Sequence[int]):
        super().__init__()
        self.register_buffer("colours", torch.tensor(palette, dtype=torch.float32).view(-1, 3) / 127.5 - 1)

    def forward(self, x: Tensor) -> Tensor:
        # Sums of squares, not products of matrices: those may be rounded to fewer bits than colours have.
        red, green, blue = (
            (level.float() - self.colours[:, channel, None, None]).square()
            for channel, level in enumerate(x.split(1, 1))
        )
        nearest = (red + green + blue).argmin(1, keepdim=True)
        classes = torch.arange(len(self.colours), device=x.device)[:, None, None]
        return (nearest == classes).to(x.dtype)


class Labelled(Segmented):
    """A generator of label maps: (B, 3, H, W) in [-1, 1], of colours in `palette` (see OneHot) → (B, out, H, W).

    network: takes (B, K, H, W), for K classes.
    """

    per_sample = True

    def __init__(self, network: nn.Module, palette: Sequence[int]):
        super().__init__()
        self.encode, self.network = OneHot(palette), network
        self.listed = isinstance(network, Segmented) and type(network).segments is not Segmented.segments
        if isinstance(network, Segmented) and self.listed:
            self.multiple, self.least = network.multiple, network.least
        self.limit = nn.Hardtanh()  # of residual networks, whose input is the one-hot map

    def segments(self) -> Iterator[list[Step]]:
        network = self.network
        if not isinstance(network, Segmented) or not self.listed:
            yield [self.encode, network]
            return
        yield [self.encode, *(["push"] if network.residual else [])]
        yield from network.segments()
        if network.residual:
            yield ["add", self.limit]

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.encode(x))
