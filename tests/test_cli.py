"""The command line as a person uses it: help at once, a training from odd folders, a rehearsal, the three ways in."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import draw_pair, run_verb

ROOT = Path(__file__).parents[1]
VERBS = [
    "",
    "train",
    "distill",
    "convert",
    "sample",
    "evaluate",
    "compare",
    "toy",
    "report",
    "export",
    "web",
    "zoo",
    "push",
    "import",
    "data",
    "data list",
    "data show",
    "data check",
    "data fetch",
    "data glyphs",
    "data digest",
]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


def translate(*words: str, cwd: Path | None = None, code: int = 0) -> str:
    """The standard output of `translate WORDS` in a process of its own."""
    command = [sys.executable, "-m", "translate", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def here(monkeypatch, capsys, tmp_path):
    """The standard output of `translate WORDS` in this process, in the folder tmp_path; it must succeed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        code, said, problem = run_verb(monkeypatch, capsys, *words)
        assert code == 0, said + problem
        return said

    return run


def test_help_does_not_import_torch():
    """What makes `translate --help` quick; its time is in benchmarks/."""
    code = (
        "import sys; sys.argv = ['translate', '--help']\n"
        "from translate.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'pydantic', 'numpy', 'PIL', 'albumentations', 'rich.markdown')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_help_texts_are_as_recorded(verb):
    """The command line is frozen. A deliberate change: python tests/test_cli.py writes the files anew.

    Options in their order, and words; how they are laid out is the Typer version's."""
    path = ROOT / "tests" / "golden" / f"help{'-'.join(['', *verb.split()])}.txt"
    found, recorded = help_text(verb), path.read_text(encoding="utf-8")
    assert OPTION.findall(found) == OPTION.findall(recorded)
    assert words_of(found) == words_of(recorded)


OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
TYPES = {"text", "integer", "float", "path", "range"}  # how some versions of Typer write <str> and the like


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w'./-]*\w", re.sub(r"<[^>]*>", " ", text).lower())) - TYPES


def help_text(verb: str) -> str:
    return (
        translate(*verb.split(), "--help")
        .replace("__main__.py", "translate")
        .replace("python -m translate", "translate")
    )


def test_the_three_ways_in_are_the_same():
    ways = [[sys.executable, "-m", "translate"], [sys.executable, str(ROOT / "cli.py")]]
    beside = Path(sys.executable).with_name("translate")
    assert beside.exists(), "the console script is installed"
    ways.append([str(beside)])
    versions = [subprocess.run([*way, "--version"], capture_output=True, text=True).stdout for way in ways]
    assert len(set(versions)) == 1
    assert versions[0].strip()


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> Path:
    """Two folders of JPEG, PNG and WebP files of different sizes, modes and orientations, one of them broken."""
    root = tmp_path_factory.mktemp("odd")
    for name in ("one", "two"):
        (root / name / "deeper").mkdir(parents=True)
    for number in range(30):
        side = 20 + 7 * (number % 5)
        for name, picture in zip(("one", "two"), draw_pair(number, side), strict=True):
            picture = picture.resize((side, side + 3 * (number % 4)))
            folder = root / name / ("deeper" if number % 3 == 0 else "")
            kind = number % 6
            if kind == 0:
                picture.save(folder / f"{number}.jpg", quality=90)
            elif kind == 1:
                picture.convert("P").save(folder / f"{number}.png")
            elif kind == 2:
                picture.save(folder / f"{number}.webp")
            elif kind == 3:
                picture.convert("L").save(folder / f"{number}.PNG")
            elif kind == 4:
                picture.putalpha(Image.fromarray(np.asarray(picture.convert("L"))))
                picture.save(folder / f"{number}.png")
            else:
                picture.convert("CMYK").save(folder / f"{number}.jpeg")
    (root / "one" / "torn.jpg").write_bytes((root / "one" / "deeper" / "0.jpg").read_bytes()[:200])
    return root


TINY = ["generator.filters=4", "generator.blocks=1", "discriminator.filters=4", "discriminator.layers=1"]
SMALL = ["--size", "16x24", "--images", "24", "--batch", "4", "--device", "cpu"]
SETS = [word for text in TINY for word in ("--set", text)]


@pytest.mark.slow
def test_cycle_on_two_plain_folders_of_odd_files(odd, here, tmp_path):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in odd.rglob("*") if p.is_file()}
    words = ["train", "--mode", "cycle", "--a", str(odd / "one"), "--b", str(odd / "two"), *SMALL, *SETS]
    said = here(*words)
    run = tmp_path / "runs" / "cycle-one-two"
    assert "torn.jpg" in said
    assert "Done: 24 images seen" in said
    for name in ("runs/cycle-one-two", "best.safetensors", "000000024.png"):
        assert name in said
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert lines[0]["event"] == "start"
    assert any(line["images"] == 24 and "losses" in line for line in lines)
    sheet = Image.open(run / "samples" / "000000024.png")
    assert min(sheet.size) > 100
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before} == before, "the user's files are as they were"
    again = here(*words)
    assert "is finished: 24 images seen" in again
    rerun = here("train", "--config", str(run / "config.toml"), "--out", "again")
    assert "Done: 24 images seen" in rerun
    newest = "checkpoints/000000024.safetensors"
    assert (tmp_path / "again" / newest).read_bytes() == (run / newest).read_bytes(), "--config runs it again, exactly"


@pytest.mark.slow
def test_a_rehearsal_shows_everything_and_writes_nothing(odd, here, tmp_path):
    words = ["train", "--mode", "cyclegan", "--a", str(odd / "one"), "--b", str(odd / "two"), *SMALL, *SETS]
    said = here(*words, "--dry-run")
    for part in ("lambda_cycle = ", "torn.jpg", "images/s", "would take about", "parameters", "runs/cycle-one-two"):
        assert part in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_tensorboard_events_are_an_option(odd, here, tmp_path):
    words = ["train", "--mode", "cycle", "--a", str(odd / "one"), "--b", str(odd / "two"), *SMALL, *SETS]
    here(*words, "--set", "tensorboard=true", "--out", "run")
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_list_and_show(odd, here, tmp_path):
    listed = here("data", "list")
    for name in ("windows_emoji", "apple_emoji", "openmoji_line", "fluent_3d", "satellite"):
        assert name in listed
    said = here("data", "show", str(odd / "two"), "--out", str(tmp_path / "sheet.png"))
    assert "30 images" in said
    assert Image.open(tmp_path / "sheet.png").width > 100


if __name__ == "__main__":
    for verb in VERBS:
        path = ROOT / "tests" / "golden" / f"help{'-'.join(['', *verb.split()])}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(help_text(verb), encoding="utf-8")


def test_threads_of_kernels_wait_awake_for_a_short_while_only(monkeypatch, capsys):
    """Else half of the speed, or less, is left beside another busy program. What the user has set stays."""
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    run_verb(monkeypatch, capsys, "--version")
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    run_verb(monkeypatch, capsys, "--version")
    assert os.environ["GOMP_SPINCOUNT"] == "1000"
