"""The output folder of samples: samples.json has every file's SHA-256, so that no other file is replaced."""

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from translate.errors import DISK, UserError
from translate.system.files import remove_leftovers, sha256, write_together, write_whole
from translate.system.lock import NAME as LOCK
from translate.system.text import printable
from translate.system.untrusted import read_object

RECORD = "samples.json"


class Folder:
    """The output folder of one generator. model: the SHA-256 of its file; another generator's samples are removed.

    The record is correct after a kill at any time: it is written before files are renamed to their final names, and
    files whose content changes are removed before that.
    """

    def __init__(self, path: Path, model: str):
        """UserError if the folder holds a file that this command didn't write, or one that was changed since."""
        self.path, self.model = path, model
        self.files: dict[str, str] = {}  # path below the folder -> SHA-256
        self.stale = False  # whether `files` belong to another generator
        if path.exists() and not path.is_dir():
            raise UserError(f"--out {path} is a file; name a folder.")
        if not path.is_dir():
            return
        record = self._read()
        self.files, self.stale = record["files"], record["model"] != model
        try:
            self._refuse_foreign()
        except OSError as error:
            raise UserError(f"--out {path} can't be read: {error.strerror}; name another folder.", DISK) from error

    def _refuse_foreign(self) -> None:
        for file in sorted(self.path.rglob("*")):
            name = file.relative_to(self.path).as_posix()
            part = file.name.startswith(".") and file.name.endswith(".part")  # left by a killed run
            if name in (RECORD, LOCK) or part or (file.is_dir() and not file.is_symlink()):
                continue
            if name not in self.files or not file.is_file() or file.is_symlink() or sha256(file) != self.files[name]:
                raise UserError(
                    f"--out {self.path} holds {printable(name)}, which was not made, or not left as it was made, by "
                    "`translate sample`; name another folder."
                )

    def _read(self) -> dict[str, Any]:
        try:
            record = read_object(self.path / RECORD)
            inside = all(isinstance(digest, str) and _is_below(name) for name, digest in record["files"].items())
            if inside and isinstance(record["model"], str):
                return record
        except FileNotFoundError:
            return {"model": self.model, "files": {}}
        except (OSError, ValueError, KeyError, AttributeError):
            pass
        raise UserError(f"{self.path / RECORD} is not a record of `translate sample`; name another folder with --out.")

    def write(self, contents: dict[str, bytes]) -> None:
        """Write files (path below the folder → content) atomically; equal ones are kept. UserError if it fails."""
        if self.stale:
            self._remove(list(self.files))
            self.files, self.stale = {}, False
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        self._remove([name for name, digest in hashes.items() if self.files.get(name, digest) != digest])
        for parent in {(self.path / name).parent for name in contents}:
            remove_leftovers(parent)
        self.files = dict(sorted({**self.files, **hashes}.items()))
        record = {"made by": "translate sample", "model": self.model, "files": self.files}
        write_whole(self.path / RECORD, json.dumps(record, indent=1).encode())
        missing = [(self.path / name, content) for name, content in contents.items() if not (self.path / name).exists()]
        for error in write_together((path, content, None) for path, content in missing):
            if error:
                raise error

    def _remove(self, names: list[str]) -> None:
        for name in names:
            try:
                (self.path / name).unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"{self.path / name} can't be replaced: {error.strerror}.", DISK) from error


def _is_below(name: str) -> bool:
    """Whether a name in the record stays inside the folder; old files are removed by these names."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:\x00]", name)
