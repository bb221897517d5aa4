"""Checks and messages when a run is continued."""

from pathlib import Path
from typing import Any

from translate.errors import DAMAGED, UserError
from translate.settings import read_toml
from translate.system import distributed
from translate.train.folder import RunFolder
from translate.train.settings import RunSettings, renamed
from translate.train.step.trainer import learning_rate


def check_origin(
    folder: RunFolder, settings: RunSettings, values: dict[str, Any], fingerprint: str, path: Path, allowed: bool
) -> None:
    """UserError when a checkpoint doesn't belong to the folder's run. values: the checkpoint's description. Its
    settings must be those of config.toml or the present ones, and its data must be the same."""
    own = renamed(values.get("settings") or {})
    own = {**own, "train": {**own.get("train", {}), "images": settings.train.images}}
    kept = renamed(read_toml(folder.config))
    kept = {**kept, "train": {**kept.get("train", {}), "images": settings.train.images}}
    found = min(folder.differences(kept, own), folder.differences(settings.plain(), own), key=len)
    if values.get("data") != fingerprint and not allowed:
        found.append("other images")
    if found:
        raise UserError(
            f"{path} is a checkpoint of another run ({'; '.join(found)}); put this run's own back into "
            f"{path.parent}, or train into another folder with --out.",
            DAMAGED,
        )


def check_length(total: int, images_seen: int, images_per_round: int) -> None:
    """UserError when the new length is below the images already seen, or can't be divided among the processes."""
    left = total - images_seen
    if left < 0:
        raise UserError(
            f"--images {total:,} is less than the {images_seen:,} images that this run has seen; give more."
        )
    processes = distributed.world_size()
    if processes > 1 and left % images_per_round:
        raise UserError(
            f"the {left:,} images that are left can't be divided among {processes} processes in rounds of "
            f"{images_per_round}: the run was begun with another batch. Give that one, or continue with one process."
        )


def what_changes(
    folder: RunFolder, settings: RunSettings, images_seen: int, changed: list[str], length: list[str]
) -> list[str]:
    """Sentences about settings changed on purpose, and about the effect of a changed length."""
    lines = [f"Continuing although this changed: {'; '.join(changed)}."] if changed else []
    if length:
        t = settings.train
        before = int(renamed(read_toml(folder.config)).get("train", {}).get("images", t.images))
        then = learning_rate(min(images_seen, before), before, t.decay_from)
        now = learning_rate(images_seen, t.images, t.decay_from)
        lines.append(f"The training's length changes: {before:,} → {t.images:,} images.")
        if abs(now - then) > 0.005:
            lines.append(
                f"This changes the learning rate from {then:.2f} to {now:.2f} of lr, since it decays over the last "
                f"{100 * (1 - t.decay_from):.0f} % of the length; --set decay_from=X sets where the decay begins."
            )
    return lines
