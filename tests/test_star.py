"""StarGAN against the loop as a textbook would write it, and a run among three domains, from training to export."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from data_files import photo, save
from games import BATCH, TOTAL, new_game, settings, weights
from PIL import Image
from safetensors import safe_open
from small import run_verb
from test_modes import only

import translate
from translate.data import DataSettings, open_data
from translate.errors import UserError
from translate.image import sheet_file
from translate.model import file as generator_file
from translate.modes.star import Star
from translate.networks import GENERATORS, GeneratorSettings, build_discriminator, build_generator
from translate.networks.segments import apply
from translate.networks.targets import OfTarget, append_target
from translate.train.options import Options
from translate.train.run import start
from translate.train.step.trainer import Trainer

COUNT = 3
DOMAINS = ("red", "green", "blue")
SETS = [
    *("data.size=16", "generator.filters=4", "discriminator.network=patch", "discriminator.filters=4", "samples=2"),
]
OPTIONS = {"images": 4, "batch": 2, "device": "cpu"}
PLAIN = {"generator": {"network": "resnet", "norm": "group"}, "discriminator": {"norm": "none"}}


def three_batches(count: int):
    generator = torch.Generator().manual_seed(2)
    return [
        tuple(torch.rand(BATCH, 3, 16, 16, generator=generator) * 2 - 1 for _ in range(COUNT)) for _ in range(count)
    ]


def one_hot_maps(x, c):
    return torch.cat([x, torch.eye(COUNT)[c][:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


def three(s):
    """A mode of three domains."""
    game = new_game(s)
    torch.manual_seed(1)
    return type(game)(s.mode_settings, game.objective, *builders(s), (3,) * COUNT)


def builders(s):
    return partial(build_generator, s.generator, size=s.data.size), partial(
        build_discriminator, s.discriminator, size=s.data.size
    )


def test_star_is_the_textbook_loop():
    """Choi et al. 2018, Eqs. 2 to 8: WGAN-GP with λ_gp 10, the domain's cross entropy of real images for D and of
    translated ones for G, and 10 times the L1 of the way back to the image's own domain."""
    s = settings("star", mode_settings={"k": 2}, train={"decay_from": 1.0, "lr": 1e-4}, **PLAIN)
    w = s.mode_settings
    assert (w.objective, w.penalty, w.lambda_class, w.lambda_reconstruction) == ("wgan-gp", 10, 1, 10)
    game = three(s)
    G, D = game.networks["G"].train(), game.networks["D"].train()
    of_g, of_d = (torch.optim.Adam(n.parameters(), 1e-4, betas=(0.5, 0.999)) for n in (G, D))
    rounds = [
        tuple(torch.cat(pair) for pair in zip(*two, strict=True))
        for two in zip(*[iter(three_batches(6))] * 2, strict=True)
    ]
    own = torch.arange(COUNT).repeat_interleave(BATCH)
    torch.manual_seed(3)

    def source(x):
        return D(x)[:, :1]

    def classes(x):
        return D(x)[:, 1:].mean((2, 3))

    for images in rounds:
        for batch in zip(*(of_one.split(BATCH) for of_one in images), strict=True):
            x = torch.cat(batch)
            target = torch.randint(0, COUNT, (len(x),))
            fake = G(one_hot_maps(x, target))
            only([D], [])
            of_d.zero_grad()
            loss = source(fake.detach()).mean() - source(x).mean() + F.cross_entropy(classes(x), own)
            share = torch.rand(len(x), 1, 1, 1)
            between = (share * x + (1 - share) * fake.detach()).requires_grad_()
            (slope,) = torch.autograd.grad(source(between).mean((1, 2, 3)).sum(), between, create_graph=True)
            (loss + 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()).backward()
            of_d.step()
        only([], [D])
        of_g.zero_grad()
        back = G(one_hot_maps(fake, own))
        loss = -source(fake).mean() + F.cross_entropy(classes(fake), target) + 10 * (x - back).abs().mean()
        loss.backward()
        of_g.step()

    trainer = Trainer(three(s), s.train, TOTAL)
    torch.manual_seed(3)
    for number, batch in enumerate(rounds):
        trainer.play([batch], number)
    theirs = weights({"G": G, "D": D})
    for name, value in weights(trainer.mode.networks).items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-3, atol=2e-5)


