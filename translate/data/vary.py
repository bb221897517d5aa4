"""Random crops, mirror images, rotations and colour changes of whole batches on the training device.

The same changes with the same probabilities as in augment.py, with other random numbers, and without rounding to
8 bits between rotation and colours.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from translate.data.settings import COLOUR_CHANGES, DataSettings

DRAWS = 12  # random numbers of an image: top, left, mirrored, angle; four amounts of colour; four for their order


def uniform(seed: int, domain: int, numbers: range) -> np.ndarray:
    """The images' random numbers, float64 (len(numbers), DRAWS) in [0, 1), a function of (seed, domain, n)."""
    # Raw numbers for the reason given in order.py; the spawn key makes this stream differ from the order's.
    source = np.random.PCG64(np.random.SeedSequence([abs(seed), domain], spawn_key=(1,)))
    source.advance(DRAWS * numbers.start)
    count = max(0, numbers.stop - numbers.start)
    raw = source.random_raw(DRAWS * count).reshape(count, DRAWS)[:: numbers.step]
    return (raw >> np.uint64(11)) * 2.0**-53


class Vary:
    """Augmentation of one domain's batches. The sampled parameters are one row of int32 per image, `width` long.
    classes: the images are label maps, whose colours don't mix."""

    def __init__(self, settings: DataSettings, channels: int, colour: bool, classes: bool = False):
        self.settings, self.between = settings, "nearest" if classes else "bilinear"
        rgb = settings.background_rgb
        self.fill = rgb if channels == 3 else (round(float(np.mean(rgb))),)
        amounts = {name: getattr(settings, name) for name in COLOUR_CHANGES}
        self.amounts = {name: amount for name, amount in amounts.items() if colour and amount}
        self.width = 4 + 3 * len(self.amounts)

    def draw(self, numbers: np.ndarray) -> np.ndarray:
        """Rows for images whose random numbers (B, DRAWS) are given: int32 (B, width)."""
        s, count = self.settings, len(self.amounts)
        room = np.subtract(s.load_size, s.size) + 1
        angle = (2 * numbers[:, 3] - 1) * s.rotate
        none = np.array([0.0 if name == "hue" else 1.0 for name in self.amounts])
        most = np.array([2 * np.pi * amount if name == "hue" else amount for name, amount in self.amounts.items()])
        factors = none + (2 * numbers[:, 4 : 4 + count] - 1) * most
        turns = np.argsort(numbers[:, 8 : 8 + count], axis=1)  # each image has its own order of the colour changes
        queues = np.argsort(turns, axis=0, kind="stable")  # for each place in the order, the images sorted by change
        whole = np.column_stack([numbers[:, :2] * room, numbers[:, 2] < s.flip, turns, queues]).astype(np.int32)
        return np.column_stack([whole, np.column_stack([angle, factors]).astype(np.float32).view(np.int32)])

    def __call__(self, images: Tensor, places: Tensor, rows: Tensor, drawn: np.ndarray) -> Tensor:
        """float32 (B, C, h, w) in [-1, 1]: images[places], each changed as its row says.

        images: uint8 (N, H, W, C) of the size before the crop. places: int64 (B,). rows: int32 (B, width), the result
        of `draw`, on the images' device; `drawn`: the same on the CPU, so that the device needn't be synchronised.
        """
        count = len(self.amounts)
        top, left, mirrored = rows[:, :3].long().unbind(1)
        angle, *factors = rows[:, 3 + 2 * count :].view(torch.float32).unbind(1)
        if self.settings.rotate:
            images = self._rotated(images.index_select(0, places), angle)
            places = torch.arange(len(images), device=images.device)
        x = self._cropped(images, places, top, left, mirrored).permute(0, 3, 1, 2)
        x = x.to(torch.float32, memory_format=torch.contiguous_format)
        if not count:
            return x.div_(127.5).sub_(1).clamp_(-1, 1)  # rounding in interpolation can give 1.0000001
        queues = rows[:, 3 + count : 3 + 2 * count].long().unbind(1)
        x = self._coloured(x.div_(255), factors, drawn[:, 3 : 3 + count], queues)
        return x.mul_(2).sub_(1).clamp_(-1, 1)

    def _cropped(self, images: Tensor, places: Tensor, top: Tensor, left: Tensor, mirrored: Tensor) -> Tensor:
        """(B, h, w, C): pixels are copied, without interpolation."""
        height, width = images.shape[1:3]
        h, w = self.settings.size
        across = torch.arange(w, device=images.device).expand(len(left), w)
        columns = left[:, None] + torch.where(mirrored[:, None] > 0, across.flip(1), across)
        lines = places[:, None] * height + top[:, None] + torch.arange(h, device=images.device)
        pixels = lines[:, :, None] * width + columns[:, None]
        # One row of C values per pixel: several times as fast on a CPU as an index per dimension.
        return images.flatten(0, 2).index_select(0, pixels.flatten()).unflatten(0, pixels.shape)

    def _rotated(self, images: Tensor, angle: Tensor) -> Tensor:
        """uint8 (B, H, W, C) rotated by `angle` degrees (B,), as float32; uncovered areas get the background."""
        from kornia.geometry.transform import rotate

        # Shifted so that the background is 0, the value used outside of the image. In place: nothing is copied.
        fill = torch.cat([images.new_full((1, 1, 1), value, dtype=torch.float32) for value in self.fill])
        x = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        return (rotate(x - fill, angle, mode=self.between) + fill).permute(0, 2, 3, 1).contiguous()

    def _coloured(self, x: Tensor, factors: Sequence[Tensor], turns: np.ndarray, queues: Sequence[Tensor]) -> Tensor:
        """x in [0, 1] after its colour changes. At each place in the order, each change is applied to all its images.

        factors: (B,) for each change. turns: (B, places), the change at each place in an image's order. queues: for
        each place, the images sorted by their change.
        """
        changes = _changes()
        for turn, queue in zip(turns.T, queues, strict=True):
            groups = queue.split(np.bincount(turn, minlength=len(self.amounts)).tolist())
            for name, factor, group in zip(self.amounts, factors, groups, strict=True):
                if len(group):
                    x.index_copy_(0, group, changes[name](x[group], factor[group]))
        return x


def _changes() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """kornia's functions that equal albumentations' ColorJitter (its other brightness and contrast differ from it)."""
    from kornia import enhance  # takes seconds; needed only for colour changes on a device

    return {
        "brightness": enhance.adjust_brightness_accumulative,
        "contrast": enhance.adjust_contrast_with_mean_subtraction,
        "saturation": enhance.adjust_saturation_with_gray_subtraction,
        "hue": enhance.adjust_hue,
    }
