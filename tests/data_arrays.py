"""Small sets of arrays as their makers lay them out: MNIST's idx files, CIFAR-10's pickles."""

import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
from data_files import make_recipe
from torchvision import datasets

from translate.catalog import arrays
from translate.catalog.recipe import Recipe

TRAIN, TEST, CLASSES = 30, 10, ["ten", "two", "one 10", "one 9"]


def stack(channels: int, side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(images, labels): noise of one brightness for each class."""
    random = np.random.default_rng(seed)
    labels = (np.arange(TRAIN + TEST) % len(CLASSES)).astype(np.uint8)
    noise = random.integers(0, 60, (TRAIN + TEST, side, side, channels))
    return (noise + 50 * labels[:, None, None, None]).astype(np.uint8), labels


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_files(images: np.ndarray, labels: np.ndarray) -> dict[str, bytes]:
    parts = {"train": slice(0, TRAIN), "t10k": slice(TRAIN, None)}
    files = {f"{name}-images-idx3-ubyte": idx(images[part, ..., 0]) for name, part in parts.items()}
    return files | {f"{name}-labels-idx1-ubyte": idx(labels[part]) for name, part in parts.items()}


def fashion_files(raw: Path, images: np.ndarray, labels: np.ndarray) -> None:
    folder = raw / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in idx_files(images, labels).items():
        (folder / name).write_bytes(content)


def cifar_files(raw: Path, images: np.ndarray, labels: np.ndarray, monkeypatch) -> None:
    """As unpacked from CIFAR-10's archive; torchvision is told their checksums in place of the real ones."""
    folder = raw / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    parts = {f"data_batch_{n + 1}": slice(n * TRAIN // 5, (n + 1) * TRAIN // 5) for n in range(5)}
    parts["test_batch"] = slice(TRAIN, None)
    sums = {}
    for name, part in parts.items():
        planes = images[part].transpose(0, 3, 1, 2).reshape(-1, 3072)
        content = pickle.dumps({"data": planes, "labels": labels[part].tolist()})
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    meta = pickle.dumps({"label_names": CLASSES})
    (folder / "batches.meta").write_bytes(meta)
    loader = datasets.CIFAR10
    monkeypatch.setattr(loader, "train_list", [[f"data_batch_{n}", sums[f"data_batch_{n}"]] for n in range(1, 6)])
    monkeypatch.setattr(loader, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(loader, "meta", {**loader.meta, "md5": hashlib.md5(meta).hexdigest()})


def arrays_recipe(content: bytes, images: np.ndarray, labels: np.ndarray, loader: str, **changes) -> Recipe:
    fields = {
        "format": "arrays",
        "keys": "numbers",
        "drop_shared_with": [],
        "inside": "Set/*-ubyte",
        "arrays": {"loader": loader, "classes": CLASSES, "test": TEST},
        "count": TRAIN + TEST,
        "contents": arrays.digest(images, labels),
    }
    return make_recipe(content, **{**fields, **changes})
