"""CycleGAN's history of generated images, which its discriminators are trained on (Shrivastava et al. 2017)."""

import threading
from collections import deque

import torch
from torch import Tensor

from translate.system import distributed, image_rng

STORED, STORED_INDEX, FRESH_INDEX, STORE_AT = range(4)  # rows of a plan, see Pool._plan


class Pool:
    """A store of up to `size` past fakes of whole batches, also where processes or threads compute parts of a batch.

    Each part of a batch is `put`; when all parts are there, each can `take` what D is trained on instead. The
    exchanges are decided before the round (`plan`), on the CPU and from its random numbers, so that no GPU is waited
    for.
    """

    def __init__(self, size: int = 50):
        self.size, self.filled = size, 0
        self.device: torch.device | str = "cpu"
        self.store: Tensor | None = None  # (size + 1, C, H, W); the last one is never read
        self.plans: list[Tensor] = []
        self._buffers: dict[tuple[int, ...], list[Tensor]] = {}  # batch sizes -> the tensors that hold their plans
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._fakes: dict[int, deque[Tensor]] = {}  # part -> fakes that were put and not exchanged yet
        self._pending: set[int] = set()  # parts that have not taken from the newest `_output`
        self._exchanged = 0  # batches since the plan was made

    def query(self, fakes: Tensor) -> Tensor:
        """(B, C, H, W) fresh fakes → as many images: until the pool is full the fresh ones, then for each, with
        probability 1/2, a random stored one, which it replaces in the store."""
        self.plan(len(fakes))
        self.put(fakes)
        return self.take()

    def plan(self, *counts: int) -> None:
        """Decide the exchanges of a round. counts: images of each of its batches, over all processes."""
        self._reset()
        plans = [self._plan(count) for count in counts] if self.size else []
        if counts not in self._buffers:
            self._buffers[counts] = [torch.empty_like(plan, device=self.device) for plan in plans]
        self.plans = self._buffers[counts]
        for kept, new in zip(self.plans, plans, strict=True):  # in place: a recorded round reads these tensors
            kept.copy_(new.pin_memory() if kept.is_cuda else new, non_blocking=True)

    def _plan(self, count: int) -> Tensor:
        """int64 (4, count), for each output: STORED, 1 if it is a stored image; STORED_INDEX, which one; FRESH_INDEX,
        otherwise the fake of this batch that it is: its own, or the one whose place in the store it takes; STORE_AT,
        where its own fake is stored (`size`: nowhere)."""
        swaps, places = torch.rand(2, count).tolist()
        newest: dict[int, int] = {}  # place in the store -> index of the fake of this batch that is there now
        rows: list[list[int]] = []
        for number in range(count):
            stored, stored_index, fresh, place = 0, 0, number, self.size
            if self.filled < self.size:
                place, self.filled = self.filled, self.filled + 1
            elif swaps[number] > 0.5:
                place = min(int(places[number] * self.size), self.size - 1)
                if place in newest:
                    fresh = newest[place]
                    rows[fresh][STORE_AT] = self.size
                else:
                    stored, stored_index = 1, place
            newest[place] = number
            rows.append([stored, stored_index, fresh, place])
        return torch.tensor(rows).T.contiguous()

    def put(self, fakes: Tensor) -> None:
        """Add the fresh fakes (B, C, H, W) of this thread's part of the batch."""
        with self._lock:
            self._fakes.setdefault(image_rng.part_index(), deque()).append(fakes.detach())

    def take(self) -> Tensor:
        """The images (B, C, H, W) for this thread's part of the batch. After all parts were put."""
        part = image_rng.part_index()
        with self._lock:
            if not self.size:
                return self._fakes[part].popleft()
            if part not in self._pending:  # the first thread exchanges for all
                fakes = [self._fakes[index].popleft() for index in sorted(self._fakes)]
                batch = distributed.all_gather(torch.stack(fakes, 1).flatten(0, 1))
                self._output = self._exchange(batch, _layout(fakes[0]))
                self._pending = set(self._fakes)
            self._pending.remove(part)
            return self._output[part :: image_rng.part_count()]

    def _exchange(self, fakes: Tensor, layout: torch.memory_format) -> Tensor:
        # Without a trainer there is no plan.
        plan = self.plans[self._exchanged] if self._exchanged < len(self.plans) else self._plan(len(fakes))
        self._exchanged += 1
        if self.store is None:
            self.store = fakes.new_zeros((self.size + 1, *fakes.shape[1:]))
        elif self.store.dtype != fakes.dtype:  # a run that is continued with another precision
            self.store = self.store.to(fakes.dtype)
        stored = plan[STORED].bool()[:, None, None, None]
        output = torch.where(stored, self.store[plan[STORED_INDEX]], fakes[plan[FRESH_INDEX]])
        self.store.index_copy_(0, plan[STORE_AT], fakes)
        return output.contiguous(memory_format=layout)

    def state(self) -> dict[str, Tensor]:
        """The stored images for a checkpoint, in the order that future plans refer to; {} when there are none."""
        return {} if self.store is None else {"images": self.store[: self.filled]}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self.filled, self.store = 0, None
        if state:
            images = state["images"].to(self.device)
            self.filled = len(images)
            self.store = torch.cat([images, images.new_zeros((self.size + 1 - len(images), *images.shape[1:]))])


def _layout(images: Tensor) -> torch.memory_format:
    last = not images.is_contiguous() and images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format
