"""Learned vectors of classes, in the place of one-hot classes, for networks that make images from noise."""

import torch
from torch import Tensor, nn

from translate.networks.segments import Segmented


class FromNoise(Segmented):
    """The base of such networks. Their input (B, in_channels) is z, then the one-hot class if there are `classes`.

    embedding: length of the vector that is learned for each class and takes the place of the one-hot class; 0: none.
    """

    def __init__(self, in_channels: int, classes: int, embedding: int):
        super().__init__()
        self.classes = classes if embedding else 0
        self.inputs = in_channels - classes + embedding if self.classes else in_channels  # of the first layer
        self.vectors = nn.Parameter(torch.randn(classes, embedding)) if self.classes else None

    def embed(self, z: Tensor) -> Tensor:
        """z with the vector of its class: (B, in_channels) → (B, inputs)."""
        if self.vectors is None:
            return z
        return torch.cat([z[:, : -self.classes], z[:, -self.classes :] @ self.vectors], 1)
