"""Every quicker way to play a round gives what the plain way gives."""

import subprocess
import sys

import pytest
import recorded
import torch
from games import BATCH, TOTAL, assert_identical, assert_near, batches_for, new_game, settings, weights
from small import ENVIRONMENT

from translate.modes import MODES
from translate.settings import merge
from translate.train.step import cuda_graphs
from translate.train.step.gradients import Gradients
from translate.train.step.optimizers import light
from translate.train.step.threads import ThreadedGradients
from translate.train.step.trainer import Trainer

# Everything that draws random numbers for an image, and a pool that is soon full.
TRICKS = {"instance_noise": 0.1, "diffaugment": ["color", "translation", "cutout"]}
OWN = {
    "cycle": {"pool": 3, "soft_labels": True, "r1": 0.5},
    "pix2pix": {"flip_labels": 0.2},
    "wgan-gp": {"k": 2},
    "r3gan": {"r1_every": 1},
    "hinge": {"gradient_penalty": 1.0},
}
NORM = {"generator": {"norm": "instance"}, "discriminator": {"norm": "instance", "spectral_norm": False}}
GROUPS = {"star"}  # with instance norm on maps of 4 x 4 the rounding of its long way back is a thousandth of a gradient
ALIKE = ("vanilla", "dcgan", "lsgan", "wgan")  # their step is that of hinge and wgan-gp, with another objective
KINDS = [pytest.param(mode, marks=pytest.mark.slow) if mode in ALIKE else mode for mode in MODES]


def trainer(mode: str, tricks: bool = True, **train) -> Trainer:
    game = {**TRICKS, **OWN.get(mode, {})} if tricks else {}
    norm = merge(NORM, {"generator": {"norm": "group"}}) if mode in GROUPS else NORM
    s = settings(mode, **norm, mode_settings=game, train={"ema": 0.9, **train})
    made = Trainer(new_game(s), s.train, TOTAL)
    torch.manual_seed(3)
    return made


def play(round: Trainer, mode: str, rounds: int = 8) -> Trainer:
    k = round.mode.batches_per_round
    images = batches_for(mode)
    for number in range(rounds):
        group = [images[(number * k + i) % len(images)] for i in range(2 * k)]  # of 4 images a step of D
        batch = tuple(torch.cat(parts) for parts in zip(*group, strict=True))
        round.play([batch], number * 2 * BATCH)
    return round


def close(round: Trainer, plain: Trainer, part: float = 2e-3) -> None:
    """Weights, gradients, averages, pools, losses and diagnostics of two trainings."""
    assert_near(round.state()[0], plain.state()[0], part)
    for player, watch in round.stats.items():
        for found, wanted in zip(watch.means(), plain.stats[player].means(), strict=True):
            assert found == pytest.approx(wanted, rel=part, abs=1e-5)


