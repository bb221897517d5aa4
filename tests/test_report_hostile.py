"""Reports of run folders that are damaged, unfinished, or made by somebody else."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL.PngImagePlugin import PngInfo
from report_files import images, lines, write_run, written

from translate.image import rgb8, sheet_file

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{body}\u202e\x07"


def test_nothing_from_a_run_folder_becomes_code(tmp_path):
    log = lines()
    log[0]["command"] = log[0]["device"] = HOSTILE
    log[-1]["text"] = HOSTILE
    log[1]["losses"] = {HOSTILE: {HOSTILE: 1.0}}
    log.append({"images": 40, "scores": [{"name": HOSTILE, "value": 1.0, "n": 2}], "samples": [HOSTILE]})
    run = write_run(tmp_path / "<b>run", log=log, a=f"/{HOSTILE}", init_from=HOSTILE)
    data = {"a": {"name": HOSTILE, "licence": HOSTILE, "test": []}, "classes": {HOSTILE: {}}}
    (run / "data.json").write_text(json.dumps(data | {"problems": [[HOSTILE, HOSTILE]]}))
    rows = [[image] for image in images(3, 2)]
    about = {"images": 4, "measure": HOSTILE, "rows": [{"kind": HOSTILE, "name": HOSTILE, "value": 1}] * 2}
    (run / "best-and-worst.png").write_bytes(sheet_file.pack(rows, headings=[HOSTILE], about=about))
    read = written(run, out=tmp_path / "out.html")
    assert [tag for tag, _ in read.elements].count("script") == 4
    assert "img" not in {tag for tag, _ in read.elements}
    assert not [attributes for _, attributes in read.elements if any(name.startswith("on") for name in attributes)]
    assert "<img src=x onerror=alert(2)>" in read.text  # as text
    assert "\x07" not in read.text
    assert "\u202e" not in read.text


BAD = [
    b"",
    b"no json\n",
    b"[1, 2]\n",
    b'{"images": "many"}\n{"images": -1}\n{"images": true}\n{"losses": 3}\n',
    b'{"images": 1, "losses": [], "diagnostics": {"D": 5}, "largest_norms": "x", "scores": {"a": 1}}\n',
    b'{"images": 1, "losses": {"D": {"D": NaN}}}\n{"images": 2, "losses": {"D": {"D": 1e999}}}\n',
    b'{"images": 1, "scores": [1, {"value": 2}, {"name": 3, "value": "x"}], "samples": 5}\n',
    b'{"images": 1, "scores": [{"name": ["a"], "value": 2, "n": "x", "lower_is_better": 1}]}\n',
    b'{"images": 1, "event": "start", "versions": 4, "command": {}, "threads": "x", "time": "noon"}\n',
    b'{"images": 1, "event": ["x"], "protocol": {"best": 5}, "losses": {"D": {"D": 1' + b"0" * 400 + b"}}}\n",
    b"[" * 100_000,
    b"\xff\xfe\x00broken",
]


@pytest.mark.parametrize("log", BAD, ids=range(len(BAD)))
def test_any_log_can_be_reported(log, tmp_path):
    run = write_run(tmp_path / "run")
    (run / "log.jsonl").write_bytes(log)
    assert "What is missing here" in written(run).text


CONFIGS = [
    "",
    "mode = 5\na = [1]\ntrain = 'x'\ndata = 3\nb = {x = 1}",
    "mode = 'pix2pix'\na = 'x'\nb = 'y'\n[train]\nimages = -5\nbatch = nan\n[data]\nsize = 'large'",
    "mode = 'none'\na = ''\npreset = [[1, [2]], {x = 2}]\n[train]\nimages = 9223372036854775807",
]


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_any_settings_can_be_reported(config, tmp_path):
    run = write_run(tmp_path / "run")
    (run / "config.toml").write_text(config)
    (run / "data.json").write_text(
        json.dumps({"a": [1], "b": {"train": "x", "test": {}}, "problems": 3, "classes": [2]})
    )
    read = written(run)
    assert "What differs from the paper can't be said" in read.text
    assert len(read.charts()) == 5


def test_a_diverged_training_says_so_until_it_is_continued(tmp_path):
    log = [*lines(40)[:-4], {"images": 36, "event": "diverged", "player": "G", "losses": ["l1"]}]
    read = written(write_run(tmp_path / "run", log=log))
    assert "Training diverged after 36 images: the loss of player G became NaN or infinite." in read.text
    assert read.data["marks"] == [{"x": 36, "label": "NaN"}]
    read = written(write_run(tmp_path / "on", log=[*log, {"images": 36, "event": "start"}, *lines(40)[-4:]]))
    assert "Training diverged" not in read.text


def test_how_a_training_came_to_its_length_and_preset_and_why_it_ended(tmp_path):
    compared = {"event": "preset", "comparison": 1, "preset": "cpu", "trained": 64, "score": "L1", "value": 0.25}
    chosen = [{"event": "minutes", "minutes": 10.0, "length": 80}, compared | {"kept": True}]
    log = [lines()[0], *({"images": 0, **one} for one in chosen), *lines()[1:], {"images": 40, "event": "patience"}]
    text = written(write_run(tmp_path / "run", log=log, train={"images": 80})).text
    assert "as many as 10 minutes allow" in text
    assert "it stopped early" in text
    assert "unfinished" not in text
    assert "0.2500" in text.split("How the preset was chosen")[2]


def test_a_run_of_an_earlier_version_can_be_reported(tmp_path):
    path = tmp_path / "old"
    shutil.copytree(Path(__file__).parent / "golden" / "old_run", path)
    text = written(path).text
    assert "log.jsonl can't be read" in text
    assert "What differs from the paper" in text


def test_a_line_that_is_being_written_is_not_counted_as_damaged(tmp_path):
    run = write_run(tmp_path / "run")
    with (run / "log.jsonl").open("a") as file:
        file.write('{"images": 41, "los')
    assert "log.jsonl can't be read" not in written(run).text
    (run / "log.jsonl").write_text("broken\n" + (run / "log.jsonl").read_text())
    assert "1 line of log.jsonl can't be read and is left out." in written(run).text


def test_what_is_missing_is_said(tmp_path):
    run = write_run(tmp_path / "run", sheets=0)
    for name in ("data.json", "log.jsonl"):
        (run / name).unlink()
    text = written(run).text
    for word in ("data.json can't be read", "log.jsonl can't be read", "There are no sheets in samples/ yet"):
        assert word in text
    assert "unfinished" in text


def test_sheets_that_are_damaged_are_left_out_and_named(tmp_path):
    run = write_run(tmp_path / "run", sheets=2)
    good = (run / "samples" / "000000040.png").read_bytes()
    (run / "samples" / "000000030.png").write_bytes(good[: len(good) // 2])
    (run / "samples" / "000000031.png").write_bytes(b"no picture")
    (run / "samples" / "000000032.png").symlink_to("/dev/zero")
    lying = rgb8.to_pil(np.zeros((20, 20, 3), np.uint8))
    description = {"corners": [[[1, 1]]], "cell": [9, 9], "scale": 0, "headings": [""], "names": [], "about": {}}
    lying.save(run / "samples" / "000000033.png", pnginfo=_text(json.dumps(description)))
    lying.save(run / "samples" / "000000034.png", pnginfo=_text("[" * 50_000))
    many = description | {"corners": [[[0, 0]]] * 5000, "cell": [20, 20], "scale": 1}
    lying.save(run / "samples" / "000000035.png", pnginfo=_text(json.dumps(many)))
    read = written(run)
    assert [seen for seen, _ in read.grids()[0]["columns"][1]["frames"]] == [20, 40]
    for number in range(30, 36):
        assert f"samples/0000000{number}.png can't be shown" in read.text


def _text(value: str):
    info = PngInfo()
    info.add_text(sheet_file.KEY, value)
    return info


def test_sheets_of_earlier_versions_are_shown_as_they_are(tmp_path):
    run = write_run(tmp_path / "run", sheets=0)
    (run / "samples").mkdir()
    whole = images(1, 1, 40)[0]
    (run / "samples" / "000000040.png").write_bytes(rgb8.to_png(whole))
    read = written(run)
    (grid,) = read.grids()
    np.testing.assert_array_equal(read.tiles(grid, grid["columns"][0]["frames"][0][1])[0], whole)
