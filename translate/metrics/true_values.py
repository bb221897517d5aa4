"""Errors of measured values against their true partners, in their own unit; pixels without a value don't count."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from translate.metrics.paired import PSNR_CAP, WINDOW

AT_ONCE = 16


@dataclass(frozen=True)
class TrueValues:
    """truth: float32 (N, H, W, C) in [-1, 1], NaN where there is no value. span: of the domain's range, in its unit."""

    truth: np.ndarray
    span: float
    unit: str = ""

    @property
    def mae(self) -> str:
        """The score's name."""
        return f"MAE ({self.unit})" if self.unit else "MAE"

    @property
    def names(self) -> list[str]:
        return [self.mae, "L1", "PSNR", *(["SSIM"] if min(self.truth.shape[1:3]) >= WINDOW else [])]

    def errors(self, outputs: np.ndarray) -> dict[str, Tensor]:
        """Of outputs like `truth`: by score float64 (N,). MAE in the unit; L1, PSNR and SSIM of the range as [0, 1]."""
        parts = [
            self._some(outputs[start : start + AT_ONCE], self.truth[start : start + AT_ONCE])
            for start in range(0, len(outputs), AT_ONCE)
        ]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _some(self, outputs: np.ndarray, truth: np.ndarray) -> dict[str, Tensor]:
        x, y = (
            (torch.from_numpy(np.ascontiguousarray(z)).permute(0, 3, 1, 2).double() + 1) / 2 for z in (outputs, truth)
        )
        known = ~(x.isnan().any(1, keepdim=True) | y.isnan().any(1, keepdim=True))
        x, y = torch.where(known, x, 0), torch.where(known, y, 0)
        count = (known.sum((1, 2, 3)) * x.shape[1]).clamp_min(1)
        l1 = (x - y).abs().sum((1, 2, 3)) / count
        squares = (x - y).square().sum((1, 2, 3)) / count
        found = {self.mae: l1 * self.span, "L1": l1, "PSNR": (-10 * squares.log10()).clamp(max=PSNR_CAP)}
        if "SSIM" in self.names:
            from kornia.metrics import ssim  # half a second to import

            inner = (..., slice(WINDOW // 2, -(WINDOW // 2)), slice(WINDOW // 2, -(WINDOW // 2)))
            maps = ssim(x, y, WINDOW, max_val=1.0, padding="valid") * known[inner]
            found["SSIM"] = maps.sum((1, 2, 3)) / (known[inner].sum((1, 2, 3)) * x.shape[1]).clamp_min(1)
        return found
