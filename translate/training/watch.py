"""What is watched of each player while a game is played: losses, gauges, the norm of the gradient, the first NaN."""

from collections.abc import Iterable

import torch
from torch import Tensor


class Watch:
    """One player's losses and gauges, kept on the device until they are asked for, the largest norm of its gradient,
    and its first NaN in a loss or gradient."""

    def __init__(self, device: torch.device):
        self.device = device
        self.names: list[str] = []
        self.gauges: dict[str, Tensor] = {}
        self.first_bad = torch.full((), -1, dtype=torch.int64, device=device)
        self.clear()

    def clear(self) -> None:
        self.sums: Tensor | None = None
        self.norm = torch.zeros((), device=self.device)
        self.gauges = {}
        self.turns = 0

    def note(self, names: Iterable[str], losses: Tensor, weight: float, gauges: dict[str, Tensor]) -> None:
        """What one batch contributes, in its share `weight`, to the player's turn."""
        self.names = list(names)
        self.sums = weight * losses if self.sums is None else self.sums + weight * losses
        self.gauges = {name: self.gauges.get(name, 0.0) + weight * value for name, value in gauges.items()}

    def close(self, seen: int, norm: Tensor | None) -> None:
        """End of the player's turn in the round that began after `seen` images."""
        assert self.sums is not None
        good = self.sums.isfinite().all()
        if norm is not None:
            good = good & norm.isfinite()
            self.norm = torch.maximum(self.norm, norm)
        self.first_bad = torch.where((self.first_bad < 0) & ~good, seen, self.first_bad)
        self.turns += 1

    def means(self) -> dict[str, float]:
        """Mean losses since the last `clear`. Waits for the device."""
        if self.sums is None:
            return {}
        return dict(zip(self.names, (self.sums / self.turns).tolist(), strict=True))

    def gauged(self) -> dict[str, float]:
        """Mean gauges since the last `clear`."""
        return {name: float(value / self.turns) for name, value in self.gauges.items()}

    def bad(self) -> tuple[int, list[str]] | None:
        """(images seen before the first round with a NaN or infinity, losses that are not finite), or None."""
        seen = int(self.first_bad.item())
        if seen < 0:
            return None
        finite = self.sums.isfinite().tolist() if self.sums is not None else []
        return seen, [name for name, good in zip(self.names, finite, strict=False) if not good]
