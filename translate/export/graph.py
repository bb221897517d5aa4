"""What is exported: a generator's network in evaluation mode, with its conversions of pixels around it."""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.model import file as generator_file
from translate.system.files import sha256

OPSET = 18  # of ONNX: the lowest that torch's exporter writes, so the widest understood
FIXED_OPSET = 17  # of files of one size
Free = dict[int, str]  # which dimensions of a tensor are free, and what they are called


@dataclass
class Source:
    """One direction of a generator file: its network in evaluation mode, and its description with that one alone."""

    network: nn.Module
    description: dict[str, Any]
    direction: str
    path: Path
    sha256: str
    fixed: tuple[int, int] | None = None  # the one height and width of the export; None: any

    @classmethod
    def load(cls, model: str | Path, direction: str, fixed: tuple[int, int] | None = None) -> "Source":
        """From a run folder, a generator file or a name in pretrained/; UserError says what is wrong with it."""
        network, description, path = generator_file.load(model, direction)
        directions = {direction: description["directions"][direction]}
        network = network.eval().requires_grad_(False)
        return cls(network, {**description, "directions": directions}, direction, path, sha256(path), fixed)

    @property
    def latent(self) -> int:
        """How many random numbers a GAN's generator makes an image from; 0: it translates images."""
        return self.description["latent"] if self.direction == generator_file.NOISE else 0

    @property
    def classes(self) -> int:
        """How many classes a class-conditional GAN has, else 0."""
        return len(self.description.get("classes", []))

    @property
    def channels(self) -> int:
        return self.description["directions"][self.direction]["arguments"]["in_channels"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the training; imported checkpoints may not say."""
        height, width = self.description.get("size") or (256, 256)
        return height, width

    def graph(self, io: str, precision: str = "fp32") -> "Graph":
        """What is traced; see `Graph`."""
        if self.latent:
            return Sampling(self.network, io, precision, self.latent, self.classes).eval()
        return Translation(self.network, io, precision, self.channels, self.fixed).eval()

    def about(self, io: str, precision: str, difference: dict[str, Any]) -> dict[str, Any]:
        """The description that an exported file carries."""
        opset = FIXED_OPSET if self.fixed else OPSET
        record = {"io": io, "precision": precision, "opset": opset, "source_sha256": self.sha256}
        if self.fixed:
            record["fixed"] = list(self.fixed)
        return {**self.description, "onnx": {**record, "difference": difference}}


class Graph(nn.Module, ABC):
    """A network as it is exported. Its images are, with io float, float32 (N, C, H, W) in [-1, 1]; with io uint8, uint8
    (N, H, W, C), rounded.

    precision fp16: convolutions and linear layers are in float16, weights and products; norms stay in float32.
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
        """Inputs to trace with, and of each, which of its dimensions are free."""

    @property
    def free(self) -> Free:
        """Which dimensions of the output are free."""
        return self.example()[1][0]

    def run(self, x: Tensor) -> Tensor:
        """What the network takes → images."""
        y = self.network(x.to(self.dtype)).float()
        if self.io == "float":
            return y
        return ((y.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


class Translation(Graph):
    """Images → images of the same size. fixed: the only height and width, of one image, for engines that compute no
    sizes."""

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
    """Latents (N, latent), and int64 classes (N,) where there are some → images."""

    output = "image"
    codes: Tensor

    def __init__(self, network: nn.Module, io: str, precision: str, latent: int, classes: int):
        super().__init__(network, io, precision)
        self.latent, self.classes = latent, classes
        self.inputs = ["latent", "class"] if classes else ["latent"]
        self.register_buffer("codes", torch.eye(classes))

    def forward(self, latent: Tensor, number: Tensor | None = None) -> Tensor:
        if number is not None:
            latent = torch.cat([latent, F.embedding(number, self.codes)], 1)  # refuses a class that there isn't
        return self.run(latent)

    def example(self) -> tuple[tuple[Tensor, ...], tuple[Free, ...]]:
        rows = (torch.zeros(2, self.latent), torch.zeros(2, dtype=torch.int64))
        return rows[: len(self.inputs)], ({0: "batch"}, {0: "batch"})[: len(self.inputs)]
