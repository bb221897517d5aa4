"""Files that appear whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from translate.errors import DISK, UserError
from translate.system.text import printable
from translate.system.untrusted import open_regular

Announce = Callable[[os.stat_result], None]
CREATE_FLAGS = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
)  # Windows would change line ends otherwise
TOGETHER = 64  # files that are open at once
SYSTEM_FOLDERS = {"__MACOSX", "@eaDir"}  # made by systems, full of things named like images


def write_whole(path: Path, content: bytes, announce: Announce | None = None) -> None:
    """Write `content` to `path` durably: temporary file, fsync, rename, fsync of the folder.

    A reader, or a run that starts after a crash at any instant, sees the old file or the new one, never a part.
    announce: called with the finished file's status just before the rename. Its caller can detect a rename that a power
    failure has undone, so the folder is not synced.
    UserError (exit code 74) if the file can't be written; no temporary file is left.
    """
    (error,) = write_together([(path, content, announce)])
    if error:
        raise error


def write_together(files: Iterable[tuple[Path, bytes, Announce | None]]) -> list[UserError | None]:
    """Write each (path, content, announce) as `write_whole` does, and return the error of each, or None.

    Many files are written before the first fsync, so that a journaling file system commits once for many: an fsync
    after each file takes two to ten times as long.
    """
    drafts = [_Draft(*file) for file in files]
    for start in range(0, len(drafts), TOGETHER):
        for step in (_Draft.write, _Draft.publish):
            for draft in drafts[start : start + TOGETHER]:
                draft.attempt(step)
    for folder in {draft.path.parent for draft in drafts if not draft.announce and not draft.error}:
        sync_folder(folder)
    return [draft.error for draft in drafts]


class _Draft:
    """A temporary file in the folder of its final path, renamed at the end."""

    def __init__(self, path: Path, content: bytes, announce: Announce | None):
        self.path, self.content, self.announce = path, content, announce
        self.temporary: Path | None = None
        self.descriptor: int | None = None
        self.error: UserError | None = None

    def attempt(self, step: Callable[["_Draft"], None]) -> None:
        """Run `step` unless an earlier one failed. A failure sets `error` and removes the temporary file."""
        if self.error:
            return
        try:
            step(self)
        except (OSError, MemoryError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "out of memory") or error
            self.error = UserError(
                f"{self.path} could not be written ({len(self.content):,} bytes): {reason}. "
                "Free some space or choose another folder with --out.",
                DISK,
            )
            self.error.__cause__ = error
            if self.descriptor is not None:
                with suppress(OSError):  # a network file system may report the error again
                    os.close(self.descriptor)
            if self.temporary is not None:
                with suppress(OSError):
                    self.temporary.unlink()

    def write(self) -> None:
        self.temporary, self.descriptor = beside(self.path)
        rest = memoryview(self.content)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
        with suppress(AttributeError, OSError):
            os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # Linux begins to write it to the disk

    def publish(self) -> None:
        descriptor, self.descriptor = self.descriptor, None
        assert descriptor is not None
        assert self.temporary is not None
        publish(descriptor, self.temporary, self.path, self.announce)


def beside(path: Path, suffix: str = "") -> tuple[Path, int]:
    """(name ending with `suffix`, descriptor open for writing) of a new temporary file in `path`'s folder, which is
    created if necessary. OSError."""
    temporary = path.parent / f".{short(path.name, suffix)}.{os.urandom(4).hex()}.part{suffix}"
    try:
        return temporary, os.open(temporary, CREATE_FLAGS, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return temporary, os.open(temporary, CREATE_FLAGS, 0o666)


def short(name: str, suffix: str = "") -> str:
    """As much of a file's name as its temporary name has, which is longer and must fit into 255 bytes too."""
    room = 255 - len(f"..{'0' * 8}.part{suffix}")
    return os.fsencode(name)[:room].decode("utf-8", "ignore") if len(os.fsencode(name)) > room else name


def publish(descriptor: int, temporary: str | Path, path: Path, announce: Announce | None = None) -> None:
    """Sync and close a finished temporary file, open for writing as `descriptor`, and rename it to `path`. OSError."""
    try:
        os.fsync(descriptor)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)  # Windows doesn't rename open files
    if announce:
        announce(status)
    os.replace(temporary, path)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's contents, in hexadecimal. OSError, also for what is no regular file, such as a pipe."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped(name: str) -> Path:
    """A folder that comes with the toolkit ('datasets', 'pretrained'): inside the wheel, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name


def sync_folder(folder: Path) -> None:
    """Make a rename or removal in `folder` durable (a no-op where folders can't be opened, as on Windows)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except (OSError, AttributeError):
        return
    with suppress(OSError):  # not supported by some network file systems
        os.fsync(descriptor)
    with suppress(OSError):  # may report the error again
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed `write_whole` may have left in `folder`."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)


def walk(folder: Path, accepts: Callable[[str], bool], say: Callable[[str], object]) -> Iterator[Path]:
    """The files below `folder` whose names `accepts` returns True for, sorted by folder and name. Hidden files are
    skipped; links to folders are followed, each real folder once. say: gets a sentence for each unreadable folder."""

    def unreadable(error: OSError) -> None:
        say(f"{printable(str(error.filename))}: the folder may not be read")

    visited = set()
    for here, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        real = os.path.realpath(here)
        if real in visited:  # a circular link
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SYSTEM_FOLDERS)
        for name in sorted(names):
            if accepts(name) and not name.startswith("."):
                yield Path(here) / name
