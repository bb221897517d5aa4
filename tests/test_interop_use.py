"""What comes after `translate import`: using, training on with and without discriminators, and the way back."""

from pathlib import Path

import numpy as np
import pth_files
import pytest
import torch
from small import run_verb

import translate
from translate.errors import UserError
from translate.interop import junyanz
from translate.interop.importing import Options, import_checkpoint
from translate.model import file as generator_file
from translate.networks import GENERATORS, GeneratorSettings
from translate.system import hashed_tensors

G_A, G_B = (pth_files.numbers(pth_files.resnet(blocks=1, filters=4), seed) for seed in (1, 2))
D_A, D_B = (pth_files.numbers(pth_files.patch(layers=1, filters=4), seed) for seed in (3, 4))
PIX2PIX = pth_files.numbers(pth_files.unet(depth=5, filters=2))
PICTURE = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with what the reference leaves behind of a CycleGAN and a pix2pix."""
    monkeypatch.chdir(tmp_path)
    saved = {"G_A": G_A, "G_B": G_B, "D_A": D_A, "D_B": D_B, "G": PIX2PIX}
    saved["D"] = pth_files.numbers(pth_files.patch("batch", layers=1, filters=4, channels=6))
    for name, state in saved.items():
        torch.save(state, f"latest_net_{name}.pth")
    return tmp_path


CYCLE = ["import", "latest_net_G_A.pth", "--back", "latest_net_G_B.pth", "--out", "g.safetensors"]
JUDGED = [*CYCLE, "--net-d-a", "latest_net_D_A.pth", "--net-d-b", "latest_net_D_B.pth"]


def test_the_verb_says_what_it_found_and_the_file_works(here, monkeypatch, capsys):
    code, said, _ = run_verb(monkeypatch, capsys, "import", "latest_net_G.pth", "--from", "map", "--to", "photo")
    assert code == 0
    assert "latest_net_G.pth: a U-Net generator of depth 5, 2 filters, batch norm, 3 → 3 channels" in said
    assert "wrote latest_net_G.safetensors" in said
    t = translate.load("latest_net_G.safetensors")
    assert t(PICTURE).shape == PICTURE.shape
    assert np.array_equal(t(PICTURE), t(PICTURE)), "no dropout, no statistics of the picture"
    entry = t.description["directions"]["a2b"]
    assert (entry["from"], entry["to"], t.description["size"]) == ("map", "photo", [32, 32])
    assert (t.description["mode"], t.description["background"]) == ("pix2pix", [255, 255, 255])


def test_both_directions_are_where_they_belong(here, monkeypatch, capsys):
    assert run_verb(monkeypatch, capsys, *CYCLE, "--from", "horse", "--to", "zebra")[0] == 0
    for direction, state, names in (("a2b", G_A, ("horse", "zebra")), ("b2a", G_B, ("zebra", "horse"))):
        t = translate.load("g.safetensors", direction=direction)
        assert all(torch.equal(t.engine.network.state_dict()[name], state[name]) for name in state)
        entry = t.description["directions"][direction]
        assert (entry["from"], entry["to"]) == names


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nowhere.pth"], 2, "there is no file nowhere.pth"),
        (
            ["latest_net_D.pth"],
            2,
            "latest_net_D.pth is a PatchGAN discriminator with 1 layer, where a generator is wanted",
        ),
        (["latest_net_G.pth", "--net-d", "latest_net_G.pth"], 2, "where a discriminator is wanted"),
        (["latest_net_G.pth", "--net-d", "latest_net_D_A.pth"], 2, "--net-d latest_net_D_A.pth judges 3 channels, but"),
        (["latest_net_G.pth", "--net-d", "latest_net_D.pth", "--back", "x"], 2, "--net-d is pix2pix's discriminator"),
        (["latest_net_G.pth", "--back", "grey.pth"], 2, "grey.pth is not the way back of latest_net_G.pth"),
        (["latest_net_G.pth", "--out", "x.pth"], 2, "--out x.pth: a generator file is called something.safetensors"),
        (["latest_net_G.pth", "--out", "there.safetensors"], 2, "there.safetensors exists already; choose another"),
    ],
)
def test_problems_are_one_sentence_and_write_nothing(words, code, sentence, here, monkeypatch, capsys):
    (here / "there.safetensors").write_text("mine")
    torch.save(pth_files.numbers(pth_files.resnet(blocks=1, filters=1, channels=(1, 3))), "grey.pth")
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    ended, _, said = run_verb(monkeypatch, capsys, "import", *words)
    assert sentence in said
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert ended == code
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


# Training on ---------------------------------------------------------------------------------------------------------


def train(monkeypatch, capsys, pictures, mode: str, *more: str) -> tuple[str, dict[str, torch.Tensor]]:
    """(what was said, tensors of the checkpoint from before the first step) of a short `translate train`."""
    short = ["--size", "32", "--images", "4", "--batch", "2", "--device", "cpu", "--out", "run", "--set", "keep=9"]
    lines, filled = (str(folder) for folder in pictures)
    code, said, problem = run_verb(
        monkeypatch, capsys, "train", "--mode", mode, "--a", lines, "--b", filled,
        "--init-from", "g.safetensors", *short, *more,
    )  # fmt: skip
    assert code == 0, problem
    assert "Done: 4 images seen" in said
    return said, hashed_tensors.read(Path("run/checkpoints/000000000.safetensors"))[0]


def holds(state: dict[str, torch.Tensor], name: str, theirs: dict[str, torch.Tensor]) -> bool:
    """Whether the checkpoint's network `name` has just these weights."""
    own = {key: tensor for key, tensor in state.items() if f"/{name}/" in f"/{key}"}
    return all(
        any(key.endswith(f"{name}/{part}") and torch.equal(own[key], theirs[part]) for key in own) for part in theirs
    )