def test_a_target_is_a_map_of_ones_and_others_are_zeros():
    x, c = torch.rand(2, 3, 4, 5), torch.tensor([2, 0])
    assert torch.equal(append_target(x, c, COUNT), one_hot_maps(x, c))


@pytest.mark.parametrize("network", GENERATORS)
@pytest.mark.parametrize("residual", [False, True])
def test_a_generator_of_one_target_is_the_generator_with_its_maps(network, residual):
    """In the forward pass and in its steps, from which tiles are made; the residual is of the image's channels."""
    made = GeneratorSettings(network=network, filters=4, blocks=1, residual=residual).for_size(32, 32)
    generator = build_generator(made, 3, 3, targets=COUNT).eval()
    one = OfTarget(generator, 1)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    wanted = generator(append_target(x, torch.tensor([1, 1]), COUNT))
    assert torch.equal(one(x), wanted)
    assert wanted.shape == x.shape
    torch.testing.assert_close(one.summed(x, apply(list(one.steps()), x)[0]), wanted)
    if generator.residual:
        for weight in generator.parameters():
            weight.data.zero_()
        torch.testing.assert_close(one(x), x)


def test_every_domain_is_translated_to_every_other():
    assert set(Star.directions(3)) == {"a2b", "a2c", "b2a", "b2c", "c2a", "c2b"}
    assert len(Star.directions(5)) == 20


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """Three folders of the same drawings in red, green and blue."""
    root = tmp_path_factory.mktemp("colours")
    for place, name in enumerate(DOMAINS):
        for number in range(8):
            image = photo(20, 20, seed=number).copy()
            image[..., [channel for channel in range(3) if channel != place]] //= 4
            save(root / name / f"{number}.png", image)
    return root


def words(root, out, images):
    """Of `translate train`, on the same settings."""
    domains = ",".join(str(root / name) for name in DOMAINS)
    sets = [part for text in SETS for part in ("--set", text)]
    options = [part for name, value in {**OPTIONS, "images": images}.items() for part in (f"--{name}", value)]
    return "train", "--mode", "star", "--domains", domains, "--preset", "cpu", *sets, *options, "--out", out


@pytest.fixture(scope="module")
def run(colours, tmp_path_factory):
    out = tmp_path_factory.mktemp("star") / "run"
    domains = ",".join(str(colours / name) for name in DOMAINS)
    start(Options("star", None, None, "cpu", None, SETS, None, OPTIONS, domains=domains).settings(), out)
    return out


def test_the_file_has_the_generator_once_and_a_direction_for_each_pair(run):
    with safe_open(run / "generator.safetensors", "pt") as file:
        assert {name.partition("/")[0] for name in file.keys()} == {"a2b"}  # noqa: SIM118
    description = generator_file.read(run)[1]
    assert set(description["directions"]) == set(Star.directions(3))
    assert {entry["to"] for entry in description["directions"].values()} == {"red", "green", "blue"}


def test_a_direction_may_be_named_by_its_domain(run):
    picture = Image.fromarray(photo(16, 16))
    made = {name: np.asarray(translate.load(run, direction=name)(picture)) for name in (*DOMAINS, "b2c")}
    assert np.array_equal(made["blue"], made["b2c"])
    assert not np.array_equal(made["blue"], made["green"])
    with pytest.raises(UserError, match=r"only, that is to green or blue or red, not yellow\."):
        translate.load(run, direction="yellow")


