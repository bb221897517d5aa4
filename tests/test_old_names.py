"""Files with the names that settings had before ([game], train.shares, train.together) still load.

tests/golden/old_run is a finished run of commit 9e83db4: 8 images of the drawn pictures that the other tests use.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import translate
from translate.settings import read_toml
from translate.train.checkpoints import Checkpoints
from translate.train.options import Options
from translate.train.run import start

OLD = Path(__file__).parent / "golden" / "old_run"


@pytest.fixture
def run(pictures, tmp_path, monkeypatch) -> Path:
    """A copy of the run, beside its pictures."""
    monkeypatch.chdir(pictures[0].parent)
    shutil.copytree(OLD, tmp_path / "run")
    return tmp_path / "run"


def settings(run: Path, *sets: str):
    return Options(None, None, None, None, run / "config.toml", list(sets), None, {}).settings()


def test_its_settings_have_the_new_names(run):
    s = settings(run)
    assert s.mode_settings.lambda_cycle == 5
    assert (s.train.batch_threads, s.train.fuse_passes) == (2, True)
    assert settings(run, "game.lambda_cycle=3").mode_settings.lambda_cycle == 3
    assert settings(run, "train.shares=1").train.batch_threads == 1


def test_it_is_continued(run):
    said: list[str] = []
    sets = ["train.images=12", "allow_change=true"]  # the pictures' bytes depend on Pillow's version
    start(settings(run, *sets), run, say=said.append)
    assert any("8 of 12 images seen" in line for line in said)
    assert Checkpoints(run / "checkpoints").newest()[1]["images"] == 12
    assert "game" not in read_toml(run / "config.toml")


def test_its_generator_translates(run):
    levels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    for direction in ("a2b", "b2a"):
        assert translate.load(run, direction=direction)(levels).shape == levels.shape
