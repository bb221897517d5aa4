"""The gradients of a round: each player's turn on all batches of the round, with a backward pass for each."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from translate.modes import Mode, Turn
from translate.system import distributed, image_rng
from translate.train.step.all_reduce import GradientAllReduce
from translate.train.step.stats import RunningStats

Batches = Sequence[Sequence[Tensor]]
DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class Gradients:
    """`gradients(batches, progress)` yields each player's name when its parameters' .grad is the round's: the mean over
    all images of all batches and processes. The caller then takes the player's step and resumes.

    batches: each what the mode's `step` takes; several = gradient accumulation. parameters: player → its networks'.
    """

    count = 1  # threads that compute them

    def __init__(
        self,
        mode: Mode,
        parameters: dict[str, list[nn.Parameter]],
        stats: dict[str, RunningStats],
        scaler: torch.amp.GradScaler,
        device: str,
        precision: str,
    ):
        self.mode, self.parameters, self.stats, self.scaler = mode, parameters, stats, scaler
        self.device, self.precision = device, precision
        several = distributed.world_size() > 1
        self.all_reduces = {p: GradientAllReduce(parameters[p]) for p in parameters} if several else {}

    def __call__(self, batches: Batches, progress: float | Tensor) -> Iterator[str]:
        steps = [self.mode.step(*batch, progress=progress) for batch in batches]
        weights = [len(batch[0]) / sum(len(batch[0]) for batch in batches) for batch in batches]
        while True:  # one turn per iteration; all steps yield the same players
            for step, weight in zip(steps, weights, strict=True):
                if (turn := self.turn_of(step, weight, last=step is steps[-1])) is None:
                    return
                player = turn.player
                self.stats[player].add(turn, weight)
            yield self.reduced(player)

    def turn_of(self, step: Iterator[Turn], weight: float, last: bool) -> Turn | None:
        """The step's next turn, its gradient added to .grad; None after the last turn. last: whether it is the last
        batch, so that processes may begin to all-reduce the gradient."""
        with image_rng.part(distributed.rank(), distributed.world_size()):
            turn = self.forward(step)
        if turn is not None:
            if self.all_reduces:
                self.all_reduces[turn.player].armed = last
            # `inputs`: networks of other players get no gradient.
            self.scaler.scale(weight * total(turn)).backward(inputs=self.parameters[turn.player])
        return turn

    def forward(self, step: Iterator[Turn]) -> Turn | None:
        """The forward passes of the step's next turn, under autocast; None after the last turn."""
        with torch.autocast(self.device, DTYPES[self.precision], enabled=self.precision != "fp32"):
            return next(step, None)

    def reduced(self, player: str) -> str:
        """`player`, after its gradients are averaged over all processes."""
        if self.all_reduces:
            self.all_reduces[player].finish()
        return player


def total(turn: Turn) -> Tensor:
    """The sum of the turn's losses, in float32."""
    return torch.stack([loss.float() for loss in turn.losses.values()]).sum()