def test_sheets_have_every_domain(run):
    names = sorted(path.name for path in (run / "samples").iterdir() if "000000004" in path.name)
    assert names == ["000000004-b2a.png", "000000004-c2a.png", "000000004.png"]
    assert sheet_file.unpack(run / "samples" / names[-1]).headings == ["input", "to green", "to blue"]


def test_convert_and_export_take_a_domain(run, colours, tmp_path, monkeypatch, capsys):
    code, _, err = run_verb(
        monkeypatch, capsys, "convert", run, colours / "red", tmp_path / "out", "--direction", "blue", "--device", "cpu"
    )
    assert code == 0, err
    assert len(list((tmp_path / "out").glob("*.png"))) == 8
    onnx = tmp_path / "blue.onnx"
    words = "export", run, "--to", "onnx", "--direction", "blue", "--out", onnx
    code, _, err = run_verb(monkeypatch, capsys, *words)
    assert code == 0, err
    picture = Image.fromarray(photo(16, 16))
    ours, theirs = (np.asarray(translate.load(at, direction="blue")(picture)).astype(int) for at in (run, onnx))
    assert np.abs(ours - theirs).max() <= 1


def test_every_direction_is_evaluated_and_one_on_other_images(run, colours, tmp_path, monkeypatch, capsys):
    code, _, err = run_verb(monkeypatch, capsys, "evaluate", run, "--out", tmp_path / "all", "--device", "cpu")
    assert code == 0, err
    assert {path.stem for path in (tmp_path / "all").glob("*.csv")} == set(Star.directions(3))
    sides = ("--a", colours / "blue", "--b", colours / "red", "--all")
    code, _, err = run_verb(monkeypatch, capsys, "evaluate", run, *sides, "--device", "cpu")
    assert (code, "--a and --b also need --direction" in err) == (2, True)
    code, _, err = run_verb(
        monkeypatch, capsys, "evaluate", run, *sides, "--direction", "red", "--out", tmp_path / "one", "--device", "cpu"
    )
    assert code == 0, err


def test_a_run_goes_on_and_three_domains_are_its_data(run, colours, tmp_path, monkeypatch, capsys):
    code, out, err = run_verb(monkeypatch, capsys, *words(colours, tmp_path / "run", 4))
    assert code == 0, err
    assert f"c: {colours / 'blue'}, 7 images for training, 1 for testing" in out
    code, out, err = run_verb(monkeypatch, capsys, *words(colours, tmp_path / "run", 8))
    assert (code, "8 images seen" in out) == (0, True), err


def test_known_partners_are_of_all_domains(colours):
    names = [str(colours / name) for name in DOMAINS]
    settings_ = DataSettings(size=(16, 16), load=1.0, flip=0.0)
    data = open_data(*names[:2], settings_, more=names[2:], paired=False, seed=0, say=lambda text: None)
    assert [domain.name.rpartition("/")[2] for domain in data.domains] == ["red", "green", "blue"]
    x, y, z = next(iter(data.batches(0, 2, 2)))
    assert [part.mean((0, 2, 3)).argmax().item() for part in (x, y, z)] == [0, 1, 2]
    assert data.test_images("c").shape[1:] == (16, 16, 3)


@pytest.mark.parametrize(
    ("mode", "domains", "sentence"),
    [
        ("star", "x", "from 2 to 12 different folders"),
        ("star", "x,x", "from 2 to 12 different folders"),
        ("cycle", "x,y", "--domains is for --mode star; --mode cycle takes --a and --b."),
    ],
)
def test_domains_that_do_not_fit_are_refused(mode, domains, sentence):
    with pytest.raises(UserError, match=sentence):
        Options(mode, None, None, "cpu", None, [], None, {}, domains=domains).settings()


def test_targets_of_a_file_are_checked(run, tmp_path):
    tensors, description, _ = generator_file.read(run)
    description["directions"]["a2b"]["target"] = 7
    with pytest.raises(UserError, match="its target is none of its domains"):
        generator_file.outline(description["directions"]["a2b"], len(tensors), "x")
