"""StarGAN against the loop as a textbook would write it, and its generator with the maps of a target."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from games import BATCH, TOTAL, new_game, only, settings, weights
from pydantic import ValidationError

from translate.errors import UserError
from translate.modes.conditional import Conditional, append_class
from translate.modes.star import Star, StarSettings
from translate.networks import GENERATORS, GeneratorSettings, build_discriminator, build_generator, takes
from translate.networks.segments import apply
from translate.networks.targets import OfTarget
from translate.train.options import Options
from translate.train.step.trainer import Trainer

COUNT = 3
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
            target = torch.randint(0, COUNT, (BATCH, COUNT)).T.flatten()
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


def test_with_projection_each_batch_is_of_its_own_domain():
    """Real images of the domain they are of, translated ones of their target: D(x, c') and D(G(x, c), c)."""
    outputs = torch.randn(2, 3, 1 + COUNT, 2, 2)
    c, target = torch.tensor([0, 2, 1]), torch.tensor([1, 1, 2])
    real, fake = Conditional(lambda *batches: tuple(outputs), "projection", c, target)(outputs[0], outputs[1])
    for logits, output, own in ((real, outputs[0], c), (fake, outputs[1], target)):
        for number in range(3):
            wanted = output[number, 0] + output[number, 1 + own[number]]
            torch.testing.assert_close(logits[number, 0], wanted)
    with pytest.raises(ValidationError, match="r2 and gradient_penalty must be 0"):
        StarSettings(class_in_d="projection")


def test_a_target_is_a_map_of_ones_and_others_are_zeros():
    x, c = torch.rand(2, 3, 4, 5), torch.tensor([2, 0])
    assert torch.equal(append_class(x, c, COUNT), one_hot_maps(x, c))


@pytest.mark.parametrize("network", [name for name in GENERATORS if "targets" in takes(GENERATORS[name])])
@pytest.mark.parametrize("residual", [False, True])
def test_a_generator_of_one_target_is_the_generator_with_its_maps(network, residual):
    """In the forward pass and in its steps, from which tiles are made; the residual is of the image's channels."""
    made = GeneratorSettings(network=network, filters=4, blocks=1, residual=residual).for_size(32, 32)
    generator = build_generator(made, 3, 3, targets=COUNT).eval()
    one = OfTarget(generator, 1)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    wanted = generator(append_class(x, torch.tensor([1, 1]), COUNT))
    assert torch.equal(one(x), wanted)
    assert wanted.shape == x.shape
    torch.testing.assert_close(one.summed(x, apply(list(one.steps()), x)[0]), wanted)
    if generator.residual:
        for weight in generator.parameters():
            weight.data.zero_()
        torch.testing.assert_close(one(x), x)


def test_a_generator_that_takes_no_target_is_refused():
    with pytest.raises(
        UserError, match=r"takes the target domain, which SPADE can't; set generator\.network to resnet"
    ):
        new_game(settings("star", generator={"network": "spade"}))


def test_every_domain_is_translated_to_every_other():
    assert set(Star.directions(3)) == {"a2b", "a2c", "b2a", "b2c", "c2a", "c2b"}
    assert len(Star.directions(5)) == 20


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
