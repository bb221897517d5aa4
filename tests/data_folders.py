"""Folders of drawn images, and opening them."""

from pathlib import Path

import torch
from data_files import photo, save

from translate.data import DataSettings, open_data

SMALL = DataSettings(size=(16, 16))


def folder(path: Path, names: list[str], seed: int = 0, size: tuple[int, int] = (20, 20)) -> Path:
    for number, name in enumerate(names):
        save(path / name, photo(*size, seed=seed + number))
    return path


def numbered(count: int, suffix: str = "png") -> list[str]:
    return [f"{number:03d}.{suffix}" for number in range(count)]


def opened(a, b, settings=SMALL, *, paired=True, said=None):
    say = (lambda text: None) if said is None else said.append
    return open_data(str(a), str(b), settings, paired=paired, seed=0, say=say)


def keys(items) -> list[str]:
    return sorted(item.key for item in items)


def one_domain(a, labels="", said=None, **settings):
    """Images of 20 x 20 as they are, for GANs."""
    say = (lambda text: None) if said is None else said.append
    chosen = DataSettings(**{"size": 20, "load": 1, "flip": 0, "labels": str(labels), **settings})
    return open_data(str(a), None, chosen, paired=False, seed=0, say=say)


def three_folders(root: Path) -> Path:
    """root/a and root/b: the same 23 pictures, to see alignment; root/c: 13 others."""
    for number in range(23):
        save(root / "a" / f"{number}.png", photo(24, 24, number))
        save(root / "b" / f"{number}.png", photo(24, 24, number))
        if number < 13:
            save(root / "c" / f"{number}.png", photo(24, 24, 100 + number))
    return root


def collect(data, start, stop, batch, **options) -> tuple[torch.Tensor, torch.Tensor]:
    """All images of some batches, of either domain."""
    batches = list(data.batches(start, stop, batch, **options))
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])


def same(first, second) -> bool:
    return all(torch.equal(x, y) for x, y in zip(first, second, strict=True))


def everything(data) -> list:
    return [*data.train_a, *data.test_a]
