"""Inception-v3 as FID uses it: 2,048 features of an image, from a weight file that the user supplies.

Architecture: C. Szegedy et al., "Rethinking the Inception Architecture" (2016), with the peculiarities of the
network of 2015-12-05 that defines FID: average pooling leaves the padding out of the mean, the last block pools by
maximum, there are 1,008 classes. The names are those of torchvision and of the converted file that pytorch-fid and
torch-fidelity publish.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from translate.errors import DAMAGED, UNAVAILABLE, UserError
from translate.metrics.pixels import Images, batches
from translate.metrics.weights import load

VARIABLE = "TRANSLATE_INCEPTION"
FILES = ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth")  # one file, two names
SHA256_PREFIX = "6726825d"  # of the published file; part of its name
SIDE = 299


def find(cache: Path | None) -> Path | None:
    """The weight file: what $TRANSLATE_INCEPTION names, else a file of the published name in `cache`, else None."""
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise UserError(f"${VARIABLE} names {named}, which is not a file. {how_to_get(cache)}", UNAVAILABLE)
        return Path(named)
    return next((cache / file for file in FILES if (cache / file).is_file()), None) if cache else None


def how_to_get(cache: Path | None) -> str:
    place = f" or put it into {cache}" if cache else ""
    return (
        f"For FID, get {FILES[0]} from the releases of pytorch-fid (or {FILES[1]} from those of torch-fidelity) "
        f"and set {VARIABLE} to its path{place}."
    )


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU; stride 1 keeps the size unless `padding` says otherwise."""

    def __init__(self, channels: int, out: int, kernel: tuple[int, int], stride: int = 1, padded: bool = True):
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if padded else 0
        self.conv = nn.Conv2d(channels, out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return nnf.relu(self.bn(self.conv(x)), inplace=True)


ONE, THREE, FIVE, ROW, COLUMN = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)
Stage: TypeAlias = "tuple[int, tuple[int, int]] | list[tuple[int, tuple[int, int]]]"
"""One convolution (filters, kernel), or a list of two that stand side by side."""


class Mixed(nn.Module):
    """Parallel chains of convolutions and a pooled branch, concatenated: the paper's Figures 5, 6, 7 and 10.

    `pooled` filters follow the pooling. With none, the block halves the picture: the last convolution of each chain has
    stride 2 and no padding, and the pooling is a bare maximum.
    """

    def __init__(self, channels: int, chains: dict[str, list[Stage]], pooled: int = 0, maximum: bool = False):
        super().__init__()
        self.halves, self.maximum, self.chains, self.out = not pooled, maximum, [], pooled or channels
        for branch, stages in chains.items():
            before, names = channels, []
            for number, stage in enumerate(stages, 1):
                sides = stage if isinstance(stage, list) else [stage]
                end = number == len(stages)
                base = branch if len(stages) == 1 else f"{branch}_{number}"
                names.append([base + letter for letter, _ in zip("ab" if len(sides) > 1 else [""], sides, strict=True)])
                for name, (filters, kernel) in zip(names[-1], sides, strict=True):
                    halve = self.halves and end
                    self.add_module(name, Conv(before, filters, kernel, 2 if halve else 1, padded=not halve))
                    self.out += filters if end else 0
                before = sides[-1][0]
            self.chains.append(names)
        if pooled:
            self.branch_pool = Conv(channels, pooled, ONE)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for chain in self.chains:
            ys = [x]
            for names in chain:
                ys = [self.get_submodule(name)(ys[0]) for name in names]
            found += ys
        if self.halves:
            return torch.cat([*found, nnf.max_pool2d(x, 3, 2)], 1)
        pooled = nnf.max_pool2d(x, 3, 1, 1) if self.maximum else nnf.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat([*found, self.branch_pool(pooled)], 1)


def _thrice(one: int, rest: int) -> list[Stage]:
    return [(one, ONE), (rest, THREE), (rest, THREE)]


def _figure5(channels: int, pooled: int) -> Mixed:
    chains: dict[str, list[Stage]] = {"branch1x1": [(64, ONE)], "branch5x5": [(48, ONE), (64, FIVE)]}
    return Mixed(channels, chains | {"branch3x3dbl": _thrice(64, 96)}, pooled)


