"""Forward passes of a mode's networks: D on augmented images, and several passes of one network fused into one."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from translate.modes.diffaugment import diffaugment
from translate.system import image_rng


class Fused:
    """`network`; the first call on one of `batches` computes all of them in one pass, and later calls return theirs.

    For networks that satisfy `networks.traits.is_per_sample`: their outputs are the same in one pass as in several.
    """

    def __init__(self, network: nn.Module, batches: Sequence[Tensor]):
        self.network, self.batches = network, batches
        self.outputs: dict[int, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        if id(x) not in self.outputs and any(x is batch for batch in self.batches):
            outputs = one_pass(self.network, self.batches)
            self.outputs |= {id(batch): output for batch, output in zip(self.batches, outputs, strict=True)}
            self.batches = ()
        return self.outputs.pop(id(x)) if id(x) in self.outputs else self.network(x)


class Critic:
    """A discriminator as the losses call it: D(images) → logits, D(a, b) → (logits of a, logits of b).

    Images (B, C, H, W) are augmented (DiffAugment) and get instance noise (Sønderby et al. 2017) where the settings
    have any, real and fake alike. progress: fraction of the training done, 0 to 1; the noise decays with it.
    condition: images (B, C', H, W) concatenated to D's input and augmented together with it (pix2pix). encode: the last
    change of D's input, such as classes appended as channels. fuse: several batches go through D in one pass.
    """

    def __init__(
        self,
        D: nn.Module,
        settings: Any,
        progress: float,
        *,
        fuse: bool,
        condition: Tensor | None = None,
        encode: Callable[[Tensor], Tensor] = lambda x: x,
    ):
        self.D, self.settings, self.progress, self.fuse = D, settings, progress, fuse
        self.condition, self.encode = condition, encode

    def __call__(self, *batches: Tensor) -> Any:
        inputs = [self.encode(self._augmented(batch)) for batch in batches]
        if len(inputs) == 1:
            return self.D(inputs[0])
        return one_pass(self.D, inputs) if self.fuse else tuple(self.D(batch) for batch in inputs)

    def features(self, *batches: Tensor) -> list[list[Tensor]]:
        """Of each batch D's features and, last, its logits; of a D that has `features`."""
        inputs = [self.encode(self._augmented(batch)) for batch in batches]
        if not self.fuse:
            return [self.D.features(batch) for batch in inputs]  # type: ignore[operator]
        found = self.D.features(torch.cat(inputs))  # type: ignore[operator]
        sizes = [len(batch) for batch in inputs]
        return [list(of) for of in zip(*(maps.split(sizes) for maps in found), strict=True)]

    def _augmented(self, images: Tensor) -> Tensor:
        s, channels = self.settings, [images.shape[1]]
        if self.condition is not None:
            images = torch.cat([self.condition, images], 1)
            channels.insert(0, self.condition.shape[1])
        if s.diffaugment:
            images = diffaugment(images, s.diffaugment, channels)
        if not s.instance_noise:
            return images
        noise = image_rng.normal(*images.shape, device=images.device, dtype=images.dtype)
        return images + s.instance_noise * (1 - self.progress) * noise


def smaller(images: Tensor, halvings: int) -> Tensor:
    """Images (B, C, H, W) at half of their size, so many times: means of 3×3 pixels, as in pix2pixHD."""
    for _ in range(halvings):
        images = nnf.avg_pool2d(images, 3, 2, 1, count_include_pad=False)
    return images


def one_pass(network: nn.Module, batches: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The network's outputs for several batches (B_i, …), computed as one batch of ΣB_i."""
    return network(torch.cat(list(batches))).split([len(batch) for batch in batches])
