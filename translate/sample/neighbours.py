"""Whether a generator copies training images: samples beside their nearest training images, by pixel distance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from translate.data import Data, DataSettings, description, open_data
from translate.errors import UserError
from translate.image import rgb8
from translate.metrics.nearest import nearest
from translate.settings import read_toml
from translate.system.untrusted import read_object

ROWS = 12
MAX_SAMPLES = 200  # samples, and held-out images, whose distances are compared
COPY_RATIO = 0.5  # below this ratio of median distances, samples to held-out images, samples count as copies


def open_training_data(run: Path, say: Callable[[str], Any]) -> Data:
    """The images that a run was trained on. UserError if they can't be opened, or have changed."""
    if not (run / "config.toml").is_file() or not (run / "data.json").is_file():
        raise UserError(
            f"--neighbours needs the run folder, whose config.toml and data.json name the training images; {run} has "
            "none."
        )
    config = read_toml(run / "config.toml")
    try:
        fingerprint = read_object(run / "data.json")["fingerprint"]
        name, seed, settings = str(config["a"]), int(config["seed"]), DataSettings.parse(config["data"], str(run))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{run} doesn't say what it was trained on: its config.toml or data.json is damaged.") from None
    try:
        data = open_data(name, None, settings, paired=False, seed=seed, say=say)
    except UserError as error:
        raise UserError(f"--neighbours needs the training images of {run}: {error}", error.code) from error
    if description.fingerprint(data) != fingerprint:
        raise UserError(f"--neighbours: {name} no longer holds the images that {run} was trained on.")
    return data


def compare(pictures: np.ndarray, data: Data, caption: str) -> tuple[bytes, str]:
    """(PNG of a sheet of `pictures`, uint8 (N, H, W, C), each beside its nearest training images; a sentence
    about whether they are copies).

    Distances are root mean squares of pixel differences, in levels of 255. Where training mirrors images, the smaller
    distance counts.
    """
    train, test = data.train_images("a"), data.test_images("a")[:MAX_SAMPLES]
    mirrored = data.settings.flip > 0
    places, distances = nearest(pictures[:MAX_SAMPLES], train, mirrored)
    held_out = nearest(test, train, mirrored)[1][:, 0]
    rows = [
        [picture, *(train[place] for place in near)]
        for picture, near in zip(pictures[:ROWS], places[:ROWS], strict=True)
    ]
    own, other = float(np.median(distances[:, 0])), float(np.median(held_out))
    verdict = "it repeats training images" if own < COPY_RATIO * other else "no sign of repeating training images"
    sentence = (
        f"{verdict}: the median distance to the nearest training image is {own:.1f} for {len(distances)} samples and "
        f"{other:.1f} for {len(held_out)} held-out images (root mean square of the pixels, of 255)"
    )
    names = ["nearest", "2nd", "3rd"][: len(places[0])]
    return rgb8.to_png(rgb8.sheet(rows, headings=["sample", *names], caption=f"{caption}; {sentence}")), sentence
