"""CUT, FastCUT and RegGAN against straight-line loops as a textbook would write them, and their parts by themselves."""

import pytest
import torch
import torch.nn.functional as F
from games import BATCH, TOTAL, adam, batches, decay, new_game, only, played, settings, weights

from translate.errors import UserError
from translate.modes.cut import sampled, taken
from translate.modes.registered import roughness, warp
from translate.networks import GENERATORS
from translate.networks.encoder import features, places


def mse(logits, label):
    return (logits - label).square().mean()


def encoded(G, x):
    """The features of the paper's ResNet: pixels, both stride-2 convolutions, the first and the middle block."""
    layers = list(G.model)
    blocks = [at for at, layer in enumerate(layers) if hasattr(layer, "conv_block")]
    strided = [at for at, layer in enumerate(layers) if getattr(layer, "stride", None) == (2, 2)][:2]
    wanted = {*strided, blocks[0], blocks[len(blocks) // 2]}
    found, h = [x], x
    for at, layer in enumerate(layers[: max(wanted) + 1]):
        h = layer(h)
        if at in wanted:
            found.append(h)
    return found


def assert_close(ours, textbook):
    """Equal but for rounding, which Adam may enlarge for the few weights whose gradients are next to 0."""
    assert ours.keys() == textbook.keys()
    steps = 2e-4 * TOTAL / BATCH  # the furthest that Adam moves a weight
    for name, value in textbook.items():
        far = (ours[name] - value).abs()
        assert far.mean() < 1e-3 * steps, name


@pytest.mark.parametrize("mode", ["cut", "fastcut"])
def test_cut_is_the_textbook_loop(mode):
    """Park et al. 2020: D halved with least squares; then G and H with PatchNCE as cross entropy over places."""
    # Group norm: before instance norm biases do nothing, and Adam makes whole steps of their rounding errors.
    s = settings(mode, generator={"network": "resnet", "norm": "group", "blocks": 3}, discriminator={"norm": "none"})
    w = s.mode_settings
    assert (w.objective, w.lambda_x, w.lambda_y, w.tau, w.flip_equivariance) == (
        ("lsgan", 1, 1, 0.07, False) if mode == "cut" else ("lsgan", 10, 0, 0.07, True)
    )
    game = new_game(s)
    G, D, H = (game.networks[name].train() for name in ("G", "D", "H"))
    of_g, of_d = adam(G, H), adam(D)
    torch.manual_seed(3)

    def nce(x, output, back):
        total = []
        for head, k, q in zip(H.heads, encoded(G, x), encoded(G, output), strict=True):
            k, q = (F.normalize(head(f.flatten(2).mT), dim=2) for f in (k.detach(), back(q)))
            places = torch.arange(q.shape[1]).expand(len(q), -1)
            total.append(F.cross_entropy((q @ k.detach().mT / 0.07).mT, places))
        return sum(total) / len(total)

    for number, (x, y) in enumerate(batches()):
        decay((of_g, of_d), number * BATCH)
        mirrored = torch.rand(len(x), 1, 1, 1) < 0.5 if w.flip_equivariance else torch.zeros(len(x), 1, 1, 1).bool()

        def flip(f, mirrored=mirrored):
            return torch.where(mirrored, f.flip(3), f)

        fake = G(flip(x))
        only([D], [])
        of_d.zero_grad()
        (0.5 * (mse(D(y), 1) + mse(D(fake.detach()), 0))).backward()
        of_d.step()
        only([], [D])
        of_g.zero_grad()
        loss = mse(D(fake), 1) + w.lambda_x * nce(x, fake, flip)
        if w.lambda_y:
            loss = loss + w.lambda_y * nce(y, G(flip(y)), flip)
        loss.backward()
        of_g.step()
        only([D], [])
    assert_close(played(s, batches()), weights({"G": G, "D": D, "H": H}))


def test_registered_is_the_textbook_loop():
    """Kong et al. 2021: D of single images; then G and R with λ = 20 times L1 after the flow and 10 times ‖∇T‖²."""
    plain = {"norm": "group"}
    s = settings("registered", generator=plain, discriminator=plain, train={"lr": 2e-4})
    w = s.mode_settings
    assert (w.objective, w.lambda_adv, w.lambda_corr, w.lambda_smooth) == ("lsgan", 1, 20, 10)
    game = new_game(s)
    G, D, R = (game.networks[name].train() for name in ("G", "D", "R"))
    of_g, of_d = adam(G, R), adam(D)
    torch.manual_seed(3)
    for number, (x, y) in enumerate(batches()):
        decay((of_g, of_d), number * BATCH)
        fake = G(x)
        only([D], [])
        of_d.zero_grad()
        (0.5 * (mse(D(y), 1) + mse(D(fake.detach()), 0))).backward()
        of_d.step()
        only([], [D])
        of_g.zero_grad()
        T = w.max_shift * 16 * R(torch.cat([fake, y], 1))
        moved = warp(fake, T)
        smooth = (T[..., 1:] - T[..., :-1]).square().mean() + (T[..., 1:, :] - T[..., :-1, :]).square().mean()
        (mse(D(fake), 1) + 20 * (moved - y).abs().mean() + 10 * smooth).backward()
        of_g.step()
        only([D], [])
    assert_close(played(s, batches()), weights({"G": G, "D": D, "R": R}))


@pytest.mark.parametrize("network", [name for name in GENERATORS if name != "spade"])
def test_features_are_those_of_the_forward_pass(network):
    """The pixels come first and the rest gets smaller; no place lies behind an upsampling layer."""
    s = settings("cut", generator={"network": network, "blocks": 3})
    game = new_game(s)
    x = batches()[0][0]
    maps = features(game.G, x, game.places)
    assert torch.equal(maps[0], x)
    assert [f.shape[1] for f in maps] == [place.channels for place in game.places]
    sides = [f.shape[2] for f in maps]
    assert sides == sorted(sides, reverse=True)
    assert len(maps) >= 3


def test_a_generator_without_an_encoder_is_refused():
    with pytest.raises(UserError, match="features of an encoder"):
        new_game(settings("cut", generator={"network": "spade"}))


def test_features_of_a_network_without_steps_are_refused():
    with pytest.raises(ValueError, match="lists its steps"):
        places(torch.nn.Conv2d(3, 3, 1), 3)


def test_patch_nce_draws_each_place_once_and_finds_the_same_places_in_both_images():
    maps = torch.arange(2 * 3 * 8 * 8.0).view(2, 3, 8, 8)
    at = sampled(maps, 16)
    assert at.shape == (2, 16)
    assert all(len(set(row.tolist())) == 16 for row in at)
    assert torch.equal(taken(maps, at)[1, 5], maps.flatten(2)[1, :, at[1, 5]])
    assert sampled(maps, 64) is None
    assert taken(maps, None).shape == (2, 64, 3)


def test_cut_with_domains_of_different_channels_is_refused():
    s = settings("cut")
    game = type(new_game(s))
    with pytest.raises(UserError, match=r"data\.channels_a"):
        game(s.mode_settings, None, None, None, (1, 3))


def test_a_flow_moves_pixels_by_so_many_pixels():
    image = torch.rand(1, 3, 8, 8)
    T = torch.zeros(1, 2, 8, 8)
    torch.testing.assert_close(warp(image, T), image)
    T[:, 0] = 2  # each pixel comes from two columns further to the right
    torch.testing.assert_close(warp(image, T)[..., :6], image[..., 2:])
    torch.testing.assert_close(warp(image, T)[..., 6:], image[..., -1:].expand(-1, -1, -1, 2))
    assert roughness(T) == 0
    T[:, 1, 4:] = 3
    assert roughness(T) == pytest.approx(9 * 8 / (2 * 7 * 8))


def test_registration_finds_a_shift():
    """With G fixed to the identity, R learns in some steps that y is x, two pixels further to the left."""
    game = new_game(settings("registered", mode_settings={"max_shift": 0.25, "registration_filters": 8}))
    wide = F.interpolate(torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(0)), (20, 20), mode="bicubic")
    x, y = wide[:, :, 2:18, 2:18], wide[:, :, 2:18, 4:20]
    optimizer = torch.optim.Adam(game.R.parameters(), 3e-3)
    before = (x - y).abs().mean()
    for _ in range(60):
        optimizer.zero_grad()
        T = game.flow(x, y)
        loss = (warp(x, T) - y).abs().mean() + 0.01 * roughness(T)
        loss.backward()
        optimizer.step()
    assert (warp(x, T) - y).abs().mean() < 0.3 * before
    assert T[:, 0, 4:12, 4:12].mean() > 1
    pictures = game.pictures(x, x, y)
    assert set(pictures) == {"registered", "flow"}
    assert all(picture.shape == x.shape for picture in pictures.values())
