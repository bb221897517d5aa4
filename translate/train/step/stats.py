"""Running statistics of each player: mean losses and diagnostics, largest gradient norm, first NaN."""

import torch
from torch import Tensor

from translate.modes import Turn
from translate.system import distributed


class RunningStats:
    """One player's: sums of losses and diagnostics on the device, the largest norm of its gradient, and the first round
    with a NaN in a loss or gradient. All are changed in place, for recorded rounds."""

    def __init__(self, device: torch.device):
        self.losses: list[str] = []
        self.diagnostics: list[str] = []
        self.sums = torch.zeros(0, device=device)  # of the losses, then of the diagnostics
        self.now, self.last = self.sums.clone(), self.sums.clone()  # of the turn in progress, and of the one before
        self.turns = torch.zeros((), device=device)
        self.norm = torch.zeros((), device=device)
        self.first_bad = torch.full((), -1, dtype=torch.int64, device=device)

    def clear(self) -> None:
        """Start new means; the first NaN is kept."""
        for tensor in (self.sums, self.turns, self.norm):
            tensor.zero_()

    def add(self, turn: Turn, weight: float) -> None:
        """Add one batch's, or one thread's, part of the player's turn."""
        if not self.losses:
            self.losses, self.diagnostics = list(turn.losses), list(turn.diagnostics)
            self.sums = self.sums.new_zeros(len(self.losses) + len(self.diagnostics))
            self.now, self.last = self.sums.clone(), self.sums.clone()
        values = [*turn.losses.values(), *turn.diagnostics.values()]
        self.now += weight * torch.stack([value.detach().float() for value in values])

    def end_turn(self, images_seen: int | Tensor, norm: Tensor | None) -> None:
        """End of the player's turn in the round that began after `images_seen`."""
        self.sums += self.now
        self.last.copy_(self.now)
        self.now.zero_()
        good = self.sums[: len(self.losses)].isfinite().all()
        if norm is not None:
            good = good & norm.isfinite()
            self.norm.copy_(torch.maximum(self.norm, norm))
        bad = distributed.all_reduce_sum((~good).float()) > 0  # in all processes, so that all stop
        self.first_bad.copy_(torch.where((self.first_bad < 0) & bad, images_seen, self.first_bad))
        self.turns += 1

    def of_turn(self) -> dict[str, Tensor]:
        """Losses and diagnostics of the turn that has just ended: means over all its images, of all processes."""
        means = distributed.all_reduce_sum(self.last) / distributed.world_size()
        return dict(zip([*self.losses, *self.diagnostics], means, strict=True))

    def means(self) -> tuple[dict[str, float], dict[str, float]]:
        """Mean losses and mean diagnostics since the last `clear`, of all processes. Waits for the device."""
        means = (distributed.all_reduce_sum(self.sums / self.turns) / distributed.world_size()).tolist()
        return (
            dict(zip(self.losses, means, strict=False)),
            dict(zip(self.diagnostics, means[len(self.losses) :], strict=True)),
        )

    def first_nonfinite(self) -> tuple[int, list[str]] | None:
        """(images seen before the first round with a NaN or infinity, losses that are not finite), or None."""
        images_seen = int(self.first_bad.item())
        if images_seen < 0:
            return None
        return images_seen, [
            name for name, good in zip(self.losses, self.sums.isfinite().tolist(), strict=False) if not good
        ]
