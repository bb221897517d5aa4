"""Self-describing tensor files: safetensors with a JSON description and a SHA-256 of the whole file.

The hash detects flipped bits, which neither torch's format nor safetensors does. No pickle, so loading runs no code.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from translate.errors import DAMAGED, UserError
from translate.system.text import printable
from translate.system.untrusted import parse_object, read_bytes

# One metadata entry: safetensors writes several in random order, and equal contents must give equal files.
KEY = "imgtranslate"
BLANK = "0" * 64
MARK = b'\\"sha256\\": \\"'  # as the description's first field stands, escaped, in the file's JSON header


def dumps(tensors: dict[str, Tensor], description: dict[str, Any]) -> bytes:
    """The file's bytes: the same for the same tensors (on any device, in any layout) and description."""
    text = json.dumps({"sha256": BLANK, **description}, ensure_ascii=True)
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    content = bytearray(safetensors.torch.save(flat, {KEY: text}))
    place = content.index(MARK) + len(MARK)
    content[place : place + 64] = hashlib.sha256(content).hexdigest().encode()
    return bytes(content)


def loads(content: bytes, source: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors on the CPU, description). UserError (exit code 5) naming `source` if the hash doesn't match."""
    try:
        (length,) = struct.unpack_from("<Q", content)
        place = content.index(MARK, 8, 8 + length) + len(MARK)
    except (struct.error, ValueError):
        raise UserError(f"{source} is not a file of this toolkit, or its beginning is damaged.", DAMAGED) from None
    stored = content[place : place + 64]
    digest = hashlib.sha256(content[:place])
    digest.update(BLANK.encode())
    digest.update(content[place + 64 :])
    if digest.hexdigest().encode() != stored:
        raise UserError(f"{source} is damaged: its contents don't match the SHA-256 in it.", DAMAGED)
    # Anybody can write a file with the right hash, so nothing in it is trusted because of that.
    try:
        header = parse_object(content[8 : 8 + length])
        description = parse_object(header["__metadata__"][KEY])
        del description["sha256"]
        return safetensors.torch.load(content), description
    except (ValueError, KeyError, TypeError, RuntimeError, OverflowError, safetensors.SafetensorError) as error:
        why = printable(" ".join(str(error).split()))[:150]
        raise UserError(
            f"{source} is not a file of this toolkit: its header can't be read ({why}).", DAMAGED
        ) from error


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors on the CPU, description) of a file; UserError (exit code 5) naming it if it is missing or damaged."""
    try:
        content = read_bytes(path)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.", DAMAGED) from error
    return loads(content, path)


def nest(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