def _figure6(width: int) -> Mixed:
    once: list[Stage] = [(width, ONE), (width, ROW), (192, COLUMN)]
    twice: list[Stage] = [(width, ONE), (width, COLUMN), (width, ROW), (width, COLUMN), (192, ROW)]
    return Mixed(768, {"branch1x1": [(192, ONE)], "branch7x7": once, "branch7x7dbl": twice}, 192)


def _figure7(channels: int, maximum: bool) -> Mixed:
    fork: Stage = [(384, (1, 3)), (384, (3, 1))]
    once: list[Stage] = [(384, ONE), fork]
    twice: list[Stage] = [(448, ONE), (384, THREE), fork]
    return Mixed(channels, {"branch1x1": [(320, ONE)], "branch3x3": once, "branch3x3dbl": twice}, 192, maximum)


class Inception(nn.Module):
    """The network up to its 2,048 features; `fc` is there because the file has it."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, THREE, 2, padded=False)
        self.Conv2d_2a_3x3 = Conv(32, 32, THREE, padded=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, THREE)
        self.Conv2d_3b_1x1 = Conv(64, 80, ONE)
        self.Conv2d_4a_3x3 = Conv(80, 192, THREE, padded=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _figure5(192, 32), _figure5(256, 64), _figure5(288, 64)
        self.Mixed_6a = Mixed(288, {"branch3x3": [(384, THREE)], "branch3x3dbl": _thrice(64, 96)})
        self.Mixed_6b, self.Mixed_6c = _figure6(128), _figure6(160)
        self.Mixed_6d, self.Mixed_6e = _figure6(160), _figure6(192)
        seven: list[Stage] = [(192, ONE), (192, ROW), (192, COLUMN), (192, THREE)]
        self.Mixed_7a = Mixed(768, {"branch3x3": [(192, ONE), (320, THREE)], "branch7x7x3": seven})
        self.Mixed_7b, self.Mixed_7c = _figure7(1280, maximum=False), _figure7(2048, maximum=True)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 299, 299) in [-1, 1] -> (B, 2048)"""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(nnf.max_pool2d(x, 3, 2)))
        x = nnf.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            x = block(x) if name.startswith("Mixed") else x
        return x.mean((2, 3))


class InceptionFeatures:
    """Inception features with the weights of one file. say: gets the file's name and hash."""

    name = "inception"
    dimensions = 2048

    def __init__(self, path: Path, device: torch.device | str = "cpu", say: Callable[[str], None] = print):
        state, self.sha256 = load(path)
        known = (
            "the published file" if self.sha256.startswith(SHA256_PREFIX) else "NOT the published file: not comparable"
        )
        say(f"Inception weights: {path.name}, sha256 {self.sha256} ({known})")
        with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
            self.net = Inception()
        try:
            self.net.load_state_dict(state, strict=True, assign=True)
        except RuntimeError as error:
            raise UserError(
                f"{path} holds other weights than the Inception of FID ({_first(error)}). {how_to_get(None)}", DAMAGED
            ) from error
        self.device = torch.device(device)
        self.net.eval().requires_grad_(False).to(self.device)
        self.net.to(memory_format=torch.channels_last)  # 1.5 times as fast on a CPU

    def features(self, images: Images, batch: int = 16) -> Tensor:
        """(N, 2048) float32 on the CPU, of images as in `pixels.Images`."""
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            found = [self.net(resize(x) * (255 / 128) - 1).cpu() for x in batches(images, batch, self.device)]
        return torch.cat(found).clone()

    def protocol(self) -> dict[str, str]:
        return {
            "network": "Inception-v3 of 2015-12-05 (FID)",
            "sha256": self.sha256,
            "resize": f"bilinear as TensorFlow 1 (corners, no antialiasing), to {SIDE}x{SIDE}",
            "normalise": "(x - 128) / 128",
            "features": "pool3, 2048",
        }


def resize(x: Tensor, side: int = SIDE) -> Tensor:
    """(B, C, H, W) -> (B, C, side, side), bilinear as TensorFlow 1 did it inside the original FID network: pixel i is
    read at i * H / side, where other libraries read at (i + 1/2) * H / side - 1/2."""
    for dim in (2, 3):
        length = x.shape[dim]
        at = torch.arange(side, device=x.device) * (length / side)
        low = at.long().clamp(max=length - 1)
        fraction = (at - low).view((side, 1) if dim == 2 else (side,))
        high = (low + 1).clamp(max=length - 1)
        x = torch.lerp(x.index_select(dim, low), x.index_select(dim, high), fraction)
    return x


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[1 if len(lines) > 1 else 0][:120]
