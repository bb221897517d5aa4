"""Videos: every frame in order, the frame rate kept, the same frames as images would give."""

import errno
import json
import os

import cv2
import numpy as np
import pytest
from data_files import snapshot
from small import tiny_model
from test_convert import convert

import translate
from translate.errors import DISK
from translate.system import files

SUFFIXES = ("mp4", "avi", "mkv", "mov", "webm")


def film(path, frames: int = 11, fps: float = 12.5, size: tuple[int, int] = (48, 36)) -> list[np.ndarray]:
    """Writes frames of a square that moves from left to right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = {"avi": "MJPG", "webm": "VP90"}.get(path.suffix[1:], "mp4v")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
    made = []
    for number in range(frames):
        frame = np.full((size[1], size[0], 3), 230, np.uint8)
        frame[10:26, 3 * number : 3 * number + 14] = (200, 60, 20)
        writer.write(frame)
        made.append(frame)
    writer.release()
    return made


def frames(path) -> tuple[list[np.ndarray], float]:
    reader = cv2.VideoCapture(str(path))
    found = []
    while (got := reader.read())[0]:
        found.append(got[1][..., ::-1])
    return found, reader.get(cv2.CAP_PROP_FPS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "m.safetensors", init_gain=0.01, residual=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_rate_and_order_are_kept(model, tmp_path, monkeypatch, capsys, suffix):
    film(tmp_path / "in" / f"film.{suffix}")
    before = snapshot(tmp_path / "in")
    convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", "--batch", "4")
    assert snapshot(tmp_path / "in") == before
    source, rate = frames(tmp_path / "in" / f"film.{suffix}")
    result, kept = frames(tmp_path / "out" / f"film.{suffix}")
    assert len(result) == len(source) == 11
    assert kept == pytest.approx(rate)
    assert result[0].shape == source[0].shape
    t = translate.load(model)
    for given, made in zip(source, result, strict=True):
        expected = t(np.ascontiguousarray(given)).astype(int)
        assert np.abs(made.astype(int) - expected).mean() < 12, "but for the codec's loss"
    modes = [os.stat(tmp_path / folder / f"film.{suffix}").st_mode for folder in ("in", "out")]
    assert modes[0] == modes[1], "others may read it as they may read any new file"
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["files"][0]["notes"] == ["no sound: OpenCV carries none"]
    assert "1 unchanged" in convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", "--batch", "4")


def test_equal_frames_stay_equal(model, tmp_path, monkeypatch, capsys):
    """No flicker: a still film is a still film afterwards."""
    path = tmp_path / "in" / "still.mkv"
    path.parent.mkdir()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 10, (32, 32))
    still = np.random.default_rng(0).integers(0, 255, (32, 32, 3)).astype(np.uint8)
    for _ in range(9):
        writer.write(still)
    writer.release()
    t = translate.load(model)
    arrays, _ = frames(path)
    outputs = t.batch([np.ascontiguousarray(array) for array in arrays])
    assert all(np.array_equal(output, outputs[0]) for output in outputs)


def test_odd_sizes_and_grey_models_work(tmp_path, monkeypatch, capsys):
    grey = tiny_model(tmp_path / "m.safetensors", channels=(1, 1))
    film(tmp_path / "in" / "odd.avi")
    convert(monkeypatch, capsys, grey, tmp_path / "in" / "odd.avi", tmp_path / "grey.avi", "--size", "37x51")
    result, _ = frames(tmp_path / "grey.avi")
    assert result[0].shape == (36, 50, 3)


def test_a_network_that_fails_on_a_video_costs_only_that(tmp_path, monkeypatch, capsys):
    broken = tiny_model(tmp_path / "m.safetensors", init_gain=1e30, norm="none")
    film(tmp_path / "in" / "film.avi")
    said = convert(monkeypatch, capsys, broken, tmp_path / "in", tmp_path / "out", code=2)
    assert "film.avi: the network's output is not a number" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]


def test_a_full_disk_is_said_for_videos_too(model, tmp_path, monkeypatch, capsys):
    film(tmp_path / "in" / "film.avi")
    real = files.os.replace

    def replace(source, target):
        if str(target).endswith(".avi"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", code=DISK)
    assert "No space left on device" in said
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix == ".avi"] == []
    assert not list((tmp_path / "out").glob(".film*"))


def test_a_bad_video_costs_only_itself(model, tmp_path, monkeypatch, capsys):
    film(tmp_path / "in" / "good.mp4")
    (tmp_path / "in" / "bad.mp4").write_bytes((tmp_path / "in" / "good.mp4").read_bytes()[:100])
    (tmp_path / "in" / "text.webm").write_text("no film")
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out", code=3)
    assert "bad.mp4: not a video that OpenCV can read" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.mp4", "report.json"]
