"""The run folder: a run's settings and data, and whether there is a run to continue."""

import json
from pathlib import Path
from typing import Any

from translate.errors import DAMAGED, UserError
from translate.settings import differences, read_toml, to_toml
from translate.system.files import remove_leftovers, write_whole
from translate.system.lock import NAME as LOCK
from translate.system.untrusted import read_object
from translate.train.settings import FREE, PLACES, RunSettings, mode_name, renamed, settings_class

LAYOUT = """config.toml             every setting; `translate train --config` runs it again
data.json               the images used, the split, the fingerprint
log.jsonl               losses and scores
report.html             all of this in one page, for a browser
samples/                previews: sheets of held-out images or samples
checkpoints/            what training continues from
generator.safetensors   the newest generator
best.safetensors        the best one by score
best-and-worst.png      outputs of the newest scored generator"""


NOT_KEPT = [("train", "allow_change"), ("data", "strict")]  # settings of a single start, not written to config.toml


class RunFolder:
    """The files of one run; LAYOUT lists them."""

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.toml"
        self.checkpoints = path / "checkpoints"
        self.samples = path / "samples"

    def begun(self) -> bool:
        """Whether the folder holds a run. UserError if it holds other files, or a run without its settings."""
        if self.config.is_file():
            return True
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--out {self.path} is a file; name a folder.")
        if any(int(p.stem) > 0 for p in self.checkpoints.glob("*.safetensors") if p.stem.isdigit()):
            raise UserError(
                f"{self.path} has checkpoints but its config.toml is missing; put it back, or choose another --out.",
                DAMAGED,
            )
        ours = {"checkpoints", "samples", "data.json", "log.jsonl", LOCK}
        foreign = [p.name for p in self.path.glob("*") if p.name not in ours and not p.name.endswith(".part")]
        if foreign:
            raise UserError(
                f"--out {self.path} exists and is not a run folder (it holds {foreign[0]}); name another folder."
            )
        return False

    def begin(self, settings: RunSettings, record: dict[str, Any]) -> None:
        """Write config.toml and data.json (record: `description.record`). Called after the first checkpoint is written,
        so that a folder with a config.toml always has a checkpoint."""
        write_whole(self.path / "data.json", json.dumps(record, indent=1).encode())
        plain = settings.plain()
        for table, name in NOT_KEPT:
            plain[table].pop(name, None)
        write_whole(self.config, to_toml(plain))

    def remove_leftovers(self) -> None:
        """Delete unfinished files of killed saves. Only the folder's owner may call it."""
        for folder in (self.path, self.checkpoints, self.samples):
            remove_leftovers(folder)

    def kept(self) -> dict[str, Any]:
        """The contents of this run's config.toml."""
        return renamed(read_toml(self.config))

    def compare(self, settings: RunSettings) -> list[str]:
        """'name: old → new' of each setting that would change the numbers of the run in this folder."""
        return self.differences(self.kept(), settings.plain())

    @staticmethod
    def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        """'name: old → new' of each setting that changes a run's numbers."""
        changed = differences(old, new)
        return [f"{name}: {was} → {now}" for name, (was, now) in changed.items() if name not in FREE | PLACES]

    def moved(self, settings: RunSettings) -> list[str]:
        """'name: old → new' of each data folder or file whose path differs from when the run started."""
        changed = differences(self.kept(), settings.plain())
        return [f"{name}: {was} → {now}" for name, (was, now) in changed.items() if name in PLACES]

    def compare_data(self, record: dict[str, Any]) -> str:
        """The difference between the folder's data.json and `record` as text; '' if there is none."""
        try:
            old = read_object(self.path / "data.json")
            if not isinstance(old.get("files", {}), dict):
                raise ValueError
        except (OSError, ValueError):
            return "data.json is missing or damaged, so the data can't be compared"
        if old.get("fingerprint") == record["fingerprint"]:
            return ""
        before, after = old.get("files", {}), record["files"]
        added, missing = after.keys() - before.keys(), before.keys() - after.keys()
        changed = {name for name in after.keys() & before.keys() if after[name] != before[name]}
        parts = [
            f"{len(names)} {word} (such as {min(names)})"
            for word, names in (("added", added), ("missing", missing), ("changed", changed))
            if names
        ]
        return "images: " + (", ".join(parts) or "the split")


def run_settings(folder: Path) -> RunSettings | None:
    """The settings in a run folder's config.toml; None if there is none."""
    if not (folder / "config.toml").is_file():
        return None
    config = renamed(read_toml(folder / "config.toml"))
    try:
        mode = mode_name(str(config.get("mode")))
    except KeyError:
        raise UserError(f"{folder / 'config.toml'}: there is no mode '{config.get('mode')}'.") from None
    return settings_class(mode).parse(config, str(folder / "config.toml"))
