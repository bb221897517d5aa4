"""L1, PSNR and SSIM against closed forms, and the images they refuse."""

import numpy as np
import pytest
import torch

from translate.metrics import paired


def l1(x, y) -> float:
    return float(paired.l1(x, y).mean())


def psnr(x, y) -> float:
    return float(paired.psnr(x, y).mean())


def ssim(x, y) -> float:
    return float(paired.ssim(x, y).mean())


def flat(value: int, n: int = 2, size: int = 16, channels: int = 3) -> np.ndarray:
    return np.full((n, size, size, channels), value, np.uint8)


def test_closed_forms_of_flat_images():
    assert l1(flat(0), flat(51)) == pytest.approx(0.2, abs=1e-7)
    assert psnr(flat(0), flat(51)) == pytest.approx(10 * np.log10(1 / 0.04), abs=1e-5)
    x, y, c = 51 / 255, 153 / 255, 0.01**2  # without variance SSIM is its luminance term (Wang et al. 2004, Eq. 6)
    assert ssim(flat(51), flat(153)) == pytest.approx((2 * x * y + c) / (x * x + y * y + c), abs=1e-5)


def test_equal_images():
    x = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
    assert (l1(x, x), psnr(x, x), ssim(x, x)) == (0, 100, pytest.approx(1))


def test_each_image_counts_alike():
    x, y = flat(0), np.concatenate([flat(51, 1), flat(255, 1)])
    assert l1(x, y) == pytest.approx(0.6, abs=1e-7)
    assert psnr(x, y) == pytest.approx((10 * np.log10(1 / 0.04) + 0) / 2, abs=1e-5)  # not of the mean error
    many = np.concatenate([flat(0, 37), flat(255, 3)])  # more than one batch
    assert l1(many, flat(0, 40)) == pytest.approx(3 / 40, abs=1e-7)


def test_ssim_is_the_formula_in_one_window():
    rng = np.random.default_rng(1)
    x, y = (rng.integers(0, 256, (1, 11, 11, 1), dtype=np.uint8) for _ in range(2))  # exactly one window fits
    g = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    w = np.outer(g, g) / g.sum() ** 2
    a, b = x[0, :, :, 0] / 255, y[0, :, :, 0] / 255
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb, cov = (w * a * a).sum() - ma**2, (w * b * b).sum() - mb**2, (w * a * b).sum() - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(x, y) == pytest.approx(expected, abs=1e-6)


def test_arrays_tensors_and_grey_agree():
    rng = np.random.default_rng(2)
    x, y = (rng.integers(0, 256, (2, 16, 18, 1), dtype=np.uint8) for _ in range(2))
    tensor = torch.from_numpy(x).permute(0, 3, 1, 2) / 255
    for score in (l1, psnr, ssim):
        expected = pytest.approx(score(x.repeat(3, -1), y.repeat(3, -1)), abs=1e-6)
        assert score(x, y) == expected
        assert score(tensor, torch.from_numpy(y)) == expected
        assert score(x, y.repeat(3, -1)) == expected


def test_what_can_not_be_compared_is_said():
    with pytest.raises(ValueError, match="no pairs"):
        l1(flat(0, 2), flat(0, 3))
    with pytest.raises(ValueError, match="no pairs"):
        l1(flat(0, size=16), flat(0, size=17))
    with pytest.raises(ValueError, match="at least 11x11"):
        ssim(flat(0, size=10), flat(0, size=10))
    with pytest.raises(ValueError, match="floats must lie in"):
        psnr(torch.full((1, 3, 16, 16), -1.0), flat(0, 1))  # [-1, 1], as networks have it, would be a silent mistake
    with pytest.raises(ValueError, match="4 channels"):
        l1(flat(0, channels=4), flat(0, channels=4))
    with pytest.raises(ValueError, match="needed is uint8"):
        l1(flat(0).astype(np.float32), flat(0))


def test_no_random_numbers_and_no_threads_are_touched():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    ssim(flat(3), flat(4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
