"""docs/tutorial.md and docs/tutorial.ipynb are the same, and the notebook runs from its top to its end.

`python tests/test_tutorial.py` writes the notebook from the page."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook() -> str:
    """The page as a notebook: its text between the blocks, python as it is, and each line of a shell after `!`."""
    cells = []
    for text, language, code in re.findall(
        r"(.*?)(?:^```(sh|python)\n(.*?)^```\n|\Z)", (DOCS / "tutorial.md").read_text(), re.DOTALL | re.MULTILINE
    ):
        if text.strip():
            cells.append({"cell_type": "markdown", "id": f"cell-{len(cells)}", "metadata": {}, "source": text.strip()})
        if code:
            source = code.strip() if language == "python" else "\n".join(f"!{line}" for line in code.splitlines())
            more = {"execution_count": None, "outputs": []}
            cells.append({"cell_type": "code", "id": f"cell-{len(cells)}", "metadata": {}, "source": source, **more})
    about = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def test_the_notebook_is_the_page():
    assert (DOCS / "tutorial.ipynb").read_text() == notebook(), "run `python tests/test_tutorial.py`"


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_end(pictures, tmp_path, monkeypatch):
    """In a real kernel, on two small folders and for 40 images in place of five minutes; without the installation and
    the page, which need a network."""
    import nbclient
    import nbformat

    small = {
        "fluent_flat": str(pictures[0]),
        "fluent_3d": str(pictures[1]),
        "--minutes 5": "--images 40 --set score_every=20 --set batch=2",
    }
    cells = json.loads(notebook())
    for cell in cells["cells"]:
        if cell["cell_type"] == "code":
            for name, replacement in small.items():
                cell["source"] = cell["source"].replace(name, replacement)
            if "pip install" in cell["source"] or "--to web" in cell["source"]:
                cell["source"] = ""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    book = nbformat.reads(json.dumps(cells), 4)
    nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "\n".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", []))
    assert "error:" not in said, said
    shown = [out["data"] for cell in book.cells for out in cell.get("outputs", []) if "data" in out]
    assert sum("image/png" in data for data in shown) == 3
    assert (tmp_path / "shading.onnx").stat().st_size > 10_000
    assert len(list((tmp_path / "shaded").glob("*.png"))) > 1
    assert (tmp_path / "runs" / "shading" / "report.html").exists()


if __name__ == "__main__":
    (DOCS / "tutorial.ipynb").write_text(notebook())
