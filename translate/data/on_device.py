"""Batches augmented on the training device: the part made on the CPU, and the part computed on the device."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from translate.data.reader import LabelReader
from translate.data.settings import DataSettings
from translate.data.store import Pictures
from translate.data.vary import Vary, uniform

SHARE = 0.25  # fraction of a GPU's free memory that decoded images may take


class OnDevice:
    """`make` selects a batch's images and samples their augmentation on the CPU; `finish` applies it on the device.

    pictures: of each domain. streams: the random stream of each domain; paired domains have the same one.
    order(domain, n): the index of the n-th image. labels: the class of each image of the first domain; may be empty.
    """

    def __init__(
        self,
        pictures: Sequence[Pictures],
        settings: DataSettings,
        *,
        seed: int,
        streams: Sequence[int],
        order: Callable[[int, int], int],
        labels: np.ndarray,
        device: torch.device,
    ):
        self.pictures, self.seed, self.streams, self.order, self.labels = pictures, seed, streams, order, labels
        self.vary = [
            Vary(settings, each.reader.channels, colour=i == 0, classes=isinstance(each.reader, LabelReader))
            for i, each in enumerate(pictures)
        ]
        self.device = device
        self.stacks = _resident([each.stack for each in pictures], device)

    @property
    def resident(self) -> bool:
        """Whether all images are on the device, so that only the sampled parameters are copied."""
        return bool(self.stacks)

    def make(self, numbers: range) -> tuple[Tensor, ...]:
        """int32 (B, sum of 1 + width, + 1 with labels): index and parameters of each domain's image, the class; then,
        unless resident, each domain's images, uint8 (B, H, W, C). UserError names a file that can't be read."""
        columns: list[Sequence[int] | np.ndarray] = []
        images = []
        for index, (pictures, vary, stream) in enumerate(zip(self.pictures, self.vary, self.streams, strict=True)):
            places = [self.order(index, n) for n in numbers]
            if not self.resident:
                images.append(torch.from_numpy(np.stack([pictures[place] for place in places])))
            columns.append(places if self.resident else range(len(places)))
            columns.append(vary.draw(uniform(self.seed, stream, numbers)))
        if len(self.labels):
            columns.append(self.labels[[self.order(0, n) for n in numbers]])
        return torch.from_numpy(np.column_stack(columns).astype(np.int32)), *images

    def finish(self, columns: Tensor, *images: Tensor) -> tuple[Tensor, ...]:
        """The batch on the device, see Data.batches, from the result of `make`."""
        drawn = columns.numpy()
        here = columns.to(self.device, non_blocking=True)
        sources = self.stacks or [part.to(self.device, non_blocking=True) for part in images]
        made, first = [], 0
        for vary, source in zip(self.vary, sources, strict=True):
            rows = slice(first + 1, first + 1 + vary.width)
            made.append(vary(source, here[:, first].long(), here[:, rows], drawn[:, rows]))
            first = rows.stop
        return (*made, here[:, first].long()) if len(self.labels) else tuple(made)


def fit(stacks: Sequence[np.ndarray | None], device: torch.device) -> bool:
    """Whether the images are decoded and take less than SHARE of the device's free memory; always enough on a CPU."""
    kept = [stack for stack in stacks if stack is not None]
    if len(kept) < len(stacks):
        return False
    return device.type != "cuda" or sum(s.nbytes for s in kept) <= SHARE * torch.cuda.mem_get_info(device)[0]


def _resident(stacks: Sequence[np.ndarray | None], device: torch.device) -> list[Tensor]:
    """The decoded images on the device if they fit, else none."""
    if not fit(stacks, device):
        return []
    return [torch.from_numpy(stack).to(device) for stack in stacks if stack is not None]
