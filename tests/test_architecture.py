"""docs/architecture.md is true: the code that it prints is the code, its floors are the import contract's, and
the files that the pages name exist."""

import importlib
import inspect
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in PAGES if page.name != "log.md"]  # a history, which names files of the past
MAX_LINES = 250
PRINTED = re.findall(r"```python\n# translate/([\w/]+)\.py: (\w+)\.(\w+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("file", "owner", "method", "printed"), PRINTED, ids=[f"{p[1]}.{p[2]}" for p in PRINTED])
def test_printed_code_is_the_code(file, owner, method, printed):
    module = importlib.import_module("translate." + file.replace("/", "."))
    assert printed == textwrap.dedent(inspect.getsource(getattr(getattr(module, owner), method)))


def test_the_round_and_a_mode_are_printed():
    assert {(owner, method) for _, owner, method, _ in PRINTED} >= {("Trainer", "_round"), ("Pix2Pix", "step")}


def test_floors_are_those_of_the_import_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers" and "containers" not in c)
    table = PAGE.split("| floor |")[1].split("\n\n")[0]
    floors = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines()[2:]]
    assert floors == [[name.strip().removeprefix("translate.") for name in layer.split("|")] for layer in layers]


def test_every_folder_of_the_package_is_on_a_floor():
    table = PAGE.split("| floor |")[1].split("\n\n")[0]
    folders = {path.parent.name for path in (ROOT / "translate").glob("*/__init__.py")}
    assert folders <= set(re.findall(r"`(\w+)`", table))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_that_are_named_exist(page):
    """`modes/cycle.py` is any file whose path ends like this; folders are named from the repository's root or the
    package."""
    files = [
        path.relative_to(ROOT) for top in ("translate", "tests", "benchmarks") for path in (ROOT / top).rglob("*.py")
    ]
    known = {"/".join(path.parts[-n:]) for path in [*files, Path("cli.py")] for n in range(1, len(path.parts) + 1)}
    text = page.read_text(encoding="utf-8")
    named = {name for span in re.findall(r"`([^`\n]+)`", text) for name in re.findall(r"^[\w./-]+\.py$", span)}
    named |= set(re.findall(r"(?:python|torchrun .*) ((?:tests|benchmarks)/[\w/]+\.py)", text))
    assert named - known == set()
    folders = {ROOT / name.rstrip("/") for name in re.findall(r"`((?:translate|tests|docs|benchmarks)/[\w/]*/)`", text)}
    assert [folder for folder in folders if not folder.is_dir()] == []


def test_files_are_short():
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "translate").rglob("*.py")}
    assert [str(path) for path, length in lengths.items() if length > MAX_LINES] == []
