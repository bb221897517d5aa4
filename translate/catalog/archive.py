"""Reads wheels and npm packages without unpacking them: only regular files with safe names, within limits."""

import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_ENTRIES = 100_000
MAX_FILE = 256 << 20
MAX_TOTAL = 2 << 30
NOT_FILES = (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK)

Files = Iterator[tuple[str, bytes]]


class ArchiveError(Exception):
    """Why an archive is refused, in a few words."""


def files(path: Path, wanted: Callable[[str], bool]) -> Files:
    """(name, content) of every file in the archive whose name is `wanted`.

    Every name is checked, also of files that are not wanted. ArchiveError for a path outside of the archive, a link,
    a device, a duplicate name, or more than the limits. Nothing is written.
    """
    try:
        if path.suffix in (".whl", ".zip"):
            yield from _zip(path, wanted)
        else:
            yield from _tar(path, wanted)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"damaged ({error})") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise ArchiveError(f"damaged ({error})") from error
    except Exception as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"damaged ({type(error).__name__}: {error})") from error


def _zip(path: Path, wanted: Callable[[str], bool]) -> Files:
    guard = _Guard()
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            # orig_filename: zipfile cuts filename at a NUL and replaces the system's separator by "/"
            name = entry.orig_filename
            kind = stat.S_IFMT(entry.external_attr >> 16)
            guard.name(name.rstrip("/") if entry.is_dir() else name, regular=kind not in NOT_FILES)
            if not entry.is_dir():
                guard.size(name, entry.file_size)
        for entry in archive.infolist():
            if not entry.is_dir() and wanted(entry.filename):
                with archive.open(entry) as file:
                    yield entry.filename, guard.read(entry.filename, file.read)


def _tar(path: Path, wanted: Callable[[str], bool]) -> Files:
    guard = _Guard()
    with tarfile.open(path, "r:gz") as archive:  # first pass: check all names and sizes before reading
        for entry in archive:
            guard.name(entry.name, regular=entry.isreg() or entry.isdir())
            guard.size(entry.name, entry.size)
    with tarfile.open(path, "r:gz") as archive:
        for entry in archive:
            if entry.isreg() and wanted(entry.name):
                file = archive.extractfile(entry)
                assert file is not None  # None only if it isn't a regular file
                yield entry.name, guard.read(entry.name, file.read)


class _Guard:
    """Counts sizes and checks limits: declared and read sizes are counted separately, since headers can be wrong."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.claimed = 0
        self.taken = 0

    def name(self, name: str, *, regular: bool) -> None:
        parts = name.split("/")
        if not name or ".." in parts or name.startswith("/") or re.search(r"[\\:\x00-\x1f]", name):
            raise ArchiveError(f"holds a file with the unsafe name {ascii(name)[:80]}")
        if not regular:
            raise ArchiveError(f"holds {ascii(name)[:80]}, which is a link or a device")
        folded = name.rstrip("/").casefold()
        if folded in self.names:
            raise ArchiveError(f"holds {ascii(name)[:80]} twice")
        self.names.add(folded)
        if len(self.names) > MAX_ENTRIES:
            raise ArchiveError(f"holds more than {MAX_ENTRIES:,} files")

    def size(self, name: str, size: int) -> None:
        self.claimed += size
        if size > MAX_FILE or self.claimed > MAX_TOTAL:
            raise ArchiveError(f"would unpack to too much (at {ascii(name)[:80]})")

    def read(self, name: str, read: Callable[[int], bytes]) -> bytes:
        content = read(MAX_FILE + 1)
        self.taken += len(content)
        if len(content) > MAX_FILE or self.taken > MAX_TOTAL:
            raise ArchiveError(f"unpacks to too much (at {ascii(name)[:80]})")
        return content
