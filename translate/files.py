"""Files that appear whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from translate.errors import DISK, UserError
from translate.words import printable

SYSTEM_FOLDERS = {"__MACOSX", "@eaDir"}  # made by systems, full of things named like images


def write_whole(path: Path, content: bytes, announce: Callable[[os.stat_result], None] | None = None) -> None:
    """Write `content` to `path` durably: temporary file, fsync, rename, fsync of the folder.

    A reader, or a run that starts after a crash at any instant, sees the old file or the new one, never a part.
    announce: is told the finished file's size and times just before it gets its name; who takes note of that can find
    a rename out that a power cut has undone, and the folder is not synced.
    Raises UserError (exit code 74) when the disk refuses, and leaves nothing behind.
    """
    temporary = None
    try:
        try:
            temporary, file = _beside(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary, file = _beside(path)
        with file:
            file.write(content)
            file.flush()
            publish(file.fileno(), temporary, path, announce)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise UserError(
            f"{path} could not be written ({len(content):,} bytes): {error.strerror or error}. "
            "Free some space or choose another folder with --out.",
            DISK,
        ) from error
    if not announce:
        sync_folder(path.parent)


def _beside(path: Path) -> tuple[Path, BinaryIO]:
    """A new file in `path`'s folder, open for writing, under a name of its own."""
    temporary = path.parent / f".{path.name}.{os.urandom(4).hex()}.part"
    return temporary, open(temporary, "xb")


def publish(
    descriptor: int, temporary: str | Path, path: Path, announce: Callable[[os.stat_result], None] | None = None
) -> None:
    """Give a finished temporary file, open for writing as `descriptor`, its name; see `write_whole`. OSError."""
    os.fsync(descriptor)
    os.chmod(temporary, 0o666 & ~UMASK)  # mkstemp's are for their owner only
    if announce:
        announce(os.fstat(descriptor))
    os.replace(temporary, path)


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped(name: str) -> Path:
    """A folder that comes with the toolkit ('datasets', 'pretrained'): inside the wheel, or beside it in a checkout."""
    package = Path(__file__).parent
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name


def sync_folder(folder: Path) -> None:
    """Make a rename or removal in `folder` durable (a no-op where folders can't be opened, as on Windows)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except (OSError, AttributeError):
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the rename itself has happened
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed `write_whole` may have left in `folder`."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)


def walk(folder: Path, wanted: Callable[[str], bool], say: Callable[[str], object]) -> Iterator[Path]:
    """The files below `folder` whose names are `wanted`, sorted by folder and name. Hidden names are left out; links
    to folders are followed, each real folder once. say: is told of folders that may not be read."""

    def unreadable(error: OSError) -> None:
        say(f"{printable(str(error.filename))}: the folder may not be read")

    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        real = os.path.realpath(here)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SYSTEM_FOLDERS)
        for name in sorted(names):
            if wanted(name) and not name.startswith("."):
                yield Path(here) / name


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


UMASK = _umask()  # once: reading it sets it for an instant, which other threads would see
