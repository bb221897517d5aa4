"""Gradients on a CPU in several threads, each with a part of the batch and single-threaded kernels."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor

from translate.modes import Turn
from translate.system import distributed, image_rng
from translate.train.step.gradients import Batches, Gradients, total


class ThreadedGradients(Gradients):
    """Gradients, for networks that satisfy `networks.traits.is_per_sample`.

    Multi-threaded kernels synchronise their threads after each kernel; these threads synchronise once per turn, so a
    core that is used by another program delays them less.
    """

    def __init__(self, threads: int, layout: torch.memory_format, *arguments: Any):
        super().__init__(*arguments)
        self.count, self.layout = threads, layout
        self.threads = ThreadPoolExecutor(threads, initializer=_one_thread_each)

    def __call__(self, batches: Batches, progress: float | Tensor) -> Iterator[str]:
        weights = [len(batch[0]) / sum(len(batch[0]) for batch in batches) for batch in batches]
        steps = [self._parts(batch, progress) for batch in batches]
        while True:
            for parts, weight in zip(steps, weights, strict=True):
                turns = self._turns(parts, weight, last=parts is steps[-1])
                if not turns:
                    return
                for turn in turns:
                    self.stats[turn.player].add(turn, weight / len(turns))
            yield self.reduced(turns[0].player)

    def _parts(self, batch: Sequence[Tensor], progress: float | Tensor) -> list[Iterator[Turn]]:
        """A step for each thread, with every count-th image. count: the threads, or fewer to divide the batch."""
        count = math.gcd(self.count, len(batch[0]) // self.mode.batches_per_round)
        parts = ([self._rows(tensor, part, count) for tensor in batch] for part in range(count))
        return [self.mode.step(*part, progress=progress) for part in parts]

    def _rows(self, tensor: Tensor, part: int, count: int) -> Tensor:
        rows = tensor[part::count]
        return rows.contiguous(memory_format=self.layout) if rows.ndim == 4 else rows

    def _turns(self, parts: list[Iterator[Turn]], weight: float, last: bool) -> list[Turn]:
        """The parts' next turn, and its gradient into .grad; [] after the last turn."""
        if len(parts) == 1:
            turn = self.turn_of(parts[0], weight, last)
            return [turn] if turn else []
        with one_thread():
            turns, gradients = self._in_threads(parts, weight)
        for parameter, gradient in zip(self.parameters[turns[0].player] if turns else [], gradients, strict=True):
            if gradient is not None:
                # In the parameter's layout, as from `backward`: fused optimizers need it.
                grad = torch.empty_like(parameter).copy_(gradient)
                parameter.grad = grad if parameter.grad is None else parameter.grad + grad
        return turns

    def _in_threads(self, parts: list[Iterator[Turn]], weight: float) -> tuple[list[Turn], list[Tensor | None]]:
        """The turns, and the mean of their gradients, summed in the parts' order (deterministic)."""
        rng_state = torch.get_rng_state()

        def one(part: int) -> tuple[Turn | None, Sequence[Tensor | None], Generator]:
            generator = Generator()
            generator.set_state(rng_state)
            rank, world_size = distributed.rank(), distributed.world_size()
            with image_rng.part(rank + world_size * part, len(parts) * world_size, generator):
                turn = self.forward(parts[part])
                if turn is None:
                    return None, [], generator
                inputs = self.parameters[turn.player]
                return turn, torch.autograd.grad(weight * total(turn), inputs, allow_unused=True), generator

        turns, gradients, generators = zip(*self.threads.map(one, range(len(parts))), strict=True)
        torch.set_rng_state(generators[0].get_state())
        return [turn for turn in turns if turn], [_mean(found) for found in zip(*gradients, strict=True)]


def _mean(gradients: Sequence[Tensor | None]) -> Tensor | None:
    present = [gradient for gradient in gradients if gradient is not None]
    return sum(present[1:], present[0]) / len(gradients) if present else None


def _one_thread_each() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # both are per thread


@contextmanager
def one_thread() -> Iterator[None]:
    """While entered, kernels called from this thread are single-threaded."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
