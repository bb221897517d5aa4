"""What is exported: a generator's network in evaluation mode, with its conversions of pixels around it."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from translate import generators
from translate.files import sha256
from translate.tensors import nest

OPSET = 18  # of ONNX: the lowest that torch's exporter writes, so the widest understood


@dataclass
class Source:
    """One direction of a generator file: its network in evaluation mode, and its description with that one alone."""

    network: nn.Module
    description: dict[str, Any]
    direction: str
    path: Path
    sha256: str

    @classmethod
    def load(cls, model: str | Path, direction: str) -> "Source":
        """From a run folder, a generator file or a name in pretrained/; UserError says what is wrong with it."""
        tensors, description, path = generators.read(model)
        entry = generators.entry(description, direction, path)
        network = generators.build(entry, nest(tensors, f"{direction}/"), path).eval().requires_grad_(False)
        return cls(network, {**description, "directions": {direction: entry}}, direction, path, sha256(path))

    @property
    def channels(self) -> int:
        return self.description["directions"][self.direction]["arguments"]["in_channels"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the training; imported checkpoints may not say."""
        height, width = self.description.get("size") or (256, 256)
        return height, width

    def about(self, io: str, precision: str, difference: dict[str, Any]) -> dict[str, Any]:
        """The description that an exported file carries."""
        record = {"io": io, "precision": precision, "opset": OPSET, "source_sha256": self.sha256}
        return {**self.description, "onnx": {**record, "difference": difference}}


class Graph(nn.Module):
    """A network as it is exported.

    io float: float32 (N, C, H, W) in [-1, 1] → the same. io uint8: uint8 (N, H, W, C) → the same, rounded.
    precision fp16: the convolutions are in float16, weights and products; norms stay in float32.
    """

    def __init__(self, network: nn.Module, io: str, precision: str = "fp32"):
        super().__init__()
        self.network, self.io, self.dtype = network, io, torch.float32
        if precision == "fp16":
            self.network, self.dtype = copy.deepcopy(network), torch.float16
            for layer in self.network.modules():
                if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                    layer.half()

    def forward(self, image: Tensor) -> Tensor:
        if self.io == "float":
            return self.network(image.to(self.dtype)).float()
        levels = image.permute(0, 3, 1, 2).contiguous().float()
        y = self.network((levels / 127.5 - 1).to(self.dtype)).float()
        return ((y.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)

    def example(self, channels: int) -> tuple[Tensor, dict[int, str]]:
        """An input to trace with, and which of its dimensions are free."""
        if self.io == "float":
            return torch.zeros(2, channels, 37, 43), {0: "batch", 2: "height", 3: "width"}
        return torch.zeros(2, 37, 43, channels, dtype=torch.uint8), {0: "batch", 1: "height", 2: "width"}
