"""Activation checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): only the inputs of a
network's segments are kept for the backward pass, which recomputes the activations inside of one segment at a time."""

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby, repeat
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from translate.networks.fused import Fused, Planned, fuses, plan
from translate.networks.fused.plan import Convolution
from translate.networks.layers import InwardClamp, has_spectral_norm
from translate.system import distributed

Step = nn.Module | str  # a layer; 'push' saves the activation, 'add' and 'cat' combine it with the current one


def checkpoint_activations(network: nn.Module) -> None:
    """From now on the network keeps the inputs of its segments only: less memory, up to one more forward pass in a
    backward pass, the same numbers. Its weights must not change between the two passes; that isn't checked.

    Not changed: networks that are not Segmented (mlp as D), and those with spectral norm, whose passes change their
    weights.
    """
    if isinstance(network, Segmented) and not has_spectral_norm(network):
        # Dropout is outside of the recomputed parts and keeps its mask. So the random state need not be restored, which
        # other threads use and a CUDA graph can't set.
        network.parts = [
            (random, list(steps))
            for segment in network.segments()
            for random, steps in groupby(segment, lambda step: isinstance(step, nn.Dropout))
        ]


class Segmented(nn.Module):
    """A network whose forward pass is a list of steps, in segments. By default one segment: all layers, in the order in
    which they were constructed."""

    multiple: int = 1  # a translator's input is padded to multiples of this, and to at least `least`, before the steps
    least: int = 1
    residual: bool = False  # whether the result is clamp(x + steps(x), -1, 1) instead of steps(x)
    inward_gradient: bool = False  # see GeneratorSettings
    targets: int = 0  # input channels after the image's: the one-hot class of the target domain (modes/star.py)
    parts: Sequence[tuple[bool, list[Step]]] = ()  # (whether random, its steps); none without checkpointing
    fused: bool | None = None  # whether to use fused kernels (networks/fused); None: where they are faster

    def __init__(self) -> None:
        super().__init__()
        self._plans: dict[tuple[bool, bool], list[tuple[bool, list[Planned]]]] = {}

    def segments(self) -> Iterator[list[Step]]:
        """The forward pass as lists of steps. No list begins with an in-place layer: the input of a segment is kept."""
        yield [layer for part in self.children() for layer in part.children()]

    def steps(self) -> Iterator[Step]:
        """The forward pass as one list, for translate/model/tiles.py."""
        return chain.from_iterable(self.segments())

    def summed(self, x: Tensor, y: Tensor) -> Tensor:
        """The result of steps(x) = y: y, or clamp(x + y, -1, 1) of the image's channels."""
        if not self.residual:
            return y
        total = (x[:, : -self.targets] if self.targets else x) + y
        return InwardClamp.apply(total) if self.inward_gradient and total.requires_grad else total.clamp(-1, 1)

    def run(self, layers: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """layers(x), checkpointed and fused where that is on. layers: the forward pass that the steps describe."""
        fused = fuses(self, x) if self.fused is None else self.fused
        recompute = bool(self.parts) and torch.is_grad_enabled()
        if torch.compiler.is_exporting() or not (fused or recompute):
            return layers(x)
        state: tuple[Tensor, ...] = (x,)
        for random, steps in self._planned(recompute) if fused else self.parts:
            state = checkpointed(steps, *state) if recompute and not random else apply(steps, *state)
        return state[0]

    def compile(self, *arguments: Any, **options: Any) -> None:
        """As torch's; with the plan made before, which torch's compiler can't trace."""
        self._planned(False)
        super().compile(*arguments, **options)

    def _planned(self, recompute: bool) -> list[tuple[bool, list[Planned]]]:
        """The parts, or one part of all steps, planned for fused kernels. Batch norm is fused only in training in one
        process."""
        key = recompute, self.training and distributed.world_size() == 1
        if key not in self._plans:
            parts = self.parts if recompute else [(False, list(self.steps()))]
            self._plans[key] = [(random, plan(steps)) for random, steps in parts]
        return self._plans[key]


def sqrt_segments(blocks: Sequence[list[Step]]) -> Iterator[list[Step]]:
    """√n segments of about √n of the n blocks each, so that inputs and recomputed activations take similar memory."""
    size = max(1, round(math.sqrt(len(blocks))))
    for start in range(0, len(blocks), size):
        yield list(chain.from_iterable(blocks[start : start + size]))


def apply(steps: Sequence[Planned], x: Tensor, *pushed: Tensor) -> tuple[Tensor, ...]:
    """(x, *pushed) after the steps. pushed: activations saved by earlier steps."""
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


def checkpointed(steps: Sequence[Planned], *state: Tensor) -> tuple[Tensor, ...]:
    """`apply`, which keeps only its inputs for the backward pass and recomputes the rest there."""
    passes = chain([steps], repeat([_without_updates(step) for step in steps]))
    return checkpoint(lambda *state: apply(next(passes), *state), *state, use_reentrant=False, preserve_rng_state=False)


def _without_updates(step: Planned) -> Planned:
    """The layer with its own copy of running statistics, so that recomputing doesn't update the network's again."""
    if isinstance(step, Fused) and isinstance(step.norm, nn.BatchNorm2d):
        return dataclasses.replace(step, norm=cast(nn.Module, _without_updates(step.norm)))
    if not isinstance(step, nn.BatchNorm2d):
        return step
    copied = copy.copy(step)
    copied._buffers = {name: None if buffer is None else buffer.clone() for name, buffer in step._buffers.items()}
    return copied
