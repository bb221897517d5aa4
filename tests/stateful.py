"""A training of 60 steps in which everything that has a state is on: for the tests of resuming and of run folders."""

from small import tiny_settings

from translate.data import Data, open_data
from translate.modes import MODES
from translate.train.settings import RunSettings

STEPS, BATCH = 60, 2
TOTAL = STEPS * BATCH
# Beside the noise, R1, EMA and spectral norm of all: dropout, a pool that fills and draws, drawn labels, changed
# images, batch norm, several steps of D, and each optimizer.
OWN: dict[str, dict] = {
    "cycle": {"mode_settings": {"pool": 6}},
    "dual": {"mode_settings": {"k": 2}, "train": {"optimizer": "rmsprop"}},
    "pix2pix": {"generator": {"dropout": True}},
    "vanilla": {"mode_settings": {"soft_labels": True, "flip_labels": 0.2}, "train": {"optimizer_d": "sgd"}},
    "dcgan": {
        "data": {"labels": "auto"},
        "generator": {"norm": "batch"},
        "discriminator": {"norm": "batch"},
        "mode_settings": {"flip_labels": 0.2, "diffaugment": ["translation", "cutout"]},
    },
    "lsgan": {"mode_settings": {"label_smoothing": 0.1, "separate": False}},
    "r3gan": {"mode_settings": {"r2": 0.5, "r1_every": 2}},
    "wgan": {"mode_settings": {"k": 2}, "train": {"optimizer": "rmsprop"}},
}


def quiet(*words: str) -> None:
    pass


def settings(mode: str, pictures, **changes) -> RunSettings:
    """Settings of `mode` on the `pictures`: two folders, of which images from noise take the first, or, for labels, the
    folder that both are in."""
    one = MODES[mode].kind == "noise"
    own = OWN.get(mode, {})
    labelled = own.get("data", {}).get("labels")
    domains = {"a": str(pictures[0].parent if labelled else pictures[0]), **({} if one else {"b": str(pictures[1])})}
    every = {"mode_settings": {"instance_noise": 0.1, "r1": 0.5, **({"k": 1, "latent": 8} if one else {})}}
    train = {"images": TOTAL, "batch": BATCH, "save_every": BATCH, "score_images": 4}
    s = tiny_settings(mode, domains, every, {"train": train}, own, changes)
    s.discriminator.spectral_norm = s.discriminator.network != "r3gan"  # whose blocks begin with zeros
    s.train.workers, s.train.channels_last = 0, False
    s.train.score_every = s.train.sample_every = TOTAL
    return s


def opened(s: RunSettings) -> Data:
    return open_data(s.a, s.b, s.data, paired=MODES[s.mode].paired, seed=s.seed, say=quiet)
