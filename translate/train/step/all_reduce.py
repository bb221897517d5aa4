"""All-reduce of a player's gradients over the processes, overlapped with the backward pass."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from translate.system import distributed

BUCKET_BYTES = 25 << 20  # per all_reduce: large enough for full bandwidth, small enough to begin early


class GradientAllReduce:
    """Averages the gradients of `parameters` over all processes, overlapped with the backward pass.

    In buckets, from the last parameter to the first, the order in which a backward pass reaches them. `armed`: whether
    the next backward pass is the last one of the turn.
    """

    def __init__(self, parameters: Iterable[Tensor]):
        self.buckets: list[list[Tensor]] = [[]]
        size = 0
        for parameter in reversed(list(parameters)):
            if size + parameter.nbytes > BUCKET_BYTES and self.buckets[-1]:
                self.buckets.append([])
                size = 0
            self.buckets[-1].append(parameter)
            size += parameter.nbytes
        self.bucket_of = {id(p): number for number, bucket in enumerate(self.buckets) for p in bucket}
        self.armed = False
        self._reset()
        for bucket in self.buckets:
            for parameter in bucket:
                parameter.register_post_accumulate_grad_hook(self._accumulated)

    def _reset(self) -> None:
        self.pending = [len(bucket) for bucket in self.buckets]
        self.in_flight: list[tuple[list[Tensor], Tensor, Any]] = []

    def _accumulated(self, parameter: Tensor) -> None:
        if not self.armed:
            return
        self.pending[self.bucket_of[id(parameter)]] -= 1
        while len(self.in_flight) < len(self.buckets) and not self.pending[len(self.in_flight)]:
            self._send()  # in a fixed order: all processes must reduce the same bucket

    def _send(self) -> None:
        bucket = self.buckets[len(self.in_flight)]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        work: list[Any] = []
        distributed.collective(lambda: work.append(dist.all_reduce(flat, async_op=True)))
        self.in_flight.append((bucket, flat, work[0]))

    def finish(self) -> None:
        """Send the remaining buckets, wait for all, and write the means into .grad."""
        while len(self.in_flight) < len(self.buckets):
            self._send()
        for bucket, flat, work in self.in_flight:
            distributed.collective(work.wait)
            for parameter, summed in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                if parameter.grad is not None:
                    parameter.grad.copy_(summed.view_as(parameter) / distributed.world_size())
        self.armed = False
        self._reset()
