"""What is watched of each player while a game is played: losses, gauges, the norm of the gradient, the first NaN."""

import torch
from torch import Tensor

from translate.modes import Turn
from translate.system import distributed


class Watch:
    """One player's losses and gauges, kept on the device until they are asked for, the largest norm of its gradient,
    and its first NaN in a loss or gradient. All are changed in place, because a recorded round writes there."""

    def __init__(self, device: torch.device):
        self.losses: list[str] = []
        self.gauges: list[str] = []
        self.sums = torch.zeros(0, device=device)  # of the losses, then of the gauges
        self.turns = torch.zeros((), device=device)
        self.norm = torch.zeros((), device=device)
        self.first_bad = torch.full((), -1, dtype=torch.int64, device=device)

    def clear(self) -> None:
        for tensor in (self.sums, self.turns, self.norm):
            tensor.zero_()

    def note(self, turn: Turn, weight: float) -> None:
        """What one batch, or one share of it, contributes to the player's turn."""
        if not self.losses:
            self.losses, self.gauges = list(turn.losses), list(turn.gauges)
            self.sums = self.sums.new_zeros(len(self.losses) + len(self.gauges))
        values = [*turn.losses.values(), *turn.gauges.values()]
        self.sums += weight * torch.stack([value.detach().float() for value in values])

    def close(self, seen: int | Tensor, norm: Tensor | None) -> None:
        """End of the player's turn in the round that began after `seen` images."""
        good = self.sums[: len(self.losses)].isfinite().all()
        if norm is not None:
            good = good & norm.isfinite()
            self.norm.copy_(torch.maximum(self.norm, norm))
        bad = distributed.total((~good).float()) > 0  # all processes stop, whichever met it
        self.first_bad.copy_(torch.where((self.first_bad < 0) & bad, seen, self.first_bad))
        self.turns += 1

    def means(self) -> tuple[dict[str, float], dict[str, float]]:
        """Mean losses and mean gauges since the last `clear`, of all processes. Waits for the device."""
        means = (distributed.total(self.sums / self.turns) / distributed.count()).tolist()
        return (
            dict(zip(self.losses, means, strict=False)),
            dict(zip(self.gauges, means[len(self.losses) :], strict=True)),
        )

    def bad(self) -> tuple[int, list[str]] | None:
        """(images seen before the first round with a NaN or infinity, losses that are not finite), or None."""
        seen = int(self.first_bad.item())
        if seen < 0:
            return None
        return seen, [name for name, good in zip(self.losses, self.sums.isfinite().tolist(), strict=False) if not good]
