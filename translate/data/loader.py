"""Batches as torch tensors, made in this process or by workers with equal results, and their copy to a device."""

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from translate.errors import UserError
from translate.system import signals

Batch = tuple[Tensor, ...]  # (x, y) of two domains; (x,) or (x, c) of one


@dataclass(frozen=True)
class Stretch:
    """Images start to stop - 1 in batches; share = (rank, ranks) selects every ranks-th image of each batch."""

    start: int
    stop: int
    batch: int
    share: tuple[int, int]

    def __len__(self) -> int:
        return max(0, -(-(self.stop - self.start) // self.batch))

    def numbers(self, index: int) -> range:
        """Numbers of the images of batch `index`."""
        first = self.start + index * self.batch
        rank, ranks = self.share
        return range(first + rank, min(first + self.batch, self.stop), ranks)


@dataclass(frozen=True)
class Batches(Dataset):
    """A dataset of whole batches, so that no collating is needed. make: gives the batch of a list of image numbers."""

    make: Callable[[range], Batch]
    stretch: Stretch

    def __len__(self) -> int:
        return len(self.stretch)

    def __getitem__(self, index: int) -> Batch | str:
        try:
            return self.make(self.stretch.numbers(index))
        except UserError as error:
            return str(error)  # an exception from a worker would have a traceback as its message


def batches(
    make: Callable[[range], Batch],
    stretch: Stretch,
    name: Callable[[int], str],
    *,
    workers: int,
    pin: bool,
) -> Iterator[Batch]:
    """The batches of `stretch`, in main memory. name(n) is the name of the n-th image in messages."""
    if workers == 0:
        for index in range(len(stretch)):
            made = make(stretch.numbers(index))
            yield tuple(part.pin_memory() for part in made) if pin else made
        return
    loader: DataLoader = DataLoader(
        Batches(make, stretch),
        batch_size=None,
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=2,
        worker_init_fn=_start_worker,
        generator=torch.Generator().manual_seed(0),  # otherwise every iterator advances torch's global generator
        # Forked processes share the decoded images in memory; spawned ones would each get a copy of all of them.
        multiprocessing_context="fork" if sys.platform == "linux" else None,
    )
    arrived = 0
    try:
        for arrived_batch in loader:
            if isinstance(arrived_batch, str):
                raise UserError(arrived_batch)
            yield tuple(arrived_batch)
            arrived += 1
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        first = stretch.numbers(min(arrived, len(stretch) - 1)).start
        raise UserError(
            f"a process that loads images died (out of memory?) at or soon after {name(first)}; try --set workers=0."
        ) from error


def brought(batches: Iterator[Batch], device: torch.device, bring: Callable[..., Batch]) -> Iterator[Batch]:
    """Each batch after `bring` has moved it to `device`. On CUDA the next batch is copied while one is in use."""
    if device.type != "cuda":
        for made in batches:
            yield bring(*made)
        return
    # A separate stream, so that `bring` doesn't wait for the training round.
    stream = torch.cuda.Stream(device)
    coming: tuple[Batch, torch.Event] | None = None
    for following in itertools.chain(batches, [None]):
        here = coming
        if following is not None:
            with torch.cuda.stream(stream):
                coming = bring(*following), stream.record_event()
        if here is not None:
            parts, done = here
            current = torch.cuda.current_stream(device)
            current.wait_event(done)
            for part in parts:
                part.record_stream(current)  # its memory isn't reused before the round has finished with it
            yield parts


def _start_worker(worker: int) -> None:
    import cv2

    signals.ignore()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
