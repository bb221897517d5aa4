"""Training and converting on a GPU, against the plain round in float32 and against the CPU (`pytest -m gpu`)."""

import numpy as np
import pytest
import torch
from games import BATCH, TOTAL, new_game, settings
from small import tiny_model

import translate
from translate.modes import DOMAINS, MODES
from translate.train.step.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA"),
]
ROUNDS = 8  # three are played, the fourth is recorded, the others are replays
PRECISIONS = {"fp32": 5e-3, "bf16": 0.2, "fp16": 0.05}  # precision → tolerance of Adam's first moments
WAYS = {
    "plain": {},
    "graphs": {"graphs": True},
    "fused passes": {"fuse_passes": True},
    "graphs and fused passes": {"graphs": True, "fuse_passes": True},
    "channels first": {"channels_last": False},
}
# Group norm at 32 px: with instance norm on maps of 4 × 4 pixels the gradients of these tiny networks are so badly
# conditioned that bf16 on a CPU is 38 % off, too. Fused instance norm is tested in test_gpu_fused.py.
SIDE = 32
NORM = {
    "generator": {"norm": "group"},
    "discriminator": {"norm": "group", "spectral_norm": False},
    "data": {"size": [SIDE, SIDE]},
}


def batches_for(mode: str) -> list[tuple[torch.Tensor, ...]]:
    """Twelve batches in [-1, 1]."""
    generator = torch.Generator().manual_seed(2)
    shape = (BATCH, 3, SIDE, SIDE)
    domains = DOMAINS[MODES[mode].kind]
    return [tuple(torch.rand(shape, generator=generator) * 2 - 1 for _ in range(domains)) for _ in range(12)]


def trained(mode: str, seed: int = 3, rounds: int = ROUNDS, state=None, first: int = 0, **train) -> Trainer:
    base = {"device": "cuda", "precision": "fp32", "tf32": False, "channels_last": True, "ema": 0.9, "lr": 1e-7}
    s = settings(mode, **NORM, train={**base, **train})
    trainer = Trainer(new_game(s), s.train, TOTAL)
    if trainer.scaler.is_enabled():  # no overflow in the first rounds, as there is with 65,536
        trainer.scaler = torch.amp.GradScaler("cuda", init_scale=256.0)
        trainer.gradients.scaler = trainer.scaler
    torch.manual_seed(seed)
    if state:
        trainer.load(*state)
    k = trainer.mode.batches_per_round
    images = batches_for(mode)
    for number in range(first, rounds):
        group = [images[(number * k + i) % len(images)] for i in range(k)]
        trainer.play([tuple(torch.cat(parts) for parts in zip(*group, strict=True))], 2 * number)
    torch.cuda.synchronize()
    return trainer


def on_cpu(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().float().cpu() for name, tensor in tensors.items()}


def moments(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Adam's first moments by player: running means of the gradients. With a step size of 1e-7 the weights hardly
    move, so that they can be compared over rounds."""
    state = on_cpu(trainer.state()[0])
    return {
        player: torch.cat([state[f"optimizers/{player}/{i}/exp_avg"].flatten() for i in range(len(parameters))])
        for player, parameters in trainer.parameters.items()
    }


@pytest.fixture(scope="module")
def plain():
    """mode → the moments after plain rounds in float32, made once."""
    found: dict[str, dict[str, torch.Tensor]] = {}

    def of(mode: str) -> dict[str, torch.Tensor]:
        if mode not in found:
            found[mode] = moments(trained(mode))
        return found[mode]

    return of


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_play_a_round_is_the_plain_round(mode, precision, way, plain):
    for player, found in moments(trained(mode, precision=precision, **WAYS[way])).items():
        expected = plain(mode)[player]
        assert float((found - expected).norm() / expected.norm()) < PRECISIONS[precision], player


@pytest.mark.parametrize("mode", ["cycle", "pix2pix", "dcgan"])
@pytest.mark.parametrize("graphs", [False, True])
def test_deterministic_trainings_have_equal_bits_also_when_continued(mode, graphs):
    options = {"deterministic": True, "graphs": graphs, "precision": "bf16"}
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (trained(mode, **options).state()[0] for _ in range(2))
        half = trained(mode, rounds=ROUNDS // 2, **options).state()
        continued = trained(mode, state=half, first=ROUNDS // 2, **options).state()[0]
    finally:
        torch.use_deterministic_algorithms(False)
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), f"{name} differs between two equal runs"
        assert torch.equal(tensor, continued[name]), f"{name} differs after continuing"


@pytest.mark.parametrize("mode", ["cycle", "wgan-gp"])
def test_a_lazy_penalty_has_a_recording_of_its_own(mode):
    changes = {"mode_settings": {"r1": 1.0, "r1_every": 2}}

    def ends(graphs: bool) -> Trainer:
        train = {"device": "cuda", "precision": "fp32", "tf32": False, "lr": 1e-7, "ema": 0.0, "graphs": graphs}
        s = settings(mode, **NORM, **changes, train=train)
        trainer = Trainer(new_game(s), s.train, TOTAL)
        torch.manual_seed(3)
        k, images = trainer.mode.batches_per_round, batches_for(mode)
        for number in range(24):
            group = [images[(number * k + i) % len(images)] for i in range(k)]
            trainer.play([tuple(torch.cat(parts) for parts in zip(*group, strict=True))], number)
        return trainer

    graphed = ends(True)
    assert len(graphed.round.recordings) == 2
    assert all(recording.replay for recording in graphed.round.recordings.values())
    expected = moments(ends(False))
    for player, found in moments(graphed).items():
        assert float((found - expected[player]).norm() / expected[player].norm()) < 2e-3, player


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_translates_as_the_cpu_does(tmp_path, precision):
    model = tiny_model(tmp_path / "model.safetensors")
    levels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    cpu = np.asarray(translate.load(model, device="cpu")(levels)).astype(int)
    gpu = np.asarray(translate.load(model, device="cuda", precision=precision)(levels)).astype(int)
    assert np.abs(cpu - gpu).mean() <= (0.1 if precision == "fp32" else 1.5)
