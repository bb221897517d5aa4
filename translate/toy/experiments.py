"""The objectives on points of a plane: the real mode and the real trainer, with networks that fit a plane.

A point is an image of one pixel with two channels. The papers' settings, scaled to this problem:

    experiment           in its paper                    here
    minimax, vanilla SGD with momentum (2014)        Adam with β₁ 0.5, as in DCGAN and LSGAN; lr 2e-3, so
    lsgan            Adam 2e-4, β₁ 0.5               that 2,000 rounds are enough
    hinge            Adam 2e-4, β₁ 0, β₂ 0.9, k 5,   the same optimizer as those above, k 1, no spectral norm, so that
                     spectral norm                   only the objective differs from theirs
    wgan             RMSprop 5e-5, clip 0.01, k 5    RMSprop 1e-3, clip 0.1, k 5: with the paper's values the
                                                     estimate of a small critic stayed at 0.000 for 300 rounds
    wgan-gp          Adam 1e-4, β₁ 0, β₂ 0.9, λ 10,  Adam 2e-3, β₁ 0, β₂ 0.9, λ 0.1 as in the authors' program for such
                     k 5                             points, k 5
    vanilla+r1       RMSprop 1e-4, γ 10              vanilla, with γ 0.01 at every step
    relativistic     Adam 2e-4, β₁ 0, R1 and R2      as vanilla+r1, with R2, too
    kl, reverse-kl,  Adam 2e-4, β₁ 0.5               the same optimizer as vanilla; nothing was searched for them
    pearson, hellinger, jensen-shannon

In all, lr decays linearly to 0 in the second half, so that samples converge. The values were found by a few trials on
the ring, not by a search.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from translate.errors import DIVERGED, UserError
from translate.modes.gan import GAN, GANSettings
from translate.modes.objectives import OBJECTIVES
from translate.networks import DiscriminatorSettings, GeneratorSettings, build_discriminator, build_generator
from translate.toy.mixtures import Count, Mixture
from translate.train.settings import TrainSettings
from translate.train.step.trainer import Trainer

SAMPLES = 2500  # as in Srivastava et al. (2017)
EVALUATIONS = 50  # of the samples during an experiment
SNAPSHOTS = (0.02, 0.1, 0.3, 0.6, 1.0)  # fractions of the training after which samples are kept for the figure
BATCH, LATENT, LAYERS = 256, 2, 3
ADAM: dict[str, Any] = {"lr": 2e-3, "beta1": 0.5}


class Experiment(NamedTuple):
    """One objective's settings. rounds: steps of G; five steps of D per step of G take about three times as long."""

    mode_settings: dict[str, Any]
    train: dict[str, Any] = ADAM
    rounds: int = 2000


EXPERIMENTS = {
    "minimax": Experiment({"objective": "minimax"}),
    "vanilla": Experiment({"objective": "vanilla"}),
    "lsgan": Experiment({"objective": "lsgan"}),
    "hinge": Experiment({"objective": "hinge"}),
    "wgan": Experiment({"objective": "wgan", "k": 5, "clip_weights": 0.1}, {"optimizer": "rmsprop", "lr": 1e-3}, 1000),
    "wgan-gp": Experiment(
        {"objective": "wgan-gp", "k": 5, "gradient_penalty": 0.1}, {"lr": 2e-3, "beta1": 0.0, "beta2": 0.9}, 1000
    ),
    "vanilla+r1": Experiment({"objective": "vanilla", "r1": 0.01, "r1_every": 1}),
    "relativistic": Experiment({"objective": "relativistic", "r1": 0.01, "r2": 0.01, "r1_every": 1}),
    "kl": Experiment({"objective": "kl"}),
    "reverse-kl": Experiment({"objective": "reverse-kl"}),
    "pearson": Experiment({"objective": "pearson"}),
    "hellinger": Experiment({"objective": "hellinger"}),
    "jensen-shannon": Experiment({"objective": "jensen-shannon"}),
}


class Result(NamedTuple):
    """counts, diagnostics: at each evaluation (D's "accuracy", or a critic's estimated "distance"); snapshots: samples
    (SAMPLES, 2) at SNAPSHOTS."""

    name: str
    rounds: int
    counts: list[Count]
    diagnostics: list[dict[str, float]]
    snapshots: list[np.ndarray]

    @property
    def last(self) -> Count:
        return self.counts[-1]


def train(name: str, mixture: Mixture, seed: int, rounds: int | None = None) -> Result:
    """The Result of one experiment; rounds: the experiment's if not given. The same seed gives the same numbers in any
    order of experiments. UserError when a network's output is not finite."""
    experiment = EXPERIMENTS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _train(name, experiment, mixture, rounds or experiment.rounds * (3 if large(mixture) else 2) // 2)


def large(mixture: Mixture) -> bool:
    """Whether a mixture has too many modes for 64 units and the experiments' rounds: on the grid, vanilla has 8 % good
    samples with these, and 57 % with 128 units and 1.5 times the rounds."""
    return len(mixture.centres) > 10


def _train(name: str, experiment: Experiment, mixture: Mixture, rounds: int) -> Result:
    trainer = _trainer(experiment, rounds, 128 if large(mixture) else 64)
    z = torch.randn(SAMPLES, LATENT)  # the same at every evaluation, so that only G changes
    count = BATCH * trainer.mode.batches_per_round
    evaluations = {max(1, rounds * number // EVALUATIONS) for number in range(1, EVALUATIONS + 1)}
    moments = [max(1, int(rounds * fraction)) for fraction in SNAPSHOTS]
    result, snapshots = Result(name, rounds, [], [], []), {}
    for number in range(1, rounds + 1):
        trainer.play([(mixture.sample(count)[:, :, None, None],)], (number - 1) * count)
        if number in evaluations or number in moments:
            points = _samples(trainer, z)
        if number in evaluations:
            if not points.isfinite().all():
                raise UserError(f"{name}: the samples are not finite after {number} rounds.", DIVERGED)
            result.counts.append(mixture.measure(points))
            (critic,) = trainer.mode.discriminators
            result.diagnostics.append(trainer.stats[critic].means()[1])
            trainer.stats[critic].clear()
        if number in moments:
            snapshots[number] = points.numpy()
    result.snapshots.extend(snapshots[moment] for moment in moments)
    return result


def _trainer(experiment: Experiment, rounds: int, units: int) -> Trainer:
    G = GeneratorSettings(network="mlp", filters=units, blocks=LAYERS, init="kaiming")
    D = DiscriminatorSettings(network="mlp", filters=units, layers=LAYERS, init="kaiming")
    s = GANSettings(latent=LATENT, **experiment.mode_settings)
    generator, discriminator = (partial(build_generator, G, size=(1, 1)), partial(build_discriminator, D, size=(1, 1)))
    mode = GAN(s, OBJECTIVES[s.objective], generator, discriminator, (2,))
    settings = TrainSettings(batch=BATCH, device="cpu", precision="fp32", decay_from=0.5, **experiment.train)
    return Trainer(mode, settings, rounds * BATCH * mode.batches_per_round)


@torch.no_grad()
def _samples(trainer: Trainer, z: Tensor) -> Tensor:
    return trainer.generator("z2a")(z).flatten(1)
