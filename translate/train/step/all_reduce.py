"""The sum of a player's gradients over all processes, sent while the backward pass is still going on."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from translate.system import distributed

BUCKET = 25 << 20  # bytes summed at once: enough for full speed, few enough to begin early


class GradientAllReduce:
    """Averages the gradients of `parameters` over all processes while the backward pass is still going on.

    In buckets, from the last parameter to the first, as a backward pass reaches them. `armed` says that the next
    backward pass is the turn's last one.
    """

    def __init__(self, parameters: Iterable[Tensor]):
        self.buckets: list[list[Tensor]] = [[]]
        size = 0
        for parameter in reversed(list(parameters)):
            if size + parameter.nbytes > BUCKET and self.buckets[-1]:
                self.buckets.append([])
                size = 0
            self.buckets[-1].append(parameter)
            size += parameter.nbytes
        self.bucket_of = {id(p): number for number, bucket in enumerate(self.buckets) for p in bucket}
        self.armed = False
        self._begin()
        for bucket in self.buckets:
            for parameter in bucket:
                parameter.register_post_accumulate_grad_hook(self._arrived)

    def _begin(self) -> None:
        self.missing = [len(bucket) for bucket in self.buckets]
        self.going: list[tuple[list[Tensor], Tensor, Any]] = []

    def _arrived(self, parameter: Tensor) -> None:
        if not self.armed:
            return
        self.missing[self.bucket_of[id(parameter)]] -= 1
        while len(self.going) < len(self.buckets) and not self.missing[len(self.going)]:
            self._send()  # always in the same order: the processes must agree on what they sum

    def _send(self) -> None:
        bucket = self.buckets[len(self.going)]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        work: list[Any] = []
        distributed.collective(lambda: work.append(dist.all_reduce(flat, async_op=True)))
        self.going.append((bucket, flat, work[0]))

    def finish(self) -> None:
        """Send what is left, wait for all, and put the sums where the gradients were."""
        while len(self.going) < len(self.buckets):
            self._send()
        for bucket, flat, work in self.going:
            distributed.collective(work.wait)
            for parameter, summed in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                if parameter.grad is not None:
                    parameter.grad.copy_(summed.view_as(parameter) / distributed.world_size())
        self.armed = False
        self._begin()