@pytest.mark.parametrize("mode", KINDS)
@pytest.mark.parametrize("batch_threads", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_threads_with_parts_of_a_batch_train_as_the_whole_batch(mode, batch_threads):
    """The pool, noise, labels, augmentation, penalties and z are an image's own, whoever plays with it."""
    close(play(trainer(mode, batch_threads=batch_threads, lr=1e-7), mode), play(trainer(mode, lr=1e-7), mode))


@pytest.mark.slow
def test_shares_give_the_same_bits_again_however_the_threads_are_scheduled():
    first = play(trainer("cycle", batch_threads=4), "cycle")
    for _ in range(3):
        assert_identical(
            weights(play(trainer("cycle", batch_threads=4), "cycle").mode.networks), weights(first.mode.networks)
        )


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_what_is_of_the_whole_batch_is_not_shared(norm):
    changes = {"spectral_norm": True} if norm == "spectral" else {"norm": "batch"}
    s = settings("cycle", discriminator=changes, train={"batch_threads": 2})
    assert Trainer(new_game(s), s.train, TOTAL).gradients.__class__ is Gradients
    assert trainer("cycle", batch_threads=2).gradients.__class__ is ThreadedGradients


@pytest.mark.parametrize("mode", KINDS)
def test_passes_in_one_give_what_they_give_apart(mode):
    close(play(trainer(mode, fuse_passes=True, lr=1e-7), mode), play(trainer(mode, lr=1e-7), mode))


def test_passes_in_one_are_fewer():
    def passes(together: bool) -> int:
        round, count = trainer("cycle", tricks=False, fuse_passes=together), []
        for network in round.mode.networks.values():
            network.register_forward_hook(lambda *_: count.append(1))
        play(round, "cycle", 1)
        return len(count)

    assert (passes(False), passes(True)) == (12, 8)


@pytest.mark.parametrize("mode", KINDS)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_recorded_round_is_the_round(mode, accumulate, monkeypatch):
    """Played by a recorder that works on a CPU: nothing in a round asks the device, and what changes from round to
    round (images, step size, decay, position, pool, noise) is not frozen in the recording."""
    monkeypatch.setattr(cuda_graphs, "capture", recorded.capture)
    over = {"r1": 0.0} if mode == "cycle" else {}
    results = []
    for record in (False, True):
        s = settings(
            mode, **NORM, mode_settings={**TRICKS, **OWN.get(mode, {}), **over}, train={"ema": 0.9, "lr": 1e-7}
        )
        s.train.graphs = record
        round = Trainer(new_game(s), s.train, TOTAL)
        torch.manual_seed(3)
        images = batches_for(mode)
        for number in range(10):
            group = [images[(number + i) % len(images)] for i in range(accumulate)]
            if round.mode.batches_per_round > 1:
                group = [tuple(torch.cat([x] * round.mode.batches_per_round) for x in batch) for batch in group]
            round.play(group, 2 * number)
        if record:
            assert all(recording.replay for recording in round.round.recordings.values())
        results.append(round)
    close(results[1], results[0], 1e-3)


def test_the_recorder_of_these_tests_notices_what_a_recording_would_freeze(monkeypatch):
    """The test of the test above."""
    monkeypatch.setattr(cuda_graphs, "capture", recorded.capture)
    results = []
    for record in (False, True):
        s = settings("pix2pix", **NORM, train={"lr": 1e-3})
        s.train.graphs = record
        round = Trainer(new_game(s), s.train, TOTAL)
        if record:
            round._set_schedule = lambda seen: None
        for number, batch in enumerate(batches_for("pix2pix")):
            round.play([batch], number * BATCH)
        results.append(weights(round.mode.networks))
    assert any(not torch.allclose(results[0][name], results[1][name], atol=1e-6) for name in results[0])
    with pytest.raises(AssertionError, match="waits for the device"):
        recorded.capture(lambda: torch.ones(()).item())


def in_a_new_process(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_compiled_networks_play_the_same_game():
    """In a new process, as torch's compiler minds what was imported before it."""
    in_a_new_process(
        "from test_fast_paths import close, play, trainer;"
        "plain = play(trainer('vanilla', tricks=False, lr=1e-7), 'vanilla', 2);"
        "compiled = play(trainer('vanilla', tricks=False, lr=1e-7, compile=True), 'vanilla', 2);"
        "close(compiled, plain); assert list(compiled.state()[0]) == list(plain.state()[0])"
    )


@pytest.mark.slow
def test_a_training_starts_without_torchs_compiler():
    """Importing it takes as long as importing torch; the optimizers' own wrappers would."""
    in_a_new_process(
        "import sys, torch; from games import *; from translate.train.step.trainer import Trainer;"
        "s = settings('cycle'); Trainer(new_game(s), s.train, TOTAL).play([batches()[0]], 0);"
        "assert 'torch._dynamo' not in sys.modules"
    )


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.SGD])
def test_light_optimizers_take_the_same_steps(kind):
    ends = []
    for made in (kind, light(kind)):
        torch.manual_seed(0)
        layer = torch.nn.Linear(4, 4)
        optimizer = made(layer.parameters(), 1e-2)
        for _ in range(5):
            layer(torch.ones(2, 4)).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        ends.append(layer.weight.detach().clone())
    assert torch.equal(*ends)
