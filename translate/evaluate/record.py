"""The folder of an evaluation: evaluation.json, and for each direction values by image, a sheet, and what a comparison
needs."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from translate.errors import DAMAGED, DISK, UserError
from translate.evaluate.scores import Evaluation, Row
from translate.evaluate.sheets import sheet, thumbnails
from translate.metrics.intervals import Estimate
from translate.metrics.measures import Measures, lower_is_better
from translate.system import hashed_tensors
from translate.system.files import remove_leftovers, sha256, write_together, write_whole
from translate.system.hashed_tensors import nest
from translate.system.lock import NAME as LOCK
from translate.system.text import printable
from translate.system.untrusted import read_object

RECORD = "evaluation.json"
MADE_BY = "translate evaluate"
IMAGE_FOLDERS = ("outputs", "inputs", "truth")


@dataclass
class Kept:
    """One direction of an evaluation that was read back. entry: its part of evaluation.json."""

    entry: dict[str, Any]
    measures: Measures
    pictures: dict[str, Tensor]

    def estimates(self) -> dict[str, Estimate]:
        """Each score; a program's has no interval."""
        found = self.measures.estimates()
        return {row["name"]: found.get(row["name"], Estimate(row["value"])) for row in self.entry["scores"]}


def entry(found: Evaluation) -> dict[str, Any]:
    """A direction's part of evaluation.json."""
    return {
        "n": len(found.outputs),
        "best_of": found.best_of,
        "scores": [score(row) for row in found.rows],
        "missing": found.missing,
        "protocol": found.protocol,
        "names": hashlib.sha256("\n".join(found.names).encode("utf-8", "surrogateescape")).hexdigest(),
    }


def score(row: Row) -> dict[str, Any]:
    """A score as JSON. gain: by how much it is better than doing nothing, with its interval."""
    lower, nothing = lower_is_better(row.name), row.nothing
    gain = None
    if nothing is not None and lower is not None:
        gain = nothing - row.estimate if lower else row.estimate - nothing
    return {
        "name": row.name,
        **number(row.estimate),
        "n": row.n,
        "lower_is_better": lower,
        "nothing": number(nothing),
        "real": number(row.real),
        "gain": number(gain),
        "note": row.note,
    }


def number(estimate: Estimate | None) -> Any:
    """{"value", "low", "high"}; low and high are null where the interval is unknown."""
    if estimate is None:
        return None
    low, high = estimate.interval() or (None, None)
    return {"value": estimate.value, "low": low, "high": high}


def files(direction: str, found: Evaluation, caption: str) -> dict[str, bytes]:
    """The other files of a direction, by name."""
    tensors = {f"values/{name}": tensor for name, tensor in found.measures.values.items()}
    tensors |= {f"features/{name}": tensor for name, tensor in found.measures.features.items()}
    tensors |= {f"references/{name}": tensor for name, tensor in found.measures.references.items()}
    tensors |= {f"pictures/{name}": tensor for name, tensor in thumbnails(found).items()}
    return {
        f"{direction}.csv": _table(found),
        f"{direction}.png": sheet(found, caption),
        f"{direction}.safetensors": hashed_tensors.dumps(tensors, {"kind": "evaluation", "direction": direction}),
    }


def _table(found: Evaluation) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    values = found.measures.values
    writer.writerow(["image", *values])
    columns = [values[name].tolist() for name in values]
    for name, *row in zip(found.names, *columns, strict=True):
        writer.writerow([printable(name), *(f"{value:.6g}" for value in row)])
    return text.getvalue().encode()


def check_folder(folder: Path) -> dict[str, Any]:
    """The record of an earlier evaluation in the folder, or {}. UserError if it holds anything else."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder} is a file; name a folder.")
    record = read_record(folder) if (folder / RECORD).is_file() else {}
    known = {*record.get("files", {}), RECORD, LOCK}
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        images = path.is_dir() and record and any(path.name == f"{d}-images" for d in record.get("directions", {}))
        if path.name not in known and not images and not (path.name.startswith(".") and path.name.endswith(".part")):
            raise UserError(
                f"--out {folder} holds {printable(path.name)}, which `{MADE_BY}` didn't write; name another folder."
            )
    return record


def write(folder: Path, record: dict[str, Any], contents: dict[str, bytes], before: dict[str, Any]) -> None:
    """Replace the folder's evaluation. Without its record, which is written last, the rest counts as nothing.

    before: the record of the earlier one. UserError when a file can't be written.
    """
    remove_leftovers(folder)
    try:
        for name in (RECORD, *(name for name in before.get("files", {}) if name not in contents)):
            (folder / Path(name).name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder} can't be written to: {error.strerror}.", DISK) from error
    for failure in write_together((folder / name, content, None) for name, content in contents.items()):
        if failure:
            raise failure
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    write_whole(folder / RECORD, json.dumps({"made_by": MADE_BY, **record, "files": hashes}, indent=1).encode())


def read_record(folder: Path) -> dict[str, Any]:
    """The contents of evaluation.json. UserError if it is damaged, or of another program."""
    try:
        record = read_object(folder / RECORD)
        fits = record["made_by"] == MADE_BY and isinstance(record["directions"], dict)
        if fits and isinstance(record["subject"], dict) and isinstance(record["files"], dict):
            return record
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UserError(f"{folder / RECORD} is damaged, or not of `{MADE_BY}`.", DAMAGED)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Kept]]:
    """(the record, by direction what is kept of it). UserError (exit code 5) when a file is missing or was changed."""
    record, found = read_record(folder), {}
    for direction, own in record["directions"].items():
        path = folder / f"{direction}.safetensors"
        try:
            if sha256(path) != record["files"].get(path.name):
                raise UserError(f"{path} is not the file that {RECORD} was written with; evaluate again.", DAMAGED)
            names = [row["name"] for row in own["scores"]]
            assert isinstance(own["protocol"], dict)
            assert names
        except OSError as error:
            raise UserError(f"{path} can't be read: {error.strerror}; evaluate again.", DAMAGED) from error
        except (KeyError, TypeError, AssertionError):
            raise UserError(f"{folder / RECORD} is damaged; evaluate again.", DAMAGED) from None
        tensors, _ = hashed_tensors.read(path)
        parts = [nest(tensors, f"{part}/") for part in ("features", "references", "values", "pictures")]
        found[direction] = Kept(own, Measures(*parts[:3]), parts[3])
    return record, found
