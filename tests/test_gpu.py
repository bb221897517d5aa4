"""Training and converting on a GPU, against the plain round in float32 and against the CPU (`pytest -m gpu`)."""

import numpy as np
import pytest
import torch
from games import TOTAL, assert_near, batches_for, new_game, settings, weights
from small import tiny_model

import translate
from translate.modes import MODES
from translate.train.step.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA"),
]
ROUNDS = 8  # three are played, the fourth is recorded, the others are replays
PRECISIONS = {"fp32": 2e-3, "bf16": 0.15, "fp16": 0.05}  # precision → tolerance of the weights' change
WAYS = {
    "plain": {},
    "graphs": {"graphs": True},
    "fused passes": {"fuse_passes": True},
    "graphs and fused passes": {"graphs": True, "fuse_passes": True},
    "channels first": {"channels_last": False},
}
NORM = {"generator": {"norm": "instance"}, "discriminator": {"norm": "instance", "spectral_norm": False}}


def trained(mode: str, seed: int = 3, rounds: int = ROUNDS, state=None, first: int = 0, **train) -> Trainer:
    base = {"device": "cuda", "precision": "fp32", "tf32": False, "channels_last": True, "ema": 0.9, "lr": 1e-4}
    s = settings(mode, **NORM, train={**base, **train})
    trainer = Trainer(new_game(s), s.train, TOTAL)
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


@pytest.fixture(scope="module")
def plain():
    """mode → its weights before and after plain rounds in float32, made once."""
    found: dict[str, tuple] = {}

    def of(mode: str):
        if mode not in found:
            found[mode] = tuple(on_cpu(weights(trained(mode, rounds=n).mode.networks)) for n in (0, ROUNDS))
        return found[mode]

    return of


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_play_a_round_is_the_plain_round(mode, precision, way, plain):
    """Compared is the mean change of all weights: Adam's first steps are ± lr whatever the gradient's size."""
    before, after = plain(mode)
    found = on_cpu(weights(trained(mode, precision=precision, **WAYS[way]).mode.networks))
    moved = sum(float((after[name] - before[name]).abs().sum()) for name in before)
    off = sum(float((found[name] - after[name]).abs().sum()) for name in before)
    assert moved > 0
    assert off < PRECISIONS[precision] * 2 * moved, f"{off / moved:.4f} of the change"


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
    s = {"mode_settings": {"r1": 1.0, "r1_every": 2}}
    base = {"device": "cuda", "precision": "fp32", "tf32": False, "lr": 1e-4, "ema": 0.0}

    def ends(graphs: bool):
        chosen = settings(mode, **NORM, **s, train={**base, "graphs": graphs})
        trainer = Trainer(new_game(chosen), chosen.train, TOTAL)
        torch.manual_seed(3)
        k, images = trainer.mode.batches_per_round, batches_for(mode)
        for number in range(24):
            group = [images[(number * k + i) % len(images)] for i in range(k)]
            trainer.play([tuple(torch.cat(parts) for parts in zip(*group, strict=True))], number)
        return trainer

    graphed = ends(True)
    assert len(graphed.round.recordings) == 2
    assert all(recording.replay for recording in graphed.round.recordings.values())
    assert_near(on_cpu(weights(graphed.mode.networks)), on_cpu(weights(ends(False).mode.networks)), 5e-2)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_translates_as_the_cpu_does(tmp_path, precision):
    model = tiny_model(tmp_path / "model.safetensors")
    levels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    cpu = np.asarray(translate.load(model, device="cpu")(levels)).astype(int)
    gpu = np.asarray(translate.load(model, device="cuda", precision=precision)(levels)).astype(int)
    assert np.abs(cpu - gpu).max() <= (1 if precision == "fp32" else 6)
