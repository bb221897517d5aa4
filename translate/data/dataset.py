"""The opened data of one, two or more domains, checked and split; gives single examples and batches."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from translate.data import loader, on_device
from translate.data.augment import Augment
from translate.data.domain import Domain
from translate.data.floats import filled, to_floats
from translate.data.items import Item, Problem
from translate.data.loader import Batch, Stretch
from translate.data.on_device import OnDevice
from translate.data.order import balanced, nth
from translate.data.reader import ValuesReader
from translate.data.settings import DataSettings
from translate.data.store import Pictures
from translate.settings import LETTERS
from translate.values import shown

A, B = 0, 1


class Data:
    """Made by `open_data`. Can be pickled (without its loaders), so that spawned processes can use it.

    domains: one (for a GAN), two (for translation) or more (for translation among them). classes: names of the classes;
    [] without labels.
    """

    def __init__(
        self,
        domains: tuple[Domain, ...],
        settings: DataSettings,
        *,
        paired: bool,
        truth: bool,
        seed: int,
        problems: list[Problem],
        classes: list[str],
    ):
        self.domains = domains
        self.settings = settings
        self.paired = paired
        self.truth = truth  # whether the i-th test images of all domains belong together
        self.seed = seed
        self.problems = problems
        self.classes = classes
        self._labels = self._numbers(domains[A].train.items)
        self._balanced = [domain.by_class() if settings.balance else [] for domain in domains]
        self._augments: list[Augment] = []
        self._on_device: dict[torch.device, OnDevice] = {}

    @property
    def train_a(self) -> list[Item]:
        return self.domains[A].train.items

    @property
    def train_b(self) -> list[Item]:
        """Empty if there is only one domain."""
        return [item for domain in self.domains[B:] for item in domain.train.items]

    @property
    def test_a(self) -> list[Item]:
        return self.domains[A].test.items

    @property
    def test_b(self) -> list[Item]:
        """Empty if there is only one domain."""
        return [item for domain in self.domains[B:] for item in domain.test.items]

    @property
    def in_memory(self) -> bool:
        """Whether decoded training images are kept in memory; workers then help only with heavy augmentation."""
        return self.domains[A].train.stack is not None

    def fits_on(self, device: str) -> bool:
        """Whether the decoded training images are of 8 bits and can stay on the device, and be augmented there."""
        return not any(domain.type for domain in self.domains) and on_device.fit(
            [domain.train.stack for domain in self.domains], torch.device(device)
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_augments": [], "_on_device": {}}

    # Training

    def order(self, domain_index: int, n: int) -> int:
        """Index of the n-th training image seen of domain 0 (a), 1 (b) ..."""
        domain = A if self.paired else domain_index  # pairs share their order
        if classes := self._balanced[domain]:
            return balanced(self.seed, domain, classes, n)
        return nth(self.seed, domain, len(self.domains[domain_index].train), n)

    def example(self, n: int) -> tuple[np.ndarray, ...]:
        """The n-th images (x of a, y of b), or of one domain (x,) or (x, its class as int64 ()); depends on (seed, n).

        Images are augmented, float32 (C, H, W) in [-1, 1]; pixels without a value are FILL, in a pair those of either.
        """
        if not self._augments:
            self._augments = [
                Augment(
                    self.settings,
                    domain.train.reader.channels,
                    colour=i == A,
                    measured=domain.type is not None,
                    classes=domain.label_map is not None,
                )
                for i, domain in enumerate(self.domains)
            ]
        parts = []
        for index, (domain, augment) in enumerate(zip(self.domains, self._augments, strict=True)):
            token = f"{self.seed} {n} {A if self.paired else index}"
            moved = augment.geometry(domain.train[self.order(index, n)], token)
            parts.append(to_floats(augment.colour(moved, token)))
        if any(domain.type for domain in self.domains):
            parts = filled(parts, self.paired)
        if self.classes:
            parts.append(self._labels[self.order(A, n), ...])  # with "..." the result stays an array
        return tuple(parts)

    def batches(
        self,
        start: int,
        stop: int,
        batch: int,
        *,
        workers: int = 0,
        share: tuple[int, int] = (0, 1),
        device: str | torch.device = "cpu",
    ) -> Iterator[Batch]:
        """Batches with images start to stop - 1 in the order they are seen, on `device`.

        A tensor of each domain, (x, y) of two; of one with labels (x, c). x, y: (B, C, H, W) in [-1, 1]; c: int64 (B,).
        The last batch may be smaller. `share` = (rank, ranks) takes every ranks-th image of each batch. The batches
        don't depend on `workers` or on where a run was interrupted. UserError names a file that can't be read. On CUDA
        the next batch is copied, and augmented with augment_on = "device", while the current one is in use.
        """
        device = torch.device(device)
        there = self._there(device) if self.settings.augment_on == "device" else None
        made = loader.batches(
            there.make if there else self._made,
            Stretch(start, stop, batch, share),
            self._names,
            workers=0 if there and there.resident else workers,  # all images are on the device
            pin=device.type == "cuda",
        )

        def bring(*parts: torch.Tensor) -> Batch:
            return tuple(part.to(device, non_blocking=True) for part in parts)

        return loader.brought(made, device, there.finish if there else bring)

    def _made(self, numbers: range) -> Batch:
        """The batch of the images with these numbers, on the CPU."""
        examples = [self.example(n) for n in numbers]
        return tuple(torch.stack([torch.from_numpy(part) for part in parts]) for parts in zip(*examples, strict=True))

    def _there(self, device: torch.device) -> OnDevice:
        if device not in self._on_device:
            self._on_device[device] = OnDevice(
                [domain.train for domain in self.domains],
                self.settings,
                seed=self.seed,
                streams=[A if self.paired else index for index in range(len(self.domains))],
                order=self.order,
                labels=self._labels,
                device=device,
            )
        return self._on_device[device]

    def files_of(self, start: int, stop: int) -> list[str]:
        """Names of the images seen from start to stop - 1, for a message about that batch."""
        return [self._names(n) for n in range(start, stop)]

    def _names(self, n: int) -> str:
        items = [domain.train.items[self.order(index, n)] for index, domain in enumerate(self.domains)]
        return f"{items[A].name} (side by side)" if items[A].part else ", ".join(item.name for item in items)

    def train_labels(self) -> np.ndarray:
        """The class of each training image as an index into `classes`, int64 (N,), in the order of `train_images`."""
        return self._labels

    # Testing

    def test_labels(self) -> np.ndarray:
        """The class of each test image, as `train_labels`, in the order of `test_images`."""
        return self._numbers(self.domains[A].test.items)

    def test_images(self, domain: str) -> np.ndarray:
        """All test images of a domain as they are shown, uint8 (N, H, W, C), not augmented."""
        return self.shown(domain, self.test_values(domain))

    def test_values(self, domain: str, most: int | None = None) -> np.ndarray:
        """The test images of a domain, or the first `most`, not augmented: uint8 (N, H, W, C), or of measured values
        float32 in [-1, 1], NaN where there is no value."""
        pictures = self.domains[LETTERS.index(domain)].test
        return self._read(pictures, range(len(pictures))[:most])

    def train_images(self, domain: str, every: int = 1, most: int | None = None) -> np.ndarray:
        """Every `every`-th training image of a domain as shown (from the first, at most `most`), not augmented: uint8
        (N, H, W, C)."""
        pictures = self.domains[LETTERS.index(domain)].train
        return self.shown(domain, self._read(pictures, range(0, len(pictures), every)[:most]))

    def shown(self, domain: str, images: np.ndarray) -> np.ndarray:
        """Images of a domain (`test_values`) as they are shown: uint8 (N, H, W, 1 or 3)."""
        return self.domains[LETTERS.index(domain)].test.reader.shown(images)

    def caption(self) -> str:
        """How measured values are shown, for sheets: "a: channel 1; 0 to 255 from black to white"; "" for pictures."""
        readers = {letter: domain.test.reader for letter, domain in zip(LETTERS, self.domains, strict=False)}
        found = {side: reader for side, reader in readers.items() if isinstance(reader, ValuesReader)}
        return ", ".join(f"{side}: {shown.words(reader.how, reader.type)}" for side, reader in found.items())

    def _read(self, pictures: Pictures, indices: range) -> np.ndarray:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.stack(list(pool.map(lambda index: pictures.at(index, self.settings.size), indices)))

    def _numbers(self, items: list[Item]) -> np.ndarray:
        number = {name: index for index, name in enumerate(self.classes)}
        return np.array([number[item.label] for item in items] if self.classes else [], np.int64)

    # Licences

    def licences(self) -> dict[str, str]:
        """Name of a data set -> its licence, for sets fetched by recipe; licences of users' own folders are unknown."""
        return {domain.recipe.name: domain.recipe.licence for domain in self.domains if domain.recipe is not None}
