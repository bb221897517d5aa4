"""Locks on output folders: one process at a time, for as long as it lives."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from translate.errors import DISK, UserError

NAME = ".translate.lock"
_mine: set[Path] = set()  # a process's own locks don't exclude it


@contextlib.contextmanager
def claim(folder: Path, say: Callable[[str], object] = print) -> Iterator[None]:
    """Make `folder` and own it while entered. UserError names the process that owns it, or why it can't be owned.

    The operating system releases the lock when the process ends in any way, SIGKILL included. On a file
    system without locks, `say` gets a warning, and a folder whose owner may still be alive is refused.
    """
    path = folder.resolve() / NAME
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except FileExistsError:
        raise UserError(f"{folder} is a file; name a folder.") from None
    except NotADirectoryError:
        raise UserError(f"{folder} can't be written to: a part of its path is a file.", DISK) from None
    except OSError as error:
        raise UserError(f"{folder} can't be written to: {error.strerror}.", DISK) from error
    try:
        if path in _mine or not _lock(descriptor, folder, say):
            raise UserError(f"{folder} is in use by {_owner(descriptor)}; wait until it ends, or name another folder.")
        _mine.add(path)
        about = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(about).encode(), 0)
        try:
            yield
        finally:
            _mine.discard(path)
            with contextlib.suppress(OSError):
                path.unlink()
    finally:
        with contextlib.suppress(OSError):  # a failing disk: the process's end releases the lock
            os.close(descriptor)
        for part in made:  # nothing was written: leave no empty folders
            with contextlib.suppress(OSError):
                part.rmdir()


def _lock(descriptor: int, folder: Path, say: Callable[[str], object]) -> bool:
    """Whether this process has the lock now."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of this process only, not of its workers
        return True
    except BlockingIOError:
        return False
    except PermissionError:
        return False
    except OSError as error:
        owner = _read(descriptor)
        alive = owner.get("host") != socket.gethostname() or _alive(owner.get("pid"))
        say(f"{folder} is on a file system without locks ({error.strerror}): don't start a second process on it.")
        return not (owner and alive)


def _alive(pid: object) -> bool:
    try:
        os.kill(pid, 0)  # type: ignore[arg-type]
    except ProcessLookupError:
        return False
    except (OSError, TypeError, OverflowError):
        pass
    return isinstance(pid, int)


def _read(descriptor: int) -> dict[str, object]:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _owner(descriptor: int) -> str:
    owner = _read(descriptor)
    if not owner:
        return "another process"
    return f"process {owner.get('pid')} on {owner.get('host')}, since {owner.get('since')}"
