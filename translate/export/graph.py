"""The exported graph: a generator's network in evaluation mode with the conversion of pixels before and after it."""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.model import file as generator_file
from translate.model.description import direction_of
from translate.model.measured import Types, measured
from translate.system.files import sha256

OPSET = 18  # of ONNX: the lowest that torch's exporter writes, so the most widely supported
FIXED_OPSET = 17  # for files of one size
Free = dict[int, str]  # the dynamic dimensions of a tensor: {dimension: name}


@dataclass
class Source:
    """One direction of a generator file: its network in evaluation mode, and a description of only this direction."""

    network: nn.Module
    description: dict[str, Any]
    direction: str
    path: Path
    sha256: str
    fixed: tuple[int, int] | None = None  # (height, width) of an export of one size; None: any

    @classmethod
    def load(cls, model: str | Path, direction: str, fixed: tuple[int, int] | None = None) -> "Source":
        """model: a run folder, a generator file or a name in pretrained/. UserError when it can't be used."""
        network, description, path = generator_file.load(model, direction)
        direction = direction_of(description, direction)
        directions = {direction: description["directions"][direction]}
        network = network.eval().requires_grad_(False)
        return cls(network, {**description, "directions": directions}, direction, path, sha256(path), fixed)

    @property
    def measured(self) -> Types | None:
        """The types of its domains, if these are of measured values."""
        return None if self.latent else measured(self.description, self.direction)

    @property
    def latent(self) -> int:
        """The length of a GAN's latents; 0 for a generator that translates images."""
        return self.description["latent"] if self.direction == generator_file.NOISE else 0

    @property
    def classes(self) -> int:
        """The number of classes of a class-conditional GAN, else 0."""
        return len(self.description.get("classes", []))

    @property
    def channels(self) -> int:
        return self.description["directions"][self.direction]["arguments"]["in_channels"]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the training, in pixels; 256 × 256 for imported checkpoints without a size."""
        height, width = self.description.get("size") or (256, 256)
        return height, width

    def graph(self, io: str, precision: str = "fp32") -> "Graph":
        """The module to trace; see `Graph`."""
        if self.latent:
            return Sampling(self.network, io, precision, self.latent, self.classes).eval()
        return Translation(self.network, io, precision, self.channels, self.fixed).eval()

    def about(self, io: str, precision: str, difference: dict[str, Any]) -> dict[str, Any]:
        """The description for the exported file."""
        opset = FIXED_OPSET if self.fixed else OPSET
        record = {"io": io, "precision": precision, "opset": opset, "source_sha256": self.sha256}
        if self.fixed:
            record["fixed"] = list(self.fixed)
        return {**self.description, "onnx": {**record, "difference": difference}}


class Graph(nn.Module, ABC):
    """A network for export.

    io: float for images float32 (N, C, H, W) in [-1, 1], uint8 for images uint8 (N, H, W, C), rounded.
    precision: with fp16 convolutions and linear layers are in float16, and norms stay in float32.
    """

    inputs: list[str]
    output: str

    def __init__(self, network: nn.Module, io: str, precision: str):
        super().__init__()
        self.network, self.io, self.dtype = network, io, torch.float32
        if precision == "fp16":
            self.network, self.dtype = copy.deepcopy(network), torch.float16
            for layer in self.network.modules():
                if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                    layer.half()

    @abstractmethod
    def example(self) -> tuple[tuple[Tensor, ...], tuple[Free, ...]]:
        """(example inputs for tracing, the dynamic dimensions of each)."""

    @property
    def free(self) -> Free:
        """The dynamic dimensions of the output."""
        return self.example()[1][0]

    def run(self, x: Tensor) -> Tensor:
        """The network's input → images in the layout of `io`."""
        y = self.network(x.to(self.dtype)).float()
        if self.io == "float":
            return y
        return ((y.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


class Translation(Graph):
    """Images → images of the same size. fixed: (height, width) of single images, for engines without dynamic shapes."""

    inputs, output = ["image"], "translated"

    def __init__(
        self, network: nn.Module, io: str, precision: str, channels: int, fixed: tuple[int, int] | None = None
    ):
        super().__init__(network, io, precision)
        self.channels, self.fixed = channels, fixed

    def forward(self, image: Tensor) -> Tensor:
        if self.io == "uint8":
            image = image.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        return self.run(image)

    def example(self) -> tuple[tuple[Tensor, ...], tuple[Free, ...]]:
        count, height, width = (1, *self.fixed) if self.fixed else (2, 37, 43)
        if self.io == "float":
            x, free = torch.zeros(count, self.channels, height, width), {0: "batch", 2: "height", 3: "width"}
        else:
            x = torch.zeros(count, height, width, self.channels, dtype=torch.uint8)
            free = {0: "batch", 1: "height", 2: "width"}
        return (x,), ({} if self.fixed else free,)


class Sampling(Graph):
    """Latents float32 (N, latent), and int64 classes (N,) for a class-conditional GAN → images."""

    output = "image"
    codes: Tensor

    def __init__(self, network: nn.Module, io: str, precision: str, latent: int, classes: int):
        super().__init__(network, io, precision)
        self.latent, self.classes = latent, classes
        self.inputs = ["latent", "class"] if classes else ["latent"]
        self.register_buffer("codes", torch.eye(classes))

    def forward(self, latent: Tensor, number: Tensor | None = None) -> Tensor:
        if number is not None:
            latent = torch.cat([latent, F.embedding(number, self.codes)], 1)  # raises for an index out of range
        return self.run(latent)

    def example(self) -> tuple[tuple[Tensor, ...], tuple[Free, ...]]:
        rows = (torch.zeros(2, self.latent), torch.zeros(2, dtype=torch.int64))
        return rows[: len(self.inputs)], ({0: "batch"}, {0: "batch"})[: len(self.inputs)]
