"""The folder of an evaluation: evaluation.json, and for each direction values by image, a sheet, and what a comparison
needs."""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from translate.errors import DAMAGED, UserError
from translate.evaluate.folder import Results
from translate.evaluate.scores import Evaluation, Row
from translate.evaluate.sheets import sheet, thumbnails
from translate.metrics.intervals import Estimate
from translate.metrics.measures import Measures, lower_is_better
from translate.system import hashed_tensors
from translate.system.files import sha256
from translate.system.hashed_tensors import nest
from translate.system.text import printable

RECORD = "evaluation.json"


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


def results(folder: Path) -> Results:
    """The folder of an evaluation."""
    return Results(folder, RECORD, "translate evaluate")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Kept]]:
    """(the record, by direction what is kept of it). UserError (exit code 5) when a file is missing or was changed."""
    record, found = results(folder).read(), {}
    if not isinstance(record.get("directions"), dict) or not isinstance(record.get("subject"), dict):
        raise UserError(f"{folder / RECORD} is damaged; evaluate again.", DAMAGED)
    for direction, own in record["directions"].items():
        path = folder / f"{direction}.safetensors"
        try:
            if sha256(path) != record["files"].get(path.name):
                raise UserError(f"{path} is not the file that {RECORD} was written with; evaluate again.", DAMAGED)
            complete = {"n", "names", "scores", "protocol"} <= own.keys() and all(
                "value" in row for row in own["scores"]
            )
            if not complete or not {"version", "images", "networks"} <= own["protocol"].keys():
                raise KeyError
        except OSError as error:
            raise UserError(f"{path} can't be read: {error.strerror}; evaluate again.", DAMAGED) from error
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{folder / RECORD} is damaged; evaluate again.", DAMAGED) from None
        tensors, _ = hashed_tensors.read(path)
        parts = [nest(tensors, f"{part}/") for part in ("features", "references", "values", "pictures")]
        found[direction] = Kept(own, Measures(*parts[:3]), parts[3])
    return record, found
