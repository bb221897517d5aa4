"""The scoring networks: golden numbers of the original packages, and FID's Inception against torchvision's."""

from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf

from translate.errors import DAMAGED, UNAVAILABLE, UserError
from translate.metrics import inception, lite, stlpips, weights

EXTRA = 'needs the weights of the extra: pip install "imgtranslate[scores]"'
needs_lite = pytest.mark.skipif(not all(find_spec(version.package) for version in lite.VERSIONS.values()), reason=EXTRA)
needs_stlpips = pytest.mark.skipif(find_spec(stlpips.PACKAGE) is None, reason=EXTRA)


def picture(size: int, shift: int = 0) -> np.ndarray:
    """(1, size, size, 3): patterns of integers, the same on every machine."""
    y, x = np.mgrid[:size, :size] + shift
    return np.stack([x * 7 % 256, (x * y) % 256, (x**2 + y * 3) // 5 % 256], -1).astype(np.uint8)[None]


@needs_lite
@pytest.mark.parametrize(
    ("size", "at", "values", "mean", "deviation"),
    [
        (48, [897, 61, 315, 154, 654], [4.4913, 3.81203, 1.9525, 0.45341, 0.02887], 0.22652, 0.5212),
        (300, [714, 1051, 140, 753, 102], [4.35658, 3.53232, 1.6686, 0.41704, 0.03773], 0.20706, 0.48279),
    ],
)
def test_lite0_gives_what_the_original_package_gives(size, at, values, mean, deviation):
    # from efficientnet-lite-pytorch 0.1.0: extract_features(x).mean((2, 3)), torch 2.15, CPU
    features = lite.Lite("lite0").features(picture(size))
    assert features.shape == (1, 1280)
    assert features.dtype == torch.float32
    assert features[0, at].tolist() == pytest.approx(values, abs=2e-4)
    assert features.mean().item() == pytest.approx(mean, abs=5e-5)
    assert features.std().item() == pytest.approx(deviation, abs=5e-5)


@needs_lite
def test_lite0_does_not_depend_on_the_batch_or_the_form_of_the_images():
    images = np.concatenate([picture(40, shift) for shift in (0, 9, 31)])
    net = lite.Lite("lite0")
    together = net.features(images)
    assert torch.allclose(net.features(images, batch=2), together, atol=1e-4)
    assert torch.allclose(net.features(torch.from_numpy(images).permute(0, 3, 1, 2) / 255), together, atol=1e-4)
    grey = images[..., :1]
    assert torch.allclose(net.features(grey), net.features(grey.repeat(3, -1)), atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=0.05)


@needs_stlpips
@pytest.mark.parametrize(("size", "shifted", "negative"), [(64, 0.0144179, 0.3074685), (96, 0.0171529, 0.3354099)])
def test_stlpips_gives_what_the_original_package_gives(size, shifted, negative):
    # from stlpips-pytorch 0.0.2: LPIPS(net="alex", variant="shift_tolerant"), torch 2.15, CPU
    x = picture(size)
    net = stlpips.STLPIPS()
    pairs = net.distances(x.repeat(3, 0), np.concatenate([picture(size, 1), 255 - x, x]), batch=2)
    assert pairs.tolist() == pytest.approx([shifted, negative, 0], abs=2e-5)


@needs_stlpips
def test_stlpips_enlarges_images_below_64():
    x, y = picture(24), 255 - picture(24)
    large = [
        nnf.interpolate(torch.from_numpy(z).permute(0, 3, 1, 2) / 255, size=(64, 64), mode="bilinear") for z in (x, y)
    ]
    net = stlpips.STLPIPS()
    assert net.distances(x, y).item() == pytest.approx(net.distances(*large).item(), abs=1e-6)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """(torchvision's Inception of 1,008 classes with random weights, its state dict in a file)"""
    from torchvision.models import inception_v3

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False).eval()
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.data.uniform_(1, 2)
    path = tmp_path_factory.mktemp("inception") / inception.FILES[0]
    torch.save(net.state_dict(), path)
    net.fc = torch.nn.Identity()
    return net, path


def test_inception_is_torchvisions_with_the_peculiarities_of_fid(random_weights, monkeypatch):
    from torchvision.models import inception as theirs

    net, path = random_weights
    said: list[str] = []
    state = torch.get_rng_state()
    ours = inception.InceptionFeatures(path, say=said.append)
    assert torch.equal(torch.get_rng_state(), state)
    assert ours.sha256 in said[0]
    assert "NOT the published file" in said[0]
    with torch.random.fork_rng():
        x = torch.rand(1, 3, 139, 139, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        mine, plain = ours.net(x), net(x)

        def mean(x, **kwargs):
            return nnf.avg_pool2d(x, count_include_pad=False, **kwargs)

        monkeypatch.setattr(theirs, "F", SimpleNamespace(**vars(nnf) | {"avg_pool2d": mean}))
        averaged, last = net(x), net.Mixed_7c
        branches = last._forward
        monkeypatch.setattr(
            last, "_forward", lambda x: [*branches(x)[:-1], last.branch_pool(nnf.max_pool2d(x, 3, 1, 1))]
        )
        expected = net(x)
    assert mine.shape == (1, 2048)
    assert torch.allclose(mine, expected, atol=1e-5)
    for without in (plain, averaged):  # each peculiarity can be seen
        assert (mine - without).abs().max() > 1e-3


def test_inception_resizes_as_tensorflow_1():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    larger = inception.resize(x, 6)[0, 0]
    for i in range(6):
        for j in range(6):
            y, z = min(i * 3 / 6, 2), min(j * 4 / 6, 3)  # beyond the last pixel there is only the last pixel
            assert larger[i, j].item() == pytest.approx(4 * y + z, abs=1e-5)


def test_inception_scales_bytes_as_tensorflow_1(random_weights, monkeypatch):
    ours = inception.InceptionFeatures(random_weights[1], say=lambda text: None)
    seen = []
    monkeypatch.setattr(ours.net, "forward", lambda x: seen.append(x) or torch.zeros(len(x), 2048))
    ours.features(np.array([0, 128, 255], np.uint8).reshape(3, 1, 1, 1))
    assert seen[0].shape == (3, 3, 299, 299)
    assert seen[0][:, 0, 0, 0].tolist() == pytest.approx([-1, 0, 127 / 128], abs=1e-6)


def test_inception_is_found_where_the_sentence_says(random_weights, tmp_path, monkeypatch):
    path = random_weights[1]
    monkeypatch.delenv(inception.VARIABLE, raising=False)
    assert inception.find(None) is None
    assert inception.find(tmp_path) is None
    assert inception.find(path.parent) == path
    sentence = inception.how_to_get(tmp_path)
    assert inception.FILES[0] in sentence
    assert inception.VARIABLE in sentence
    assert str(tmp_path) in sentence
    monkeypatch.setenv(inception.VARIABLE, str(path))
    assert inception.find(tmp_path) == path
    monkeypatch.setenv(inception.VARIABLE, str(tmp_path / "none.pth"))
    with pytest.raises(UserError, match=r"none\.pth, which is not a file"):
        inception.find(tmp_path)


def test_other_files_are_refused_in_one_sentence(random_weights, tmp_path):
    state = torch.load(random_weights[1], weights_only=True)
    cases = {
        "short.pth": {key: value for key, value in state.items() if not key.startswith("Mixed_7c")},
        "more.pth": state | {"AuxLogits.fc.bias": torch.zeros(3)},
        "shape.pth": state | {"fc.bias": torch.zeros(1000)},
        "list.pth": [1, 2],
    }
    for name, content in cases.items():
        torch.save(content, tmp_path / name)
    (tmp_path / "text.pth").write_text("not weights")
    for name in [*cases, "text.pth"]:
        with pytest.raises(UserError, match=name) as caught:
            inception.InceptionFeatures(tmp_path / name, say=lambda text: None)
        assert caught.value.code == DAMAGED
        assert "\n" not in str(caught.value)


def test_a_changed_weight_file_is_not_used(tmp_path, monkeypatch):
    torch.save({"a": torch.zeros(1)}, tmp_path / "w.pth")
    assert weights.load(tmp_path / "w.pth", weights.digest(tmp_path / "w.pth"))[0]["a"].item() == 0
    with pytest.raises(UserError, match="expected 000000000000") as caught:
        weights.load(tmp_path / "w.pth", "0" * 64)
    assert caught.value.code == DAMAGED


def test_a_missing_package_is_a_sentence_that_names_the_extra():
    with pytest.raises(
        UserError, match=r'X needs the weights of a network.*pip install "imgtranslate\[scores\]"'
    ) as caught:
        weights.find_in_package("no_such_package_here", "w.pth", "X")
    assert caught.value.code == UNAVAILABLE


def test_folding_a_batch_norm_changes_nothing():
    rng = torch.Generator().manual_seed(0)
    norm = torch.nn.BatchNorm2d(4, eps=1e-3).eval()
    for value in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        value.uniform_(0.5, 2, generator=rng)
    weight, x = torch.randn(4, 3, 3, 3, generator=rng), torch.randn(2, 3, 8, 8, generator=rng)
    folded, bias = weights.fold(weight, norm.state_dict(), 1e-3)
    with torch.no_grad():
        assert torch.allclose(nnf.conv2d(x, folded, bias), norm(nnf.conv2d(x, weight)), atol=1e-5)


def test_the_extra_is_there():
    """`imgtranslate[test]` brings it; without it the tests above would be left out."""
    assert all(find_spec(version.package) for version in lite.VERSIONS.values())
    assert find_spec(stlpips.PACKAGE)
