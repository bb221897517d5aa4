"""Distillation against a loop written out by hand, its parts, and `translate distill` through real runs."""

import json
import shutil
import tomllib
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from games import BATCH, adam, assert_identical, batches, decay, new_game, played, settings, weights
from PIL import Image
from small import tiny_model, tiny_teacher

from translate.model import file as generator_file
from translate.networks import GENERATORS, GeneratorSettings, build_generator
from translate.networks.segments import checkpoint_activations
from translate.networks.stage_features import macs, shared_stages, stages, with_features
from translate.system.hashed_tensors import read

SIZES = {
    "resnet": [(4, 0, False), (8, 1, False), (16, 2, True), (8, 1, True), (4, 0, True)],
    "light": [(4, 0, False), (8, 1, False), (16, 2, True), (8, 1, True), (4, 0, True)],
    "unet": [(4, 1, False), (8, 2, False), (16, 3, True), (16, 2, True), (8, 1, True)],
}
WORDS = ["--size", "16", "--images", "16", "--batch", "2", "--device", "cpu", "--set", "generator.filters=4"]
SETS = {"generator.downs": 2, "score_images": 2, "save_every": 8, "score_every": 16, "sample_every": 16, "keep": 5}
WORDS += [word for name, value in SETS.items() for word in ("--set", f"{name}={value}")]


def network(name: str, **changes) -> torch.nn.Module:
    made = GeneratorSettings(network=name, **{"filters": 4, "blocks": 1, "depth": 3, **changes})
    return build_generator(made, 3, 3, (16, 16)).eval()


def by_hand(net, x):
    """(output, maps before each stride and before the last convolution) of a ResNet."""
    layers, maps = list(net.model), []
    last = max(at for at, layer in enumerate(layers) if isinstance(layer, torch.nn.Conv2d))
    for at, layer in enumerate(layers):
        strided = getattr(layer, "stride", (1, 1)) == (2, 2)
        if strided or at == last - 1:  # before the last one's padding
            maps.append(x)
        x = layer(x)
    return x, maps


def test_distillation_is_the_loop_written_out():
    """L1 between the outputs, and λ times the mean squares between features, the student's through 1×1 convolutions."""
    s = settings("distill", generator={"network": "resnet", "upsampling": "deconv"}, mode_settings={})
    teacher = network("resnet", blocks=2, filters=6)
    game = new_game(s, teacher=teacher)
    before = [weight.clone() for weight in teacher.parameters()]
    G, C = game.networks["G"].train(), game.networks["C"].train()
    assert [(c.in_channels, c.out_channels) for c in C] == [(4, 6), (8, 12), (16, 24), (8, 12), (4, 6)]
    optimizer = adam(G, C)
    for number, (x, _) in enumerate(batches()):
        decay((optimizer,), number * BATCH)
        with torch.no_grad():
            target, theirs = by_hand(teacher, x)
        output, ours = by_hand(G, x)
        features = [F.mse_loss(c(a), b) for c, a, b in zip(C, ours, theirs, strict=True)]
        optimizer.zero_grad()
        (F.l1_loss(output, target) + 0.1 * torch.stack(features).sum()).backward()
        optimizer.step()
    assert_identical(played(s, batches(), teacher=teacher), weights({"G": G, "C": C}))
    assert all(map(torch.equal, before, teacher.parameters()))


def test_the_images_of_the_other_domain_change_nothing():
    s = settings("distill")
    first = played(s, batches())
    assert_identical(played(s, [(x, y.flip(0) * 0.5) for x, y in batches()]), first)


@pytest.mark.parametrize("name", SIZES)
def test_stages_are_the_maps_before_each_change_of_size(name):
    assert [stage[1:] for stage in stages(network(name), 3)] == SIZES[name]


