"""The folder that a fetch works in: removed at its end, and that of a killed fetch by the next one."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from translate.errors import UserError
from translate.system import lock

PREFIX = ".fetch-"
STALE = 24 * 3600  # seconds after which a folder is removed whoever made it
YOUNG = 5  # seconds in which its maker may not have locked it yet


@contextmanager
def workplace(folder: Path, say: Callable[[str], object] = print) -> Iterator[Path]:
    """A new temporary folder inside `folder`, which is created if necessary. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_dead(folder)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    try:
        with lock.claim(path, say):
            inside = path / "new"
            inside.mkdir()
            yield inside
    finally:
        shutil.rmtree(path, ignore_errors=True)


def remove_dead(folder: Path) -> None:
    """Remove the temporary folders in `folder` whose process has ended, and those older than a day."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process removes it too
            age = time.time() - path.stat().st_mtime
            if age > STALE or (age > YOUNG and _is_dead(path)):
                shutil.rmtree(path, ignore_errors=True)


def _is_dead(path: Path) -> bool:
    if not os.path.exists(path / lock.NAME):
        return False
    try:
        with lock.claim(path, lambda line: None):
            return True
    except UserError:
        return False
