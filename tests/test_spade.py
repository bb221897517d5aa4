"""SPADE against its equations and its training loop as a textbook would write them, and pix2pix with its losses."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from games import BATCH, TOTAL, batches, new_game, only, played, settings, weights
from small import tiny_settings

from translate.errors import UserError
from translate.modes import ALIASES, MODES
from translate.modes.objectives import OBJECTIVES
from translate.networks import DiscriminatorSettings, GeneratorSettings, build_discriminator, build_generator
from translate.networks.spade import SPADE
from translate.train.complete import complete
from translate.train.settings import mode_defaults

PALETTE = [255, 255, 255, 200, 30, 30, 30, 60, 220, 20, 160, 60]


def textbook(G: SPADE, x: torch.Tensor, norm) -> torch.Tensor:
    """Park et al. 2019, Eq. 1 and figures 3 and 4: every block sees the label map, resized to its own size. norm: the
    normalisation without parameters."""

    def conv(layer, h):
        return F.conv2d(h, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)

    def spade(layer, h):
        segmentation = F.interpolate(x, size=h.shape[2:], mode="nearest")
        activation = F.relu(conv(layer.shared[0], segmentation))
        return norm(h) * (1 + conv(layer.gamma, activation)) + conv(layer.beta, activation)

    def block(b, h):
        shortcut = conv(b.first.shortcut, spade(b.first.shortcut_modulation, h)) if b.first.learned else h
        d = conv(b.first.conv, F.leaky_relu(spade(b.first.modulation, h), 0.2))
        return shortcut + conv(b.second.conv, F.leaky_relu(spade(b.second.modulation, d), 0.2))

    h = conv(G.conv_in, F.interpolate(x, size=[side // G.multiple for side in x.shape[2:]], mode="nearest"))
    head, first, second, *others = G.blocks
    h = block(head, h)
    h = F.interpolate(h, scale_factor=2)
    h = block(second, block(first, h))
    for each in others:
        h = block(each, F.interpolate(h, scale_factor=2))
    return torch.tanh(conv(G.out[2], F.leaky_relu(h, 0.2)))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_generator_is_the_papers(depth, norm):
    made = GeneratorSettings(network="spade", filters=3, depth=depth, norm=norm, init="xavier", init_gain=0.5)
    torch.manual_seed(0)
    G = build_generator(made, 5, 3).train()
    x = F.one_hot(torch.randint(5, (2, 16, 32)), 5).permute(0, 3, 1, 2).float()
    own = {"instance": F.instance_norm, "batch": lambda h: F.batch_norm(h, None, None, training=True)}[norm]
    expected = textbook(G, x, own)
    assert expected.std() > 0.05
    torch.testing.assert_close(G(x), expected, rtol=1e-4, atol=1e-5)


def test_its_channels_are_the_papers():
    """256 px: a map of 8 × 8 of 1,024 channels; 1024, 1024, 1024, 512, 256, 128 and 64 after the blocks."""
    with torch.device("meta"):
        G = SPADE(184, 3)
    assert [b.second.widths[1] for b in G.blocks] == [1024, 1024, 1024, 512, 256, 128, 64]
    assert [b.first.learned for b in G.blocks] == [False, False, False, True, True, True, True]
    assert G.multiple == 32
    assert [GeneratorSettings(network="spade").for_size(s, s).depth for s in (16, 64, 128, 256, 1024)] == [
        1,
        3,
        4,
        5,
        6,
    ]


def test_feature_matching_compares_what_comes_after_each_activation():
    D = build_discriminator(DiscriminatorSettings(filters=4, layers=3), 3)
    x = torch.rand(2, 3, 64, 64)
    *maps, logits = D.features(x)
    assert torch.equal(logits, D(x))
    assert [(m.shape[1], m.shape[2]) for m in maps] == [(4, 32), (8, 16), (16, 8), (32, 7)]


def test_spade_is_the_textbook_loop():
    """Two D with hinge, the second at half of the size; G with -E D and 10 times feature matching, two step sizes."""
    own = mode_defaults("spade")["train"]
    s = settings("spade", train={name: own[name] for name in ("lr", "lr_d", "beta1", "beta2")})
    w = s.mode_settings
    assert (w.objective, w.lambda_l1, w.lambda_features, w.scales) == ("hinge", 0, 10, 2)
    assert (s.train.lr, s.train.lr_d, s.train.beta1, s.train.beta2) == (1e-4, 4e-4, 0, 0.9)
    assert ALIASES["gaugan"] == "spade"
    game = new_game(s)
    G, *Ds = (game.networks[name].train() for name in ("G", "D", "D_2"))

    def adam(lr, *networks):
        parameters = [p for n in networks for p in n.parameters()]
        return torch.optim.Adam(parameters, lr=lr, betas=(0.0, 0.9), fused=True)

    of_g, of_d = adam(1e-4, G), adam(4e-4, *Ds)
    torch.manual_seed(3)

    def seen(x, y):
        pair = torch.cat([x, y], 1)
        return pair, F.avg_pool2d(pair, 3, stride=2, padding=1, count_include_pad=False)

    def layers(D, image):
        found = []
        for layer in D.model:
            image = layer(image)
            if isinstance(layer, torch.nn.LeakyReLU):
                found.append(image)
        return found, image

    for number, (x, y) in enumerate(batches()):
        rate = 1.0 if number * BATCH <= TOTAL / 2 else (TOTAL - number * BATCH) / (TOTAL / 2)
        of_g.param_groups[0]["lr"], of_d.param_groups[0]["lr"] = 1e-4 * rate, 4e-4 * rate
        fake = G(x)
        only(Ds, [])
        of_d.zero_grad()
        loss = 0
        for D, real, faked in zip(Ds, seen(x, y), seen(x, fake.detach()), strict=True):
            loss = loss + F.relu(1 - D(real)).mean() + F.relu(1 + D(faked)).mean()
        (0.5 * loss / 2).backward()
        of_d.step()
        only([], Ds)
        of_g.zero_grad()
        loss = 0
        for D, real, faked in zip(Ds, seen(x, y), seen(x, fake), strict=True):
            (of_real, _), (of_fake, logits) = layers(D, real), layers(D, faked)
            matching = sum((a - b.detach()).abs().mean() for a, b in zip(of_fake, of_real, strict=True))
            loss = loss - logits.mean() + 10 * matching
        (loss / 2).backward()
        of_g.step()
        only(Ds, [])
    ours, theirs = played(s, batches()), weights({"G": G, "D": Ds[0], "D_2": Ds[1]})
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=2e-5, msg=name)


@pytest.mark.parametrize("objective", ["vanilla", "relativistic"])
def test_features_cost_no_second_pass_and_change_no_other_loss(objective):
    """With λ next to 0 the game is the one without feature matching."""
    found = []
    for weight in (0.0, 1e-12):
        game = {"lambda_features": weight, "objective": objective, "scales": 2}
        s = settings("pix2pix", mode_settings=game, train={"optimizer": "sgd", "lr": 0.01})
        found.append(played(s, batches(4)))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("generator", ["spade", "unet"])
def test_players_see_label_maps_one_hot(generator, conditional):
    """D gets one channel for each class beside the image's, if it sees the input; G gives the same for every colour
    nearest to a class."""
    game = {"scales": 2, "conditional": conditional}
    s = tiny_settings("pix2pix", {"generator": {"network": generator}, "mode_settings": game})
    torch.manual_seed(0)
    make = partial(build_generator, s.generator, palette=PALETTE)
    game = MODES["pix2pix"](s.mode_settings, OBJECTIVES["vanilla"], make, partial(build_discriminator, s.discriminator))
    assert [game.networks[name].model[0].in_channels for name in game.players["D"]] == 2 * [4 * conditional + 3]
    x = (
        torch.tensor(PALETTE, dtype=torch.float32).view(4, 3)[torch.randint(4, (2, 16, 16))].permute(0, 3, 1, 2) / 127.5
        - 1
    )
    y = torch.rand(2, 3, 16, 16)
    turns = list(game.step(x, y))
    assert all(loss.isfinite() for _, losses, _ in turns for loss in losses.values())
    assert torch.equal(game.encode(x).sum(1), torch.ones(2, 16, 16))
    assert torch.equal(game.encode(x + 0.05), game.encode(x))
    assert torch.equal(game.G(x + 0.05), game.G(x))


REFUSED = [
    ({"lambda_features": 10.0}, {"network": "dcgan"}, "features of D, which dcgan"),
    ({"scales": 2}, {"network": "dcgan"}, "dcgan takes images of one size"),
    ({"scales": 4}, {"layers": 1}, "use fewer layers or scales"),
]


@pytest.mark.parametrize(("game", "discriminator", "why"), REFUSED)
def test_discriminators_without_features_or_of_one_size_are_refused(game, discriminator, why):
    size = 32 if "network" in discriminator else 16
    s = tiny_settings("pix2pix", {"mode_settings": game, "discriminator": discriminator, "data": {"size": size}})
    with pytest.raises(UserError, match=why):
        complete(s)
