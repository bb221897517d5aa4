"""The pool of past fakes."""

import torch

from translate.modes.pool import Pool


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


def test_a_pool_goes_on_in_another_precision():
    """As a run does that was begun on a GPU and is continued on a CPU."""
    torch.manual_seed(0)
    before, after = Pool(size=4), Pool(size=4)
    before.query(torch.ones(4, 1, 2, 2, dtype=torch.bfloat16))
    after.load(before.state())
    shown = torch.cat([after.query(torch.zeros(4, 1, 2, 2)) for _ in range(4)])
    assert shown.dtype == torch.float32
    assert set(shown.unique().tolist()) == {0.0, 1.0}


def test_plans_stay_where_a_recorded_round_reads_them():
    pool = Pool(size=4)
    pool.plan(4, 4)
    first = pool.plans
    pool.plan(2, 2)  # the last batch of a training
    pool.plan(4, 4)
    assert [plan.data_ptr() for plan in pool.plans] == [plan.data_ptr() for plan in first]
