"""Plays rounds of several games as one of the processes that torchrun starts, and saves the state they come to.

usage: torchrun … rank_player.py FOLDER → FOLDER/MODE-RANK.pt
"""

import sys
from pathlib import Path

import torch
from games import TOTAL, batches, new_game, settings

from translate.modes import DOMAINS, MODES
from translate.system import distributed
from translate.train.step.trainer import Trainer

ROUNDS, BATCH = 6, 4
TRICKS = {"instance_noise": 0.1, "diffaugment": ["color", "translation", "cutout"]}
INSTANCE = {"generator": {"norm": "instance"}, "discriminator": {"norm": "instance"}}
BATCH_NORM = {"generator": {"norm": "batch"}, "discriminator": {"norm": "batch"}}
# The first four treat each image by itself; in the others batch norm needs all of a batch, and there is dropout.
CASES = {
    "cycle": {**INSTANCE, "mode_settings": {**TRICKS, "pool": 3, "soft_labels": True, "r1": 0.5}},
    "wgan-gp": {**INSTANCE, "mode_settings": {**TRICKS, "k": 2}},
    "r3gan": {"mode_settings": {**TRICKS, "r1_every": 1}},
    "hinge": {**INSTANCE, "discriminator": {"norm": "instance", "spectral_norm": False}, "mode_settings": TRICKS},
    "pix2pix": {
        "generator": {"norm": "batch", "dropout": True},
        "discriminator": {"norm": "batch"},
        "mode_settings": TRICKS,
    },
    "dcgan": {**BATCH_NORM, "mode_settings": {**TRICKS, "flip_labels": 0.2, "r1": 50.0}},
}
PER_SAMPLE = ("cycle", "wgan-gp", "r3gan", "hinge")


def played(mode: str, accumulate: int = 1, **train) -> dict[str, torch.Tensor]:
    """The state after ROUNDS rounds, of which this process plays its share. Cut into more than one bucket."""
    s = settings(mode, **CASES[mode], train={"ema": 0.9, "lr": 1e-6, **train})
    round = Trainer(new_game(s), s.train, TOTAL)
    torch.manual_seed(3)
    size = BATCH * round.mode.batches_per_round
    drawn = batches(ROUNDS * size // 2, domains=DOMAINS[MODES[mode].kind])
    images = [torch.cat(parts) for parts in zip(*drawn, strict=True)]
    for number in range(ROUNDS):
        batch = [domain[number * size : (number + 1) * size] for domain in images]
        mine = tuple(domain[distributed.rank() :: distributed.world_size()] for domain in batch)
        round.play([mine] * accumulate, number * BATCH)
    means = {f"means/{player}": torch.tensor([*watch.means()[0].values()]) for player, watch in round.stats.items()}
    return round.state()[0] | means


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    distributed.join("cpu")
    for mode in CASES:
        torch.save(played(mode), Path(sys.argv[1]) / f"{mode}-{distributed.rank()}.pt")
    torch.save(played("cycle", accumulate=2), Path(sys.argv[1]) / f"accumulated-{distributed.rank()}.pt")
    distributed.leave()
