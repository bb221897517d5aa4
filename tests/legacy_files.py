"""Files of PyTorch's format before 1.6, as it was written from 2017 on under Python 2 and 3, and as nobody ever did."""

import io
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

HEAD = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]


@dataclass(eq=False)
class Stored:
    """A storage as it is declared, and the numbers that are there."""

    numbers: torch.Tensor
    length: Any
    kind: Any = torch.FloatStorage
    place: str = "cpu"


@dataclass(eq=False)
class Called:
    """A function of torch with what it is called with, and what is set on the result."""

    function: Any
    arguments: tuple
    state: Any = None


def tensor(numbers: torch.Tensor, v2: bool = True, **declared: Any) -> Called:
    """A tensor as torch.save declares it, but for what is `declared`: offset, shape, strides, length, kind, place."""
    kind = declared.get("kind", torch.FloatStorage)
    storage = Stored(numbers, declared.get("length", numbers.numel()), kind, declared.get("place", "cpu"))
    shape, strides = declared.get("shape", tuple(numbers.shape)), declared.get("strides", numbers.contiguous().stride())
    arguments = (storage, declared.get("offset", 0), shape, strides)
    if v2:
        return Called(torch._utils._rebuild_tensor_v2, (*arguments, False, OrderedDict()))
    return Called(torch._utils._rebuild_tensor, arguments)


class Python3(pickle._Pickler):
    def __init__(self, file: io.BytesIO):
        super().__init__(file, 2)
        self.file = file
        self.stored: dict[str, Stored] = {}

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Stored):
            return None
        key = str(140_000_000_000_000 + len(self.stored))  # an address, as it was
        self.stored[key] = value
        return "storage", value.kind, key, value.place, value.length, None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Called):
            return (value.function, value.arguments, *([value.state] if value.state else []))
        return NotImplemented


class Python2(Python3):
    """Its strings were bytes, its sizes long integers, and an OrderedDict was made of a list of pairs."""

    def save_str(self, value: str) -> None:
        self.write(b"U" + bytes([len(value)]) + value.encode())
        self.memoize(value)

    def save_long(self, value: int) -> None:
        content = pickle.encode_long(value)
        self.write(b"\x8a" + bytes([len(content)]) + content)

    dispatch = {**pickle._Pickler.dispatch, str: save_str, int: save_long}

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, OrderedDict):
            return OrderedDict, ([list(pair) for pair in value.items()],), vars(value)
        return super().reducer_override(value)


def write(path: Path, content: Any, pickler: type[Python3] = Python3) -> bytes:
    """Write the file, and return its bytes. content: state dicts with what `tensor` makes in the tensors' places."""
    saved = pickler(io.BytesIO())
    saved.dump(content)
    keys = sorted(saved.stored)
    there = [saved.stored[key].numbers.contiguous() for key in keys]
    storages = [struct.pack("<q", numbers.numel()) + numbers.numpy().tobytes() for numbers in there]
    path.write_bytes(b"".join([*HEAD, saved.file.getvalue(), pickle.dumps(keys, 2), *storages]))
    return path.read_bytes()
