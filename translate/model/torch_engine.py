"""The torch engine: runs a generator on batches of pixels, NumPy arrays in and out."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.image.picture import PEAKS
from translate.model import checks
from translate.model import file as generator_file
from translate.model.description import direction_of
from translate.system.device import choose

if hasattr(os, "register_at_fork"):
    # A forked child has no OpenMP threads, and GNU's OpenMP would wait for them for ever.
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


def to_input(levels: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """uint8, uint16 or float32 in [0, 1] (N, H, W, C) → float32 (N, C, H, W) in [-1, 1] on `device`."""
    peak = PEAKS[str(levels.dtype).removeprefix("torch.")]
    if peak == 65535:
        levels = levels.astype(np.int32) if isinstance(levels, np.ndarray) else levels.int()
    x = torch.as_tensor(levels).to(device).float() / (peak / 2)
    return x.sub_(1).permute(0, 3, 1, 2).contiguous()


def to_channels_first(x: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """float32 (N, H, W, C) → (N, C, H, W) on `device`."""
    return torch.from_numpy(np.ascontiguousarray(x)).to(device).permute(0, 3, 1, 2).contiguous()


def to_image(outputs: Tensor, kind: str = "uint8") -> np.ndarray:
    """(N, C, H, W) in [-1, 1] → levels (N, H, W, C) on the CPU. kind: uint8 or uint16 (rounded), or float32."""
    levels = outputs.float().clamp(-1, 1).add_(1).mul_(PEAKS[kind] / 2)
    if kind == "float32":
        return levels.permute(0, 2, 3, 1).cpu().numpy()
    levels = levels.round_().to(torch.uint8 if kind == "uint8" else torch.int32)
    return levels.permute(0, 2, 3, 1).cpu().numpy().astype(kind, copy=False)


class TorchEngine:
    """One direction of a generator file, run by torch.

    Calling it: levels (N, H, W, C), uint8, uint16 or float32 in [0, 1] → levels (N, H, W, C') of the same dtype.
    precision: fp32, bf16 or fp16 (autocast; norms stay in float32).
    stochastic: dropout stays on, as in pix2pix at test time; all other layers are in evaluation mode.
    """

    high_bit = True

    def __init__(
        self,
        network: nn.Module,
        description: dict[str, Any],
        direction: str,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        stochastic: bool = False,
    ):
        checks.one_of("--precision", precision, ("fp32", "bf16", "fp16"))
        checks.switch("--stochastic", stochastic)
        device = choose(device)
        # channels_last makes convolutions 1.3 to 1.7 times as fast, on CPUs and on GPUs with tensor cores.
        self.layout = torch.contiguous_format if device == "mps" else torch.channels_last
        self.network = network.eval().to(device).to(memory_format=self.layout)
        self.description, self.direction, self.device = description, direction, device
        self.dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        if stochastic:
            layers = [layer for layer in network.modules() if isinstance(layer, nn.Dropout)]
            if not layers:
                raise UserError("--stochastic needs a generator that was trained with dropout; this one has none.")
            for layer in layers:
                layer.train()

    @classmethod
    def load(cls, model: str | Path, direction: str = "a2b", **options) -> "TorchEngine":
        """model: a run folder, a generator file or a name in pretrained/. UserError when it can't be used."""
        tensors, description, path = generator_file.read(model)
        direction = direction_of(description, direction)
        entry = generator_file.entry(description, direction, path)
        network = generator_file.build(entry, generator_file.weights(tensors, entry, direction), path)
        return cls(network, description, direction, **options)

    @torch.inference_mode()
    def __call__(self, levels: np.ndarray) -> np.ndarray:
        return to_image(self.run(to_input(levels, self.device)), levels.dtype.name)

    @torch.inference_mode()
    def exact(self, x: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, C) in [-1, 1] → float32 (N, H, W, C') in [-1, 1]: without levels in between."""
        y = self.run(to_channels_first(x, self.device))
        return y.float().clamp(-1, 1).permute(0, 2, 3, 1).cpu().numpy()

    def autocast(self) -> torch.autocast:
        return torch.autocast(torch.device(self.device).type, self.dtype, enabled=self.dtype is not None)

    def run(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1] → the network's output. FloatingPointError when it contains NaN or infinity."""
        with self.autocast():
            y = self.network(x.contiguous(memory_format=self.layout))
        if not torch.isfinite(y.sum(dtype=torch.float32)):  # one pass; outputs in [-1, 1] have a finite sum
            raise FloatingPointError("the network's output is not a number (NaN or infinity)")
        return y
