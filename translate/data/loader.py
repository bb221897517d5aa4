"""Batches as torch tensors, made in this process or by worker processes: the same numbers either way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from translate.errors import UserError

if TYPE_CHECKING:
    from translate.data.dataset import Data

Batch = tuple[Tensor, ...]  # (x, y) of two domains; (x,) or (x, c) of one


class Batches(Dataset):
    """Batch `i` of a stretch of training. Whole batches, so that a worker's result needs no collating."""

    def __init__(self, data: "Data", start: int, stop: int, batch: int, share: tuple[int, int]):
        self.data, self.start, self.stop, self.batch, self.share = data, start, stop, batch, share

    def __len__(self) -> int:
        return max(0, -(-(self.stop - self.start) // self.batch))

    def numbers(self, index: int) -> range:
        first = self.start + index * self.batch
        rank, ranks = self.share
        return range(first + rank, min(first + self.batch, self.stop), ranks)

    def make(self, index: int) -> Batch:
        examples = [self.data.example(n) for n in self.numbers(index)]
        return tuple(torch.stack([torch.from_numpy(part) for part in parts]) for parts in zip(*examples, strict=True))

    def __getitem__(self, index: int) -> Batch | str:
        try:
            return self.make(index)
        except UserError as error:
            return str(error)  # an exception would come out of a worker with a traceback for its message


def batches(
    data: "Data", start: int, stop: int, batch: int, *, workers: int, pin_memory: bool, share: tuple[int, int]
) -> Iterator[Batch]:
    """See Data.batches."""
    dataset = Batches(data, start, stop, batch, share)
    pin = pin_memory and torch.cuda.is_available()
    if workers == 0:
        for index in range(len(dataset)):
            made = dataset.make(index)
            yield tuple(part.pin_memory() for part in made) if pin else made
        return
    loader: DataLoader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=2,
        worker_init_fn=_one_thread,
        generator=torch.Generator().manual_seed(0),  # else every iterator draws a number from torch's global stream
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
        numbers = dataset.numbers(min(arrived, len(dataset) - 1))
        files = "; ".join(data.files_of(numbers.start, numbers.start + 1))
        raise UserError(
            f"a process that loads images died (out of memory?) at or soon after {files}; try --set workers=0."
        ) from error


def _one_thread(worker: int) -> None:
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)