@pytest.mark.parametrize("name", GENERATORS)
def test_features_come_from_the_pass_that_gives_the_output(name):
    """Also of sizes that are padded inside, where maps are without the padding; and with recomputed activations."""
    net, x = network(name), torch.rand(1, 3, 13, 18) * 2 - 1
    wanted = stages(net, 3)
    output, maps = with_features(net, x, wanted)
    torch.testing.assert_close(output, net(x), rtol=0, atol=0)
    assert [tuple(one.shape[1:]) for one in maps] == [
        (stage.channels, -(-13 // 2**stage.halvings), -(-18 // 2**stage.halvings)) for stage in wanted
    ]
    sum(one.square().mean() for one in [output, *maps]).backward()
    plain = [weight.grad.clone() for weight in net.parameters()]
    net.zero_grad()
    checkpoint_activations(net)
    output, maps = with_features(net, x, wanted)
    sum(one.square().mean() for one in [output, *maps]).backward()
    assert all(torch.equal(a, weight.grad) for a, weight in zip(plain, net.parameters(), strict=True))


@pytest.mark.parametrize(("student", "teacher"), [*pairwise([*GENERATORS, "resnet"]), ("light", "resnet")])
def test_shared_stages_are_of_one_size(student, teacher):
    ours, theirs = shared_stages(network(student), network(teacher), 3)
    assert len(ours) >= 3
    assert [stage[2:] for stage in ours] == [stage[2:] for stage in theirs]


def test_multiply_adds_are_those_of_the_formula():
    """Convolutions at their outputs, transposed ones at their inputs: kernel × channels in × channels out a pixel."""
    net = network("resnet", blocks=2)
    first, downs, block, ups = 49 * 3 * 4 * 16**2, 9 * (4 * 8 * 8**2 + 8 * 16 * 4**2), 2 * 9 * 16**2 * 4**2, 0
    ups = 9 * (16 * 8 * 4**2 + 8 * 4 * 8**2)
    assert macs(net, 3, (16, 16)) == first + downs + 2 * block + ups + 49 * 4 * 3 * 16**2


# Through the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def teacher(tmp_path):
    about = {"licences": {"its set": "CC BY 4.0"}, "mode": "pix2pix"}
    return tiny_model(tmp_path / "teacher.safetensors", "a2b", "b2a", blocks=2, description=about)


def test_a_run_learns_from_its_teacher_and_is_used_as_any_other(verb, teacher, pictures, tmp_path):
    run, again = tmp_path / "run", tmp_path / "again"
    command = ["distill", teacher, "--a", pictures[0], "--b", pictures[1], *WORDS, "--out"]
    said = verb(*command, run)
    assert "pairs; 16 x 16" in said  # as the teacher's mode has them
    assert "times as many" in said
    tensors, _ = read(run / "checkpoints" / "000000016.safetensors")
    assert {name.split("/")[1] for name in tensors if name.startswith("networks/")} == {"G", "C"}
    about = generator_file.read(run)[1]
    assert about["licences"] == {"its set": "CC BY 4.0"}
    # Continued from the middle it comes to the same files.
    shutil.copytree(run, again)
    (again / "checkpoints" / "000000016.safetensors").unlink()
    assert "8 of 16 images seen" in verb(*command, again)
    for name in ("checkpoints/000000016.safetensors", "generator.safetensors"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name
    losses = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert set(next(line["losses"] for line in losses if "losses" in line)["G"]) == {"outputs", "features"}
    verb("convert", run, pictures[0], tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.png"))) == 24
    # Another teacher is refused, also under the same name; the same one at another place is not.
    moved = teacher.rename(tmp_path / "moved.safetensors")
    assert "The same files are in another place: mode_settings.teacher" in verb("distill", moved, *command[2:], again)
    shutil.copy(tiny_teacher(), teacher)
    said = verb(*command, run, code=2)
    assert "was begun with other settings or data: " in said
    assert "mode_settings.teacher_sha256: " in said


@pytest.mark.slow
def test_what_the_teacher_was_trained_on_follows_from_its_run(verb, pictures, tmp_path):
    """Its domains, turned for the other direction, and its data settings; the student's sheet shows the teacher."""
    teacher, run = tmp_path / "teacher", tmp_path / "run"
    own = ["--set", "generator.network=resnet", "--set", "generator.blocks=1", "--preset", "paper"]
    data = ["--set", "background=black", "--set", "unit_a=x", "--set", "report=false"]
    verb("train", "--mode", "cycle", "--a", pictures[0], "--b", pictures[1], *WORDS, *own, *data, "--out", teacher)
    verb("distill", teacher, "--direction", "b2a", *WORDS[2:], "--set", "report=false", "--out", run)
    kept = tomllib.loads((run / "config.toml").read_text())
    assert (kept["a"], kept["b"]) == (str(pictures[1]), str(pictures[0]))
    assert (kept["data"]["size"], kept["data"]["background"]) == ([16, 16], "black")
    assert (kept["data"]["unit_a"], kept["data"]["unit_b"]) == ("", "x")
    assert kept["mode_settings"]["paired"] is False
    width = Image.open(run / "samples" / "000000016.png").width
    assert width >= 3 * 16


CASES = [
    (["distill", "absent"], 2, "there is no model 'absent'"),
    (["distill", "file.txt"], 5, "file.txt"),
    (["distill", "m.safetensors"], 2, "--a is missing: name a folder of images"),
    (["distill", "m.safetensors", "--direction", "b2a"], 2, "m.safetensors translates a2b only"),
    (["distill", "m.safetensors", "--direction", "c"], 2, "m.safetensors translates a2b only"),
    (["distill", "z.safetensors"], 2, "makes images from random numbers, not from images"),
    (["distill", "m.safetensors", "--set", "r1=1"], 2, "there is no discriminator, so mode_settings.r1 has no effect"),
    (["distill", "m.safetensors", "--set", "lambda_outputs=0", "--set", "lambda_features=0"], 2, "nothing to learn"),
    (["distill", "m.safetensors", "--preset", "fast"], 2, "--preset fast: there is no such preset"),
    (["distill", "grey.safetensors"], 2, "translates images of 1 channels to 1, but a and b have 3 and 3"),
    (["distill", "m.safetensors", "--set", "generator.network=dcgan"], 2, "is not for --mode distill"),
    (["distill", "m.safetensors", "--minutes", "0"], 2, "--minutes 0"),
    (["train", "--mode", "distill"], 2, "a teacher is missing: translate distill RUN, or --set teacher=RUN"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_what_can_not_be_is_refused_in_one_sentence(words, code, sentence, verb, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("hello")
    tiny_model(tmp_path / "m.safetensors")
    tiny_model(tmp_path / "grey.safetensors", channels=(1, 1))
    tiny_noise = GeneratorSettings(network="mlp", filters=4, blocks=1)
    arguments = tiny_noise.arguments(4, 3, (16, 16))
    entry = {"network": "mlp", "arguments": arguments, "from": "z", "to": "a"}
    about = {"mode": "vanilla", "size": [16, 16], "latent": 4}
    content = generator_file.pack({"z2a": (build_generator(tiny_noise, 4, 3, (16, 16)), entry)}, about)
    (tmp_path / "z.safetensors").write_bytes(content)
    domains = [] if "--a is missing" in sentence or words[0] == "train" else ["--a", pictures[0], "--b", pictures[1]]
    if "grey" in words[1]:
        domains += ["--set", "channels_a=3", "--set", "channels_b=3"]
    said = verb(*words, *domains, "--size", "16", "--out", "run", code=code)
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "config.toml").exists()
