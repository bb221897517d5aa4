"""The history of generated images that CycleGAN's discriminators are shown (Shrivastava et al. 2017; section 4)."""

import threading
from collections import deque

import torch
from torch import Tensor

from translate.system import distributed, image_rng

OLD, SLOT, FRESH, PLACE = range(4)  # rows of a plan


class Pool:
    """Keeps up to `size` past fakes, of the whole batch, also where processes or threads share it.

    A share of a batch is `put`; when all have put theirs, each can `take` what it is shown instead. What is swapped is
    decided ahead of the round (`plan`) on the CPU, from torch's CPU random numbers, so that nothing waits for a GPU.
    """

    def __init__(self, size: int = 50):
        self.size, self.filled = size, 0
        self.device: torch.device | str = "cpu"
        self.store: Tensor | None = None  # (size + 1, C, H, W); the last one is never read
        self.plans: list[Tensor] = []
        self._places: dict[tuple[int, ...], list[Tensor]] = {}  # of the plans for batches of so many images
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._fakes: dict[int, deque[Tensor]] = {}  # share -> what it put and nobody swapped yet
        self._waiting: set[int] = set()  # shares that have not taken theirs of the newest `_shown`
        self._swapped = 0  # batches since the plan was made

    def query(self, fakes: Tensor) -> Tensor:
        """(B, C, H, W) fresh fakes → as many images: until the pool is full the fresh ones, then for each, with
        probability 1/2, a random stored one, whose place it takes."""
        self.plan(len(fakes))
        self.put(fakes)
        return self.take()

    def plan(self, *counts: int) -> None:
        """Decide for the batches of a round, of so many images in all."""
        self._begin()
        drawn = [self._decided(count) for count in counts] if self.size else []
        if counts not in self._places:
            self._places[counts] = [torch.empty_like(plan, device=self.device) for plan in drawn]
        self.plans = self._places[counts]
        for kept, new in zip(self.plans, drawn, strict=True):  # in place, because a recorded round reads there
            kept.copy_(new.pin_memory() if kept.is_cuda else new, non_blocking=True)

    def _decided(self, count: int) -> Tensor:
        """int64 (4, count), for each fresh fake: whether a stored one is shown, and which; otherwise which fresh one:
        itself, unless it took the place of another of this batch; where it is stored."""
        swaps, places = torch.rand(2, count).tolist()
        newest: dict[int, int] = {}  # place -> the fresh one that is there now
        rows: list[list[int]] = []
        for number in range(count):
            old, slot, fresh, place = 0, 0, number, self.size
            if self.filled < self.size:
                place, self.filled = self.filled, self.filled + 1
            elif swaps[number] > 0.5:
                place = min(int(places[number] * self.size), self.size - 1)
                if place in newest:
                    fresh = newest[place]
                    rows[fresh][PLACE] = self.size
                else:
                    old, slot = 1, place
            newest[place] = number
            rows.append([old, slot, fresh, place])
        return torch.tensor(rows).T.contiguous()

    def put(self, fakes: Tensor) -> None:
        """A share's fresh fakes (B, C, H, W)."""
        with self._lock:
            self._fakes.setdefault(image_rng.part_index(), deque()).append(fakes.detach())

    def take(self) -> Tensor:
        """What the share is shown instead of what it put. After all shares have put theirs."""
        share = image_rng.part_index()
        with self._lock:
            if not self.size:
                return self._fakes[share].popleft()
            if share not in self._waiting:  # the first one that comes swaps for all
                fakes = [self._fakes[index].popleft() for index in sorted(self._fakes)]
                dealt = torch.stack(fakes, 1).flatten(0, 1) if len(fakes) > 1 else fakes[0]
                self._shown = self._swap(distributed.all_gather(dealt), _layout(fakes[0]))
                self._waiting = set(self._fakes)
            self._waiting.remove(share)
            return self._shown[share :: image_rng.part_count()]

    def _swap(self, fakes: Tensor, layout: torch.memory_format) -> Tensor:
        # Without a plan: a game that is played without a trainer.
        plan = self.plans[self._swapped] if self._swapped < len(self.plans) else self._decided(len(fakes))
        self._swapped += 1
        if self.store is None:
            self.store = fakes.new_zeros((self.size + 1, *fakes.shape[1:]))
        elif self.store.dtype != fakes.dtype:  # a run that is continued with another precision
            self.store = self.store.to(fakes.dtype)
        shown = torch.where(plan[OLD].bool()[:, None, None, None], self.store[plan[SLOT]], fakes[plan[FRESH]])
        self.store.index_copy_(0, plan[PLACE], fakes)
        return shown.contiguous(memory_format=layout)

    def state(self) -> dict[str, Tensor]:
        """Everything a checkpoint must hold, in the order that future draws refer to."""
        return {} if self.store is None else {"images": self.store[: self.filled]}

    def load(self, state: dict[str, Tensor]) -> None:
        self.filled, self.store = 0, None
        if state:
            images = state["images"].to(self.device)
            self.filled = len(images)
            self.store = torch.cat([images, images.new_zeros((self.size + 1 - len(images), *images.shape[1:]))])


def _layout(images: Tensor) -> torch.memory_format:
    last = not images.is_contiguous() and images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format
