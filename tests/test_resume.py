"""Resumed equals uninterrupted, bit for bit, for every mode; and every part of the state is needed."""

import copy

import pytest
import torch
from stateful import BATCH, STEPS, TOTAL, opened, settings

from translate.data import Data
from translate.modes import MODES
from translate.train.build import build_mode
from translate.train.settings import RunSettings
from translate.train.step.trainer import Trainer


def fresh(s: RunSettings) -> Trainer:
    torch.manual_seed(s.seed)
    classes = 2 if s.data.labels else 0  # as many as `opened` finds
    return Trainer(build_mode(s, classes), s.train, TOTAL)


def snapshot(trainer: Trainer):
    return copy.deepcopy(trainer.state())


def play(trainer: Trainer, data: Data, seen: int, stop: int):
    for batch in data.batches(seen, stop, BATCH):
        trainer.play([batch], seen)
        seen += len(batch[0])


def states_of(whole: Trainer, data: Data) -> list:
    """The state of a new trainer before and after each of its steps."""
    states = [snapshot(whole)]
    for step in range(STEPS):
        play(whole, data, step * BATCH, (step + 1) * BATCH)
        states.append(snapshot(whole))
    return states


def resumed_at(s: RunSettings, states: list, step: int, data: Data) -> Trainer:
    """A new trainer that was given one of the states and has taken one step, to exactly the next state."""
    resumed = fresh(s)
    torch.manual_seed(999 + step)  # a new process has other random numbers
    resumed.load(*copy.deepcopy(states[step]))
    play(resumed, data, step * BATCH, (step + 1) * BATCH)
    assert same(resumed.state(), states[step + 1]), f"resuming from step {step}"
    return resumed


def same(a, b) -> bool:
    (tensors, values), (others, other_values) = a, b
    return (
        values == other_values
        and tensors.keys() == others.keys()
        and all(torch.equal(tensors[name], others[name]) for name in tensors)
    )


QUICK = ("pix2pix", "vanilla")
FIRST = {mode.step: name for name, mode in reversed(MODES.items())}  # a step's code → the first mode that has it


@pytest.mark.parametrize(
    "mode", [mode if mode in QUICK else pytest.param(mode, marks=pytest.mark.slow) for mode in MODES]
)
def test_resume_from_every_step(mode, pictures):
    """60 new trainers, each given one of the 60 states, take one step to exactly the next state; so any number of
    interruptions anywhere ends where the uninterrupted run ends. Three are played to the end as well. Every third step
    is enough for a mode that is a table of settings of another one's code."""
    s = settings(mode, pictures)
    data = opened(s)
    states = states_of(fresh(s), data)
    for step in range(0, STEPS, 1 if FIRST[MODES[mode].step] == mode else 3):
        resumed = resumed_at(s, states, step, opened(s) if step % 20 == 0 else data)
        if step % 20 == 1:
            play(resumed, data, (step + 1) * BATCH, TOTAL)
            assert same(resumed.state(), states[-1])


ONE_EACH = {  # of the games of one G and one D
    "network G": "networks/G/",
    "network D": "networks/D/",
    "average of G": "averages/G/",
    "optimizer of G": "optimizers/G/",
    "optimizer of D": "optimizers/D/",
    "random numbers": "random/cpu",
}
PARTS = {  # what is left out -> the names in the state that go back to a new run's
    "cycle": {
        "network G": "networks/G/",
        "network F": "networks/F/",
        "network D_X": "networks/D_X/",
        "network D_Y": "networks/D_Y/",
        "average of G": "averages/G/",
        "average of F": "averages/F/",
        "optimizer of G": "optimizers/G/",
        "optimizer of D": "optimizers/D/",
        "pool X": "pools/X/",
        "pool Y": "pools/Y/",
        "random numbers": "random/cpu",
    },
    "pix2pix": ONE_EACH,
    "vanilla": {what: prefix for what, prefix in ONE_EACH.items() if what != "optimizer of D"},  # SGD has no state
    "dcgan": ONE_EACH | {"batch norm's statistics": "networks/G/net.1.running_mean"},
    "wgan": {what: prefix for what, prefix in ONE_EACH.items() if what.startswith("optimizer")},
}
ADAM = ["exp_avg", "exp_avg_sq", "step"]
SLOTS = {"cycle": ADAM, "pix2pix": ADAM, "dcgan": ADAM, "wgan": ["square_avg"]}  # RMSprop counts steps for nothing
SPECTRAL = ["_v"]  # its other vector, u, is computed anew from this one at every step


def cases():
    for mode, parts in PARTS.items():
        for what, prefix in parts.items():
            yield pytest.param(mode, lambda name, p=prefix: name.startswith(p), id=f"{mode}: {what}")
        for slot in SLOTS.get(mode, []):
            yield pytest.param(
                mode, lambda name, s=slot: name.split("/")[-1] == s, id=f"{mode}: the optimizer's {slot}"
            )
        for vector in SPECTRAL if mode in ("cycle", "pix2pix") else []:
            yield pytest.param(mode, lambda name, v=vector: name.endswith(v), id=f"{mode}: spectral norm's {vector}")


@pytest.fixture(scope="module")
def halfway(pictures):
    """mode -> (settings, data, the state of a new run, halfway, and 10 steps later)."""
    found = {}
    for mode in PARTS:
        s = settings(mode, pictures)
        data, trainer = opened(s), fresh(s)
        new = snapshot(trainer)
        play(trainer, data, 0, 40)
        middle = snapshot(trainer)
        play(trainer, data, 40, 60)
        found[mode] = (s, data, new, middle, snapshot(trainer))
    return found


@pytest.mark.parametrize(("mode", "left_out"), list(cases()))
def test_every_part_of_the_state_is_needed(mode, left_out, halfway):
    """The test of the test above: without any one part of the state the continuation is another one."""
    s, data, new, middle, end = halfway[mode]
    tensors, values = copy.deepcopy(middle)
    names = [name for name in tensors if left_out(name)]
    assert names
    for name in names:
        if name in new[0]:
            tensors[name] = new[0][name]
        else:
            del tensors[name]
    resumed = fresh(s)
    torch.manual_seed(999)
    if len({name.split("/")[-1] for name in names}) == 1 and names[0].startswith("optimizers/"):
        for name in names:  # a slot alone: the optimizer needs all of them, so it goes back to zero
            tensors[name] = torch.zeros_like(middle[0][name])
    resumed.load(tensors, values)
    play(resumed, data, 40, 60)
    assert not same(resumed.state(), end)


@pytest.mark.parametrize("mode", PARTS)
def test_the_position_and_the_round_count_are_needed(mode, halfway):
    s, data, _, middle, end = halfway[mode]
    for wrong in ("position", "rounds"):
        resumed = fresh(s)
        tensors, values = copy.deepcopy(middle)
        if wrong == "rounds":
            values["rounds"] = 0
        resumed.load(tensors, values)
        begin = 0 if wrong == "position" else 40
        play(resumed, data, begin, begin + 20)
        assert not same(resumed.state(), end)
    resumed = fresh(s)
    resumed.load(*copy.deepcopy(middle))
    play(resumed, data, 40, 60)
    assert same(resumed.state(), end)
