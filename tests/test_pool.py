"""The pool of past fakes."""

import torch

from translate.pool import Pool


def test_pool_returns_the_fresh_ones_until_full_then_half_old_ones():
    torch.manual_seed(0)
    pool = Pool(50)
    for number in range(50):
        fresh = torch.full((1, 1, 1, 1), float(number))
        assert torch.equal(pool.query(fresh), fresh)
    shown = torch.cat([pool.query(torch.full((1, 1, 1, 1), 100.0 + n)) for n in range(2000)]).flatten()
    old = (shown != torch.arange(100.0, 2100.0)).float().mean().item()
    assert 0.45 < old < 0.55
    assert len(pool.state()["images"]) == 50


def test_pool_of_a_batch_draws_for_each_image():
    torch.manual_seed(0)
    pool = Pool(4)
    pool.query(torch.zeros(4, 1, 1, 1))
    shown = torch.cat([pool.query(torch.ones(8, 1, 1, 1)) for _ in range(3)])
    assert shown.shape == (24, 1, 1, 1)
    assert 0 < shown.sum() < 24
