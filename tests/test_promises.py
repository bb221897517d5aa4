"""What the README promises of a run: the best generator by score on held-out images is kept, shown and loaded.

Every picture here has one colour of its own, so that a file of the run says which pictures it was made of; the
generator is set to x + shift after each round, so that it is known which one is the best.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from small import tiny_settings
from test_metrics_scorer import needs_extra

import translate
from translate.train.run import start
from translate.train.step.trainer import Trainer

BATCH, SIDE, COUNT = 4, 16, 24


def quiet(*words: str) -> None:
    pass


def flat_folders(root: Path, low: tuple[int, int], high: tuple[int, int]) -> list[Path]:
    """root/a and root/b: pictures of one colour each, all different, with the same names; every value of a is in `low`,
    of b in `high`."""
    random = np.random.default_rng(0)
    for name, ends in (("a", low), ("b", high)):
        (root / name).mkdir(parents=True)
        for number in range(COUNT):
            colour = tuple(int(value) for value in random.integers(*ends, 3))
            Image.new("RGB", (SIDE, SIDE), colour).save(root / name / f"{number:03d}.png")
    return [root / "a", root / "b"]


def train(mode: str, folders: list[Path], path: Path, shifts: list[float], **more) -> SimpleNamespace:
    """A run in which the generators are x + shift after each round, whatever the round has made of them. more: settings
    of the training."""

    def play(self, batches, seen):
        original(self, batches, seen)
        with torch.no_grad():
            for name in self.mode.generators.values():
                parameters = list(self.mode.networks[name].parameters())
                for parameter in parameters:
                    parameter.zero_()
                parameters[-1].fill_(shifts[seen // BATCH])  # the bias of the last convolution

    original = Trainer.play
    every = {"batch": BATCH, "images": BATCH * len(shifts), "score_every": BATCH, "sample_every": BATCH}
    s = tiny_settings(
        mode,
        {"a": str(folders[0]), "b": str(folders[1]), "data": {"load": 1.0, "flip": 0.0, "test_percent": 25}},
        {"generator": {"network": "resnet", "norm": "none", "residual": True, "dropout": False}},
        {"train": {**every, "ema": 0.0, "workers": 0, "channels_last": False, "samples": 4, "score_images": 100}},
        {"train": more},
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Trainer, "play", play)
        start(s, path, say=quiet)
    record = json.loads((path / "data.json").read_text())
    log = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return SimpleNamespace(path=path, folders=folders, record=record, scores=[line for line in log if "scores" in line])


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    """pix2pix whose generator is x in the second of four rounds, and darker in the others."""
    root = tmp_path_factory.mktemp("paired")
    return train("pix2pix", flat_folders(root, (100, 250), (60, 220)), root / "run", [-0.5, 0.0, -0.3, -0.9])


def held_out(run, side: str) -> np.ndarray:
    """The pictures of one side that data.json names as held out, read from their files: uint8 (N, H, W, 3)."""
    files = [run.folders["ab".index(side)] / Path(key).with_suffix(".png").name for key in run.record[side]["test"]]
    assert 0 < len(files) < COUNT
    return np.stack([np.asarray(Image.open(file)) for file in files])


def colours(pixels: np.ndarray) -> set[tuple[int, ...]]:
    """The colours of (..., 3) that are not grey, as a sheet's paper, ink and edges are."""
    found = {tuple(map(int, colour)) for colour in np.unique(pixels.reshape(-1, 3), axis=0)}
    return {colour for colour in found if len(set(colour)) > 1}


def test_scores_compare_outputs_with_held_out_images_of_the_target_domain(paired):
    """L1 as it is written in the log, against the pictures themselves."""
    x, y = (held_out(paired, side).astype(float) for side in "ab")
    assert len(paired.scores) == 4
    for line, shift in zip(paired.scores, (-0.5, 0.0, -0.3, -0.9), strict=True):
        output = np.clip(x + 127.5 * shift, 0, 255)
        (score,) = [score for score in line["scores"] if score["name"] == "L1"]
        assert score["n"] == len(x)
        assert score["value"] == pytest.approx(np.abs(output - y).mean() / 255, abs=0.005)
        assert score["doing_nothing"] == pytest.approx(np.abs(x - y).mean() / 255, abs=1e-4)


def test_the_best_by_score_is_kept_and_is_what_a_run_folder_loads(paired):
    values = [line["scores"][0]["value"] for line in paired.scores]  # the score that chooses comes first
    lower = paired.scores[0]["scores"][0]["name"] not in ("PSNR", "SSIM")
    best = values.index(min(values) if lower else max(values))
    assert best == 1  # neither the first, nor the newest, nor the worst
    for model in (paired.path / "best.safetensors", paired.path):
        translator = translate.load(model)
        assert translator.description["images"] == 2 * BATCH
        picture = held_out(paired, "a")[0]
        assert np.array_equal(translator(picture), picture)  # the generator of the second round
    newest = translate.load(paired.path / "generator.safetensors")
    assert newest.description["images"] == 4 * BATCH


def test_sheets_are_of_held_out_images(paired):
    """Of the second round: input, the same as output, and the true partner; of no picture that was trained on."""
    sheet = colours(np.asarray(Image.open(paired.path / "samples" / f"{2 * BATCH:09d}.png").convert("RGB")))
    shown = [held_out(paired, side)[:4] for side in "ab"]
    assert sheet == colours(np.stack(shown))


@needs_extra
def test_the_distance_that_chooses_without_pairs_is_to_the_target_domain(tmp_path):
    """Dark pictures to light ones: the generator that makes them lighter is better than one that does nothing."""
    run = train("cycle", flat_folders(tmp_path, (0, 60), (190, 250)), tmp_path / "run", [0.0, 1.45, -0.2])
    assert [line["scores"][0]["name"] for line in run.scores] == ["KID-lite2"] * 3
    assert translate.load(run.path).description["images"] == 2 * BATCH
    sheets = sorted((run.path / "samples").glob(f"{BATCH:09d}*.png"))  # of the first round, in which outputs are inputs
    for sheet, side in zip(sheets, "ba", strict=True):
        found = colours(np.asarray(Image.open(sheet).convert("RGB")))
        assert found == colours(held_out(run, side)[:4])
