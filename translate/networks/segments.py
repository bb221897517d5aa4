"""Activation checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): of a network's segments
only the borders are kept for the backward pass, which computes the inside of one after the other again."""

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby, repeat
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from translate.networks.fused import Fused, Planned, fuses, plan
from translate.networks.fused.plan import Convolution
from translate.networks.layers import has_spectral_norm
from translate.system import distributed

Step = nn.Module | str  # a layer; 'push' keeps what is there, 'add' and 'cat' take it up again


def checkpoint_activations(network: nn.Module) -> None:
    """From now on the network keeps its segments' borders only: less memory, up to one forward pass more in a backward
    pass, the same numbers. Its weights may not change between the two, which nothing would notice.

    Left as they are: networks whose maps are small (mlp), and those whose weights every pass changes (spectral norm).
    """
    if isinstance(network, Segmented) and not has_spectral_norm(network):
        # Dropout stands between segments and keeps its mask. With nothing random inside, the state of the random
        # numbers need not be restored, which other threads use and a CUDA graph can't set.
        network.parts = [
            (random, list(steps))
            for segment in network.segments()
            for random, steps in groupby(segment, lambda step: isinstance(step, nn.Dropout))
        ]


class Segmented(nn.Module):
    """A network of which the steps are known, in segments. Here one of all layers, in the order they were made."""

    multiple: int = 1  # a translator's input is padded to multiples of this, and to at least `least`, before the steps
    least: int = 1
    residual: bool = False  # whether the result is clamp(x + steps(x), -1, 1) instead of steps(x)
    parts: Sequence[tuple[bool, list[Step]]] = ()  # (whether random, its steps); none where all is kept
    fused: bool | None = None  # whether in fused steps, see networks/fused; None: where that pays

    def __init__(self) -> None:
        super().__init__()
        self._plans: dict[tuple[bool, bool], list[tuple[bool, list[Planned]]]] = {}

    def segments(self) -> Iterator[list[Step]]:
        """The forward pass as lists of steps. None begins with a layer that works in place: its input is kept."""
        yield [layer for part in self.children() for layer in part.children()]

    def steps(self) -> Iterator[Step]:
        """The forward pass as one list, for translate/model/tiles.py."""
        return chain.from_iterable(self.segments())

    def run(self, layers: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """layers(x), which is what the steps do to x."""
        fused = fuses(self, x) if self.fused is None else self.fused
        recompute = bool(self.parts) and torch.is_grad_enabled()
        if torch.compiler.is_exporting() or not (fused or recompute):
            return layers(x)
        state: tuple[Tensor, ...] = (x,)
        for random, steps in self._planned(recompute) if fused else self.parts:
            state = recomputed(steps, *state) if recompute and not random else play(steps, *state)
        return state[0]

    def _planned(self, recompute: bool) -> list[tuple[bool, list[Planned]]]:
        """The parts in fused steps, or all as one. Batch norm is fused in training only, and not over processes."""
        key = recompute, self.training and distributed.world_size() == 1
        if key not in self._plans:
            parts = self.parts if recompute else [(False, list(self.steps()))]
            self._plans[key] = [(random, plan(steps)) for random, steps in parts]
        return self._plans[key]


def roots(blocks: Sequence[list[Step]]) -> Iterator[list[Step]]:
    """√n segments of about √n of the n blocks each: what is kept and what is computed again at once are then alike."""
    size = max(1, round(math.sqrt(len(blocks))))
    for start in range(0, len(blocks), size):
        yield list(chain.from_iterable(blocks[start : start + size]))


def play(steps: Sequence[Planned], x: Tensor, *pushed: Tensor) -> tuple[Tensor, ...]:
    """(x, *pushed) after the steps."""
    stack = list(pushed)
    for step in steps:
        if step == "push":
            stack.append(x)
        elif step == "add":
            x = stack.pop() + x
        elif step == "cat":
            x = torch.cat([stack.pop(), x], 1)
        elif isinstance(step, Fused):
            x = step(x, stack)
        elif isinstance(step, Convolution):
            x = step(x)
        else:
            assert isinstance(step, nn.Module)
            x = step(x)
    return x, *stack


def recomputed(steps: Sequence[Planned], *state: Tensor) -> tuple[Tensor, ...]:
    """`play`, of which nothing is kept for the backward pass but what it is given."""
    passes = chain([steps], repeat([_twin(step) for step in steps]))
    return checkpoint(lambda *state: play(next(passes), *state), *state, use_reentrant=False, preserve_rng_state=False)


def _twin(step: Planned) -> Planned:
    """The layer with running statistics of its own, so that a second pass doesn't move the network's again."""
    if isinstance(step, Fused) and isinstance(step.norm, nn.BatchNorm2d):
        return dataclasses.replace(step, norm=cast(nn.Module, _twin(step.norm)))
    if not isinstance(step, nn.BatchNorm2d):
        return step
    twin = copy.copy(step)
    twin._buffers = {name: None if buffer is None else buffer.clone() for name, buffer in step._buffers.items()}
    return twin
