"""A training of 60 steps in which everything that has a state is on: for the tests of resuming and of run folders."""

from small import TINY

from translate.data import Data, open_data
from translate.modes import MODES
from translate.settings import merge
from translate.training.settings import RunSettings, settings_class

STEPS, BATCH = 60, 2
TOTAL = STEPS * BATCH
GENERATOR = {"cycle": {"network": "resnet"}, "pix2pix": {"network": "unet", "dropout": True}}


def quiet(*words: str) -> None:
    pass


def settings(mode: str, pictures, **changes) -> RunSettings:
    """Dropout, noise, EMA, a pool that fills and draws: everything that has a state is on."""
    base = merge(TINY, {"generator": GENERATOR[mode], "train": {"images": TOTAL, "batch": BATCH, "save_every": BATCH}})
    game = {"instance_noise": 0.1, "r1": 0.5, **({"pool": 6} if mode == "cycle" else {})}
    values = {"mode": mode, "a": str(pictures[0]), "b": str(pictures[1]), **base, "game": game}
    s = settings_class(mode).parse(merge(values, changes), "test")
    s.discriminator.spectral_norm = True
    s.train.workers, s.train.channels_last = 0, False
    s.train.score_every = s.train.sample_every = TOTAL
    return s


def opened(s: RunSettings) -> Data:
    return open_data(s.a, s.b, s.data, paired=MODES[s.mode].paired, seed=s.seed, say=quiet)