def test_a_cyclegan_is_trained_on_with_its_discriminators(here, monkeypatch, capsys, pictures):
    """The naming trap: the reference's D_A judges images of domain B, as our D_Y does."""
    assert run_verb(monkeypatch, capsys, *JUDGED)[0] == 0
    said, state = train(monkeypatch, capsys, pictures, "cycle")
    assert "g.safetensors: G, F, D_Y, D_X; new: nothing." in said
    for name, theirs in (("G", G_A), ("F", G_B), ("D_Y", D_A), ("D_X", D_B)):
        assert holds(state, name, theirs), name
    assert not holds(state, "D_X", D_A)
    assert translate.load("run")(PICTURE).shape == PICTURE.shape


def test_a_cyclegan_is_trained_on_without_discriminators(here, monkeypatch, capsys, pictures):
    assert run_verb(monkeypatch, capsys, *CYCLE)[0] == 0
    said, state = train(monkeypatch, capsys, pictures, "cycle")
    assert "g.safetensors: G, F; new: D_X, D_Y." in said
    assert holds(state, "G", G_A)


def test_other_discriminators_than_the_files_begin_anew(here, monkeypatch, capsys, pictures):
    assert run_verb(monkeypatch, capsys, *JUDGED)[0] == 0
    said, state = train(monkeypatch, capsys, pictures, "cycle", "--set", "discriminator.filters=8")
    assert "g.safetensors: G, F; new: D_X, D_Y." in said
    assert holds(state, "F", G_B)


def test_a_pix2pix_is_trained_on_and_judges_pairs(here, monkeypatch, capsys, pictures):
    words = ["import", "latest_net_G.pth", "--net-d", "latest_net_D.pth", "--out", "g.safetensors"]
    assert run_verb(monkeypatch, capsys, *words)[0] == 0
    said, state = train(monkeypatch, capsys, pictures, "pix2pix")
    assert "g.safetensors: G, D; new: nothing." in said
    assert holds(state, "G", PIX2PIX)


# The way back --------------------------------------------------------------------------------------------------------

STATES = {
    "resnet": pth_files.resnet(blocks=2, filters=2),
    "resnet, batch, dropout": pth_files.resnet("batch", blocks=1, filters=2, dropout=True),
    "resnet, none": pth_files.resnet("none", blocks=1, filters=2, channels=(1, 3)),
    "unet": pth_files.unet(depth=6, filters=1),
    "unet, none": pth_files.unet("none", depth=5, filters=1),
    "unet, instance": pth_files.unet("instance", depth=5, filters=1),
}


@pytest.mark.parametrize("name", STATES)
def test_there_and_back_is_the_same(name, tmp_path):
    state = pth_files.numbers(STATES[name])
    torch.save(state, tmp_path / "x.pth")
    first = import_checkpoint(Options(str(tmp_path / "x.pth"), out=tmp_path / "1.safetensors"))
    written = junyanz.write(str(first), tmp_path / "theirs")
    assert written == [tmp_path / "theirs" / "latest_net_G.pth"]
    back = torch.load(written[0], weights_only=True)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], state[key]) for key in state)
    second = import_checkpoint(Options(str(written[0]), out=tmp_path / "2.safetensors"))
    assert first.read_bytes() == second.read_bytes()


def test_two_directions_are_two_files_with_the_official_names(here, monkeypatch, capsys):
    assert run_verb(monkeypatch, capsys, *JUDGED)[0] == 0
    written = junyanz.write("g.safetensors", here / "theirs")
    assert [path.name for path in written] == ["latest_net_G_A.pth", "latest_net_G_B.pth"]
    for path, state in zip(written, (G_A, G_B), strict=True):
        assert all(torch.equal(tensor, state[name]) for name, tensor in torch.load(path, weights_only=True).items())
    with pytest.raises(UserError, match=r"latest_net_G_A.pth exists already; choose another folder"):
        junyanz.write("g.safetensors", here / "theirs")


@pytest.mark.parametrize(
    ("network", "arguments", "sentence"),
    [
        ("resnet", {"downs": 3}, "has downs = 3; the official layout can hold only downs = 2"),
        ("resnet", {"kernel": 5}, "has kernel = 5; the official layout can hold only kernel = 7"),
        ("resnet", {"padding": "zeros"}, "padding = zeros"),
        ("resnet", {"upsampling": "resize"}, "upsampling = resize"),
        ("resnet", {"residual": True}, "residual = True"),
        ("resnet", {"norm": "group"}, "norm = group"),
        ("resnet", {"norm": "none"}, "norm = none with biases"),
        ("unet", {"upsampling": "shuffle"}, "upsampling = shuffle"),
        ("unet", {"depth": 4}, "depth = 4; the official layout begins at depth = 5"),
        ("light", {}, "is a 'light' generator; the official layout has resnet and unet only"),
    ],
)
def test_what_the_official_layout_cannot_hold_is_named(network, arguments, sentence, tmp_path):
    size = {"resnet": {"blocks": 1, "filters": 8}, "unet": {"depth": 5, "filters": 1}, "light": {"filters": 4}}[network]
    chosen = GeneratorSettings(network=network, **{**size, **arguments}).arguments(3, 3)
    entry = {"network": network, "arguments": chosen, "from": "a", "to": "b"}
    content = generator_file.pack({"a2b": (GENERATORS[network](**chosen), entry)}, {"version": "0"})
    (tmp_path / "g.safetensors").write_bytes(content)
    with pytest.raises(UserError) as caught:
        junyanz.write(str(tmp_path / "g.safetensors"), tmp_path / "theirs")
    assert sentence in str(caught.value)
    assert not (tmp_path / "theirs").exists()
