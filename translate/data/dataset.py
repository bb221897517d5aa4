"""The opened data: two domains, split, checked, and brought one pair or one batch at a time."""

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from translate.catalog import Recipe
from translate.data.augment import Augment
from translate.data.items import Item, Problem
from translate.data.order import nth
from translate.data.pictures import Pictures
from translate.data.settings import DataSettings

A, B = 0, 1
Domain = Literal["a", "b"]


class Data:
    """Made by `open_data`. Can be pickled (without its loaders), so that spawned processes can use it."""

    def __init__(
        self,
        names: tuple[str, str],
        recipes: tuple[Recipe | None, Recipe | None],
        train: tuple[Pictures, Pictures],
        test: tuple[Pictures, Pictures],
        settings: DataSettings,
        *,
        paired: bool,
        truth: bool,
        seed: int,
        problems: list[Problem],
    ):
        self.a_name, self.b_name = names
        self.recipes = recipes
        self.settings = settings
        self.paired = paired
        self.truth = truth  # test_a[i] and test_b[i] show the same thing
        self.seed = seed
        self.problems = problems
        self._train, self._test = train, test
        self._augment: tuple[Augment, Augment] | None = None

    @property
    def train_a(self) -> list[Item]:
        return self._train[A].items

    @property
    def train_b(self) -> list[Item]:
        return self._train[B].items

    @property
    def test_a(self) -> list[Item]:
        return self._test[A].items

    @property
    def test_b(self) -> list[Item]:
        return self._test[B].items

    @property
    def in_memory(self) -> bool:
        """Whether training images are kept decoded; worker processes then help only with heavy augmentation."""
        return self._train[A].stack is not None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_augment": None}

    # Training

    def order(self, domain_index: int, n: int) -> int:
        """Index of the n-th training image that is seen of domain 0 (a) or 1 (b)."""
        domain = A if self.paired else domain_index  # pairs share their order
        return nth(self.seed, domain, len(self._train[domain_index]), n)

    def train_pair(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The n-th images (x of a, y of b), augmented: float32 (C, H, W) in [-1, 1]. Depends on (seed, n) only."""
        if self._augment is None:
            settings = self.settings
            self._augment = (
                Augment(settings, settings.channels_a, colour=True),
                Augment(settings, settings.channels_b, colour=False),
            )
        tokens = [f"{self.seed} {n} {A if self.paired else domain}" for domain in (A, B)]
        x, y = (
            self._augment[domain].geometry(self._train[domain][self.order(domain, n)], tokens[domain])
            for domain in (A, B)
        )
        return to_floats(self._augment[A].colour(x, tokens[A])), to_floats(y)

    def batches(
        self,
        start: int,
        stop: int,
        batch: int,
        *,
        workers: int = 0,
        pin_memory: bool = False,
        share: tuple[int, int] = (0, 1),
    ) -> Iterator[tuple[Any, Any]]:
        """Batches (x, y) of tensors (B, C, H, W) in [-1, 1] with images start to stop - 1 in the order they are seen.

        The last batch may be smaller. `share` = (rank, ranks) takes every ranks-th image of each batch. What comes
        doesn't depend on `workers`, nor on where a run was interrupted. UserError names a file that can't be read.
        """
        from translate.data.loader import batches

        return batches(self, start, stop, batch, workers=workers, pin_memory=pin_memory, share=share)

    def files_of(self, start: int, stop: int) -> list[str]:
        """Names of the images seen from start to stop - 1, for a message about that batch."""
        names = []
        for n in range(start, stop):
            first, second = self.train_a[self.order(A, n)], self.train_b[self.order(B, n)]
            names.append(f"{first.name} (side by side)" if first.part else f"{first.name}, {second.name}")
        return names

    # Testing

    def held_out(self, limit: int | None = None) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
        """The first `limit` test images of a and, where `truth`, what they should become: uint8 (H, W, C) each."""
        xs = list(self._read(self._test[A], range(len(self.test_a))[:limit]))
        return xs, list(self._read(self._test[B], range(len(self.test_b))[:limit])) if self.truth else None

    def test_images(self, domain: Domain) -> np.ndarray:
        """All test images of a domain, uint8 (N, H, W, C), not augmented."""
        pictures = self._test["ab".index(domain)]
        return self._read(pictures, range(len(pictures)))

    def train_images(self, domain: Domain, every: int = 1) -> np.ndarray:
        """Every `every`-th training image of a domain (from the first), uint8 (N, H, W, C), not augmented."""
        pictures = self._train["ab".index(domain)]
        return self._read(pictures, range(0, len(pictures), every))

    def _read(self, pictures: Pictures, indices: range) -> np.ndarray:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.stack(list(pool.map(lambda index: pictures.at(index, self.settings.size), indices)))

    # For people and for the record

    def describe(self) -> list[str]:
        """What was opened, for a person: a line for each side with its licence, then the kind, size and cache."""
        lines = []
        for letter, name, index in (("a", self.a_name, A), ("b", self.b_name, B)):
            train, test, recipe = self._train[index], self._test[index], self.recipes[index]
            lines.append(f"{letter}: {name}, {len(train):,} images for training, {len(test):,} for testing")
            if recipe:
                lines.append(f"   licence: {recipe.licence}")
        height, width = self.settings.size
        known = "unpaired; the test images have known partners" if self.truth else "unpaired"
        memory = "kept in memory" if self.in_memory else "read from their files"
        lines.append(f"{'pairs' if self.paired else known}; {height} x {width} (height x width), {memory}")
        return lines

    def licences(self) -> dict[str, str]:
        """Name of a set -> its licence, for what was fetched by recipe; nothing is known of a user's own folders."""
        return {recipe.name: recipe.licence for recipe in self.recipes if recipe is not None}

    def fingerprint(self) -> str:
        """SHA-256 over the names, sizes and contents of all files used and the split; settings don't enter."""
        listing: list[Any] = [self.paired, self.truth]
        for pictures in (*self._train, *self._test):
            listing.append([[item.key, item.part, item.height, item.width, item.digest] for item in pictures.items])
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """What a run folder keeps (data.json): every file's SHA-256, the split, the fingerprint, all problems."""
        files: dict[str, str] = {}
        sides: dict[str, Any] = {}
        for letter, name, index in (("a", self.a_name, A), ("b", self.b_name, B)):
            recipe = self.recipes[index]
            for pictures in (self._train[index], self._test[index]):
                files |= {f"{letter}/{item.key}": item.digest for item in pictures.items}
            sides[letter] = {
                "name": name,
                "package": None if recipe is None else f"{recipe.package} {recipe.version}",
                "sha256": None if recipe is None else recipe.sha256,
                "licence": None if recipe is None else recipe.licence,
                "train": len(self._train[index]),
                "test": [item.key for item in self._test[index].items],
            }
        return {
            "a": sides["a"],
            "b": sides["b"],
            "paired": self.paired,
            "truth": self.truth,
            "fingerprint": self.fingerprint(),
            "problems": [[problem.kind, problem.text] for problem in self.problems],
            "files": files,
        }


def to_floats(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, C) -> float32 (C, H, W) in [-1, 1]."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32) / np.float32(127.5) - np.float32(1)
