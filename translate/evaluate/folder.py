"""A folder of results that is replaced as a whole: its record lists its files, and any other file is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

from translate.errors import DAMAGED, DISK, UserError
from translate.system.files import remove_leftovers, write_together, write_whole
from translate.system.lock import NAME as LOCK
from translate.system.text import printable
from translate.system.untrusted import read_object


class Results:
    """record: the name of the JSON file that makes the others count. made_by: the command that writes it."""

    def __init__(self, folder: Path, record: str, made_by: str):
        self.folder, self.path, self.made_by = folder, folder / record, made_by

    def check(self) -> dict[str, Any]:
        """The record of earlier results in the folder, or {}. UserError if it holds anything else."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--out {self.folder} is a file; name a folder.")
        record = self.read() if self.path.is_file() else {}
        known = {*record.get("files", {}), *record.get("folders", []), self.path.name, LOCK}
        for path in sorted(self.folder.glob("*")) if self.folder.is_dir() else []:
            if path.name not in known and not (path.name.startswith(".") and path.name.endswith(".part")):
                raise UserError(
                    f"--out {self.folder} holds {printable(path.name)}, which `{self.made_by}` didn't write; name "
                    "another folder."
                )
        return record

    def write(self, record: dict[str, Any], contents: dict[str, bytes], before: dict[str, Any]) -> None:
        """Replace the results. Without the record, which is written last, the other files count as nothing.

        before: the record of the earlier ones. UserError when a file can't be written.
        """
        remove_leftovers(self.folder)
        try:
            for name in (self.path.name, *(name for name in before.get("files", {}) if name not in contents)):
                (self.folder / Path(name).name).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder} can't be written to: {error.strerror}.", DISK) from error
        for failure in write_together((self.folder / name, content, None) for name, content in contents.items()):
            if failure:
                raise failure
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        whole = {"made_by": self.made_by, **record, "files": hashes}
        write_whole(self.path, json.dumps(whole, indent=1).encode())

    def read(self) -> dict[str, Any]:
        """The record. UserError (exit code 5) if it is damaged, or of another program."""
        try:
            record = read_object(self.path)
            if record["made_by"] == self.made_by and isinstance(record["files"], dict):
                return record
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise UserError(f"{self.path} is damaged, or not of `{self.made_by}`.", DAMAGED)
