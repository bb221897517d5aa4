"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from translate.errors import DISK, UserError


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` durably: temporary file, fsync, rename, fsync of the folder.

    A reader, or a run that starts after a crash at any instant, sees the old file or the new one, never a part.
    Raises UserError (exit code 74) when the disk refuses, and leaves nothing behind.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise UserError(
            f"{path} could not be written ({len(content):,} bytes): {error.strerror or error}. "
            "Free some space or choose another folder with --out.",
            DISK,
        ) from error
    sync_folder(path.parent)


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


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
