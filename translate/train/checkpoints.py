"""The checkpoints of a run: the newest few and the best; an older one is deleted after the new one is durable."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from translate.errors import DAMAGED, DISK, UserError
from translate.settings import explain
from translate.system import hashed_tensors
from translate.system.files import sync_folder, write_whole


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class Best(_Part):
    """The best generator so far."""

    score: str
    value: float | None
    images: int = Field(ge=0)


class Saved(_Part):
    """What a checkpoint says of itself, as far as a run that is continued uses it."""

    images: int = Field(ge=0)
    rounds: int = Field(ge=0)
    scored: int = Field(ge=0)
    since_best: int = Field(0, ge=0)
    scores: list[str]
    best: Best | None
    scaler: dict[str, float | int]
    settings: dict[str, Any]
    data: str


Misfit = Callable[[dict[str, Tensor], dict[str, Any]], str]


class Checkpoints:
    """`folder`/<images seen>.safetensors, the newest `keep` (at least 2) and the best one."""

    def __init__(self, folder: Path, keep: int = 2, say: Callable[[str], object] = print):
        self.folder, self.keep, self.say = folder, max(2, keep), say
        self.said = False

    def path(self, images: int) -> Path:
        """The file of the checkpoint after so many images seen."""
        return self.folder / f"{images:09d}.safetensors"

    def existing(self) -> list[Path]:
        """The checkpoints in the folder, oldest first. UserError (exit code 74) if it can't be listed."""
        try:
            paths = [self.folder / name for name in os.listdir(self.folder)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"{self.folder} can't be listed: {error.strerror}.", DISK) from error
        return sorted(path for path in paths if path.suffix == ".safetensors" and path.stem.isdigit())

    def save(self, images: int, tensors: dict[str, Tensor], description: dict[str, Any], best: int | None) -> Path:
        """Write a checkpoint durably, then delete those that are no longer kept. best: images seen by the best one."""
        path = self.path(images)
        write_whole(path, hashed_tensors.dumps(tensors, description))
        self.prune(images, best)
        return path

    def prune(self, images: int, best: int | None) -> None:
        """Delete all but the newest `keep`, the one after `images` and the best one. What can't be deleted (immutable,
        or opened by another program on Windows) stays; that is said once."""
        try:
            found = self.existing()
        except UserError as error:
            self._say_once(str(error))
            return
        kept = {*found[-self.keep :], self.path(images), *([self.path(best)] if best is not None else [])}
        for old in sorted(set(found) - kept):
            try:
                old.unlink(missing_ok=True)
            except OSError as error:
                self._say_once(f"Old checkpoints can't be deleted, such as {old} ({error.strerror}).")
        sync_folder(self.folder)

    def _say_once(self, sentence: str) -> None:
        if not self.said:
            self.say(sentence)
        self.said = True

    def read(self, images: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, description) of the checkpoint after so many images; UserError (exit code 5) if it is damaged."""
        return hashed_tensors.read(self.path(images))

    def newest(
        self, say=print, misfit: Misfit = lambda tensors, values: ""
    ) -> tuple[dict[str, Tensor], dict[str, Any], Path]:
        """(tensors, description, path) of the newest undamaged checkpoint; `say` gets the error of each one that is
        passed over. misfit: why an undamaged one can't be used, or "". UserError (exit code 5) when none is left:
        training never restarts silently."""
        paths = self.existing()
        for path in reversed(paths):
            try:
                tensors, values = _read(path)
                if reason := misfit(tensors, values):
                    raise UserError(f"{path} is not of this run: {reason}.")
                return tensors, values, path
            except UserError as error:
                say(f"{error} Trying the one before it.")
        what = "all are damaged or of other runs" if paths else "there is none"
        raise UserError(
            f"{self.folder.parent} was trained before, but no checkpoint of it can be used ({what}); "
            "put one back into its folder checkpoints/, or train into another folder with --out.",
            DAMAGED,
        )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, values = hashed_tensors.read(path)
    if values.get("kind") != "checkpoint":
        raise UserError(f"{path} is not a checkpoint.", DAMAGED)
    try:
        Saved.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path} can't be used: {explain(error, Saved)}", DAMAGED) from error
    return tensors, values
