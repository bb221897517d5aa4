"""Run folders made by hand, to be reported, and what a report holds."""

import base64
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image
from small import tiny_settings

from translate.image import sheet_file
from translate.report.run import Options, report
from translate.settings import to_toml
from translate.train.settings import departures


def images(number: int, count: int = 3, side: int = 16) -> list[np.ndarray]:
    """uint8 (side, side, 3) of noise, the same for the same number."""
    return [*np.random.default_rng(number).integers(0, 256, (count, side, side, 3), dtype=np.uint8)]


def write_sheet(path: Path, number: int, side: int = 16, count: int = 3) -> None:
    """A sheet of input, output, truth, whose outputs depend on `number`."""
    columns = images(0, count, side), images(number, count, side), images(1, count, side)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [list(row) for row in zip(*columns, strict=True)]
    path.write_bytes(sheet_file.pack(rows, headings=["input", "output", "truth"]))


def lines(total: int = 40, score: float = 0.5) -> list[dict]:
    """A log of 10 statistics, two scorings and a warning."""
    about = {"device": "cpu", "command": "translate train", "versions": {"translate": "0.1.0"}}
    found = [{"images": 0, "time": 100.0, "event": "start", **about}]
    for step in range(1, 11):
        losses = {"D": {"D": 1 / step}, "G": {"gan": 1.0, "l1": 30.0 / step}}
        accuracy = {"D": {"accuracy": 0.5 + 0.04 * step, "relative_loss": 1.0}}
        entry = {"losses": losses, "diagnostics": accuracy, "largest_norms": {"D": 1.0, "G": 2.0}}
        found.append({"images": total * step // 10, "time": 100.0 + step, **entry, "images_per_second": 4.0})
        if step % 5 == 0:
            row = {"name": "ST-LPIPS", "value": score / step, "n": 3, "doing_nothing": 0.09, "lower_is_better": True}
            found.append({"images": total * step // 10, "time": 100.5 + step, "scores": [row], "samples": []})
    found.append({"images": total, "time": 111.0, "event": "warning", "text": "D is too good."})
    return found


def write_run(folder: Path, *, sheets: int = 3, log: list[dict] | None = None, side: int = 16, **changes) -> Path:
    """A finished run of pix2pix with `sheets` sheets; changes: of its settings."""
    settings = tiny_settings("pix2pix", {"train": {"images": 40}}, changes)
    folder.mkdir(parents=True)
    (folder / "config.toml").write_bytes(to_toml(settings.plain()))
    about = {"name": "x", "licence": "MIT", "train": 20, "test": ["one", "two", "three"]}
    data = {"a": about, "b": about | {"name": "y"}, "paired": True, "truth": True, "problems": [["odd", "one is odd"]]}
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (log or lines())))
    for number in range(1, sheets + 1):
        write_sheet(folder / "samples" / f"{40 * number // sheets:09d}.png", number + 1, side)
    return folder


class Read(HTMLParser):
    """A report taken apart: its data, its text, and how many elements it has of each kind, with their attributes."""

    def __init__(self, path: Path):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text, self.inside = "", ""
        self.scripts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.data = json.loads(next(text for text in self.scripts if text.startswith("{")))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data + " "

    def grids(self, kind: str = "sheet") -> list[dict]:
        return [grid for grid in self.data["grids"] if grid["kind"] == kind]

    def charts(self) -> dict[str, dict]:
        return {chart["title"]: chart for chart in self.data["charts"]}

    def tiles(self, grid: dict, key: str) -> np.ndarray:
        """The images in a picture of a grid, uint8 (count, h, w, 3)."""
        whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(self.data["pictures"][key]))).convert("RGB"))
        (width, height), across = grid["size"], grid["across"]
        places = [divmod(number, across) for number in range(grid["count"])]
        corners = [(y * (height + 2) + 1, x * (width + 2) + 1) for y, x in places]  # each has an edge around it
        return np.stack([whole[y : y + height, x : x + width] for y, x in corners])


def written(*runs: Path, out: Path | None = None) -> Read:
    """The report of run folders."""
    return Read(report(Options([*runs], out), departures, say=lambda _: None))
