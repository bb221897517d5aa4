"""Checks torch.save's format before PyTorch 1.6 (2020): five pickles, then the numbers. torch reads it afterwards.

torch trusts the sizes in such a file: it allocates every storage at its declared length, and enlarges it for a tensor
that needs more. So both are compared with the file's size first.
"""

import mmap
from collections import Counter
from pathlib import Path

from translate.interop.pickles import Pickles

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
BEGINNING = b"\x80\x02\x8a\n" + MAGIC.to_bytes(10, "little") + b"."  # the first pickle


def check(path: Path) -> Counter[int]:
    """Sizes in bytes of the storages in a file that starts with BEGINNING.

    Raises ValueError or another exception of the parser unless the file has exactly the declared contents, and Foreign
    if it contains anything but weights.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        pickles = Pickles(content)
        if (pickles.follow(), pickles.follow()) != (MAGIC, VERSION):
            raise ValueError("its version of the format is unknown")
        pickles.follow()  # facts about the machine that wrote it
        pickles.follow()  # the saved object
        declared, keys = pickles.storages, pickles.follow()
        if not isinstance(keys, list) or sorted(keys) != sorted(declared):
            raise ValueError("its list of storages is wrong")
        for key in keys:
            length, size = int.from_bytes(content.read(8), "little"), declared[key].size
            if content.tell() + declared[key].length * size > len(content):
                raise ValueError("its end is missing")
            if length != declared[key].length:
                raise ValueError(f"it holds {length:,} numbers where it declares {declared[key].length:,}")
            content.seek(length * size, 1)
        if content.tell() < len(content):
            raise ValueError(f"it goes on for {len(content) - content.tell():,} bytes after its end")
    return Counter(storage.length * storage.size for storage in declared.values())
