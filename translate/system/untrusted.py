"""Files that anybody may have made: opened only where they are regular files, parsed without exceptions of many kinds.

What goes wrong is an OSError with a `strerror` in words, or a ValueError in one line.
"""

import errno
import json
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

# Opening a pipe would wait for a writer; Windows has neither flag and opens no pipes by such names.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
LARGEST_TEXT = 256 << 20  # bytes of a TOML or JSON file


def open_regular(path: str | Path) -> BufferedReader:
    """Open a regular file for reading; OSError for a folder, a pipe, a socket or a device."""
    return open(_regular(path, os.open(path, READ)), "rb")


def open_append(path: str | Path) -> IO[str]:
    """Open a regular file to append UTF-8 to it, or make it; OSError for anything else, a link included."""
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "it is a link, and nothing is appended through links", str(path))
    return os.fdopen(_regular(path, os.open(path, APPEND, 0o666)), "a", encoding="utf-8")


def _regular(path: str | Path, descriptor: int) -> int:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_bytes(path: str | Path, limit: int | None = None) -> bytes:
    """All of a regular file. OSError, also when it has more than `limit` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {limit:,} make sense", str(path))
        return file.read()


def read_text(path: str | Path) -> str:
    """A text file in UTF-8, with or without a byte order mark; OSError or ValueError."""
    content = read_bytes(path, LARGEST_TEXT)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is in UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start:,} is not UTF-8") from None


def parse_json(text: str | bytes) -> Any:
    """What a JSON text holds; ValueError for one that is none, is nested too deep, or has numbers that are none."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise ValueError("it is nested too deep") from None
        raise ValueError(" ".join(str(error).split())[:200]) from None


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object in a text; ValueError for anything else."""
    content = parse_json(text)
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    return content


def read_object(path: str | Path) -> dict[str, Any]:
    """The JSON object in a file; OSError or ValueError."""
    return parse_object(read_text(path))


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")
