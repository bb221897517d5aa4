"""Everything that a report needs of one run folder, read from its files while training may be writing them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from translate.errors import UserError
from translate.report import history
from translate.report.history import History, table
from translate.settings import read_toml
from translate.system.untrusted import read_object

Departures = Callable[[dict[str, Any]], dict[str, tuple[Any, Any]]]  # see translate/train/settings.py


@dataclass
class Run:
    """What is known of one run. missing: sentences on what its folder lacks, and what that takes from the report."""

    path: Path
    name: str
    settings: dict[str, Any]
    departures: dict[str, tuple[Any, Any]] | None = None  # setting → (the paper's, this run's); None: not known
    data: dict[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    missing: list[str] = field(default_factory=list)

    @property
    def mode(self) -> str:
        return str(self.settings.get("mode", "?"))

    @property
    def noise(self) -> bool:
        """Whether it makes images from noise, by its only domain."""
        return not self.settings.get("b")

    @property
    def domains(self) -> list[str]:
        """The names of the data sets, or of the folders."""
        more = self.settings.get("more")
        names = [self.settings.get("a"), self.settings.get("b"), *(more if isinstance(more, list) else [])]
        return [Path(str(name)).name for name in names if name]

    @property
    def total(self) -> int:
        """Images of the whole training; 0 if that isn't known."""
        value = table(self.settings.get("train")).get("images")
        return value if isinstance(value, int) and 0 < value < 2**53 else 0

    @property
    def finished(self) -> bool:
        return self.history.patience or (bool(self.total) and self.history.images >= self.total)

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()


def gather(path: Path, departures: Departures) -> Run:
    """What the files of the run folder `path` say. UserError if it is no run folder."""
    if not path.exists():
        raise UserError(f"{path} does not exist; name a run folder, which `translate train` makes.")
    config = path / "config.toml"
    if not config.is_file():
        raise UserError(f"{path} is not a run folder: it has no config.toml. `translate train` makes run folders.")
    run = Run(path, path.resolve().name, read_toml(config))
    try:
        run.departures = departures(run.settings)
    except UserError as error:
        run.missing.append(f"What differs from the paper can't be said: {error}")
    try:
        run.data = read_object(path / "data.json")
    except (OSError, ValueError) as error:
        run.missing.append(f"data.json can't be read ({_why(error)}), so the data's counts and licences are missing.")
    try:
        run.history = history.read(path / "log.jsonl")
    except OSError as error:
        run.missing.append(f"log.jsonl can't be read ({_why(error)}), so there are no curves, scores and warnings.")
    else:
        if damaged := run.history.damaged:
            lines = "1 line" if damaged == 1 else f"{damaged:,} lines"
            run.missing.append(f"{lines} of log.jsonl can't be read and {'is' if damaged == 1 else 'are'} left out.")
        if not run.history.losses:
            run.missing.append("There are no losses in log.jsonl yet.")
        if not run.history.scorings:
            run.missing.append("The run has not been scored yet.")
    return run


def named(runs: list[Run]) -> None:
    """Give runs of equal names longer ones, by the folders they are in."""
    for length in range(2, 10):
        names = [run.name for run in runs]
        for run in runs:
            if names.count(run.name) > 1:
                run.name = "/".join(run.path.resolve().parts[-length:])


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
