"""A conversion among bad files, full disks, kills and signals: a bad file costs only itself, nothing is half there."""

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_files import bad_files, photo, save, snapshot
from PIL import Image
from small import tiny_model
from test_convert import convert

from translate.errors import DISK
from translate.image import rgb8
from translate.system import files

ROOT = Path(__file__).parents[1]


def more_bad_files(folder: Path) -> None:
    """Kinds beyond those of `bad_files`: deep files, other formats under an image's name, impossible headers."""
    deep = np.random.default_rng(0).integers(0, 65536, (64, 64, 3)).astype(np.uint16)
    for suffix in (".png", ".tif"):
        data = cv2.imencode(suffix, deep)[1].tobytes()
        (folder / f"deep-half{suffix}").write_bytes(data[: len(data) // 2])
    (folder / "infinite.tif").write_bytes(cv2.imencode(".tif", np.full((4, 4, 3), np.inf, np.float32))[1].tobytes())
    (folder / "paper.png").write_bytes(b"%PDF-1.7\n" + bytes(200))
    (folder / "layers.png").write_bytes(b"8BPS\0\1" + bytes(200))
    (folder / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    (folder / "chunk.webp").write_bytes(b"RIFF\xff\xff\xff\x7fWEBPVP8 " + bytes(40))
    (folder / "flat.gif").write_bytes(b"GIF89a" + bytes(10))
    (folder / "nothing.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    (folder / "zeros.bmp").write_bytes(b"BM" + bytes(100))
    huge = io.BytesIO()
    Image.new("L", (9000, 9000)).save(huge, "TIFF", compression="tiff_deflate")
    (folder / "huge.tif").write_bytes(huge.getvalue())
    (folder / "words.ppm").write_bytes(b"P6\nnot a number\n255\n")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "m.safetensors")


@pytest.mark.slow
def test_a_thousand_files_of_which_sixty_are_bad(model, tmp_path, monkeypatch, capsys):
    kinds = tmp_path / "kinds"
    bad_files(kinds)
    more_bad_files(kinds)
    (kinds / "folder.png").rmdir()
    bad = sorted(kinds.iterdir())[:30]
    assert len(bad) == 30
    folder = tmp_path / "in"
    for number in range(940):
        save(folder / f"{number % 10}" / f"{number:04d}.png", photo(12 + number % 3, 16, seed=number % 50))
    for copy in ("x", "y"):
        for path in bad:
            target = folder / copy / path.name
            target.parent.mkdir(exist_ok=True)
            if path.is_symlink():
                target.symlink_to(os.readlink(path))
            elif path.is_fifo():
                os.mkfifo(target)
            else:
                shutil.copy(path, target)
    before = snapshot(folder)
    said = convert(monkeypatch, capsys, model, folder, tmp_path / "out", code=3)
    assert snapshot(folder) == before
    outputs = [path for path in (tmp_path / "out").rglob("*.*") if path.name != "report.json"]
    assert len(outputs) == 940
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {entry["file"] for entry in report["failed"]} == {f"{copy}/{path.name}" for copy in "xy" for path in bad}
    assert all(entry["stage"] == "read" and 3 < len(entry["reason"]) < 130 for entry in report["failed"])
    assert "60 of 1,000 files could not be translated" in said
    assert "report.json" in said
    again = convert(monkeypatch, capsys, model, folder, tmp_path / "out", code=3)
    assert "940 unchanged, 60 failed" in again, "the bad ones are tried again, the good ones not"


def test_nothing_usable_is_its_own_exit_code(model, tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.png").write_text("no image")
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", code=2)
    assert "x.png: not an image" in said
    assert "none of 1 files could be translated" in said
    assert "could not be translated" not in convert(
        monkeypatch, capsys, model, tmp_path / "in" / "x.png", tmp_path / "y.png", code=2
    )
    assert not (tmp_path / "y.png").exists()


def test_a_network_that_gives_no_numbers_is_found_out(tmp_path, monkeypatch, capsys):
    """NaN would become black pictures without a word."""
    broken = tiny_model(tmp_path / "m.safetensors", init_gain=1e30, norm="none")
    save(tmp_path / "in" / "a.png", photo())
    said = convert(monkeypatch, capsys, broken, tmp_path / "in", tmp_path / "out", code=2)
    assert "a.png: the network's output is not a number" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]


def small_tree(folder: Path, count: int) -> Path:
    for number in range(count):
        save(folder / f"{number:03d}.png", photo(16, 16 + 4 * (number % 4), seed=number))
    return folder


def test_a_full_disk_stops_in_order(model, tmp_path, monkeypatch, capsys):
    """The disk refuses the twelfth file: what is there is whole and known, a rerun finishes."""
    tree, out, made = small_tree(tmp_path / "in", 40), tmp_path / "out", []
    real = files.os.replace

    def replace(source, target):
        if Path(target).suffix == ".png":
            made.append(target)
            if len(made) >= 12:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    said = convert(monkeypatch, capsys, model, tree, out, code=DISK)
    assert "No space left on device" in said
    assert all(rgb8.read(path).size for path in out.glob("*.png"))
    assert not list(out.glob(".*.part"))
    monkeypatch.setattr(files.os, "replace", real)
    said = convert(monkeypatch, capsys, model, tree, out)
    assert "11 unchanged" in said
    assert "29 translated" in said


def test_one_folder_that_may_not_be_written_costs_only_its_files(model, tmp_path, monkeypatch, capsys):
    tree, out = small_tree(tmp_path / "in", 8), tmp_path / "out"
    for number in range(4):
        save(tree / "locked" / f"{number}.png", photo())
    real = files.os.replace

    def replace(source, target):
        if "locked" in str(target):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    said = convert(monkeypatch, capsys, model, tree, out, code=3)
    assert "permission denied" in said
    assert len(list(out.glob("*.png"))) == 8
    assert {entry["stage"] for entry in json.loads((out / "report.json").read_text())["failed"]} == {"write"}


def test_what_a_kill_left_behind_is_removed_and_nothing_else(model, tmp_path, monkeypatch, capsys):
    tree, out = small_tree(tmp_path / "in", 3), tmp_path / "out"
    convert(monkeypatch, capsys, model, tree, out)
    for name in (".001.png.abcd1234.part", ".report.json.abcd1234.part", ".mine.part", ".other.png.abcd1234.part"):
        (out / name).write_text("half")
    convert(monkeypatch, capsys, model, tree, out)
    assert sorted(path.name for path in out.glob(".*")) == [".mine.part", ".other.png.abcd1234.part"]


@pytest.mark.slow
def test_twenty_five_kills_leave_nothing_half_done(model, tmp_path):
    """SIGKILL at random instants: no partial file under an output's name; the rerun is as if never interrupted."""
    tree = small_tree(tmp_path / "in", 300)
    before = snapshot(tree)
    command = [
        sys.executable,
        str(ROOT / "tests" / "convert_server.py"),
        str(model),
        str(tree),
        str(tmp_path),
        "25",
        "0",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["kills"] == 25
    assert len(result["instants"]) > 5, "they hit different places"
    assert result["partial"] == []
    assert result["different"] == []
    assert result["leftovers"] == []
    assert snapshot(tree) == before


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_in_order(model, tmp_path, number, code):
    tree, out = small_tree(tmp_path / "in", 800), tmp_path / "out"
    command = [sys.executable, "-m", "translate", "convert", str(model), str(tree), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    while not any(out.glob("*.png")) and process.poll() is None:
        pass
    process.send_signal(number)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == code, said + errors
    assert "files to go; the same command continues" in errors
    report = json.loads((out / "report.json").read_text())
    assert 0 < report["translated"] == len(list(out.glob("*.png"))) < 800
    assert all(rgb8.read(path).size for path in out.glob("*.png"))
    again = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert f"{report['translated']:,} unchanged" in again.stdout


@pytest.mark.slow
def test_torchrun_shares_the_files_out(model, tmp_path):
    tree = small_tree(tmp_path / "in", 24)
    (tree / "bad.png").write_text("no image")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [str(ROOT / "cli.py"), "convert", str(model), str(tree)]
    alone = subprocess.run(
        [sys.executable, *words, str(tmp_path / "one")], capture_output=True, env=environment, timeout=120
    )
    assert alone.returncode == 3
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29713"]
    subprocess.run([*launcher, *words, str(tmp_path / "two")], capture_output=True, env=environment, timeout=180)
    one, two = (sorted(path for path in (tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    reports = [json.loads((tmp_path / name / "report.json").read_text()) for name in ("one", "two")]
    for report in reports:
        assert (report["translated"], [entry["file"] for entry in report["failed"]]) == (24, ["bad.png"])
    for ours, theirs in zip(one, two, strict=True):
        if ours.suffix == ".png":
            assert ours.read_bytes() == theirs.read_bytes()
