"""One domain, for GANs: what comes, what is recorded, what is said of bad files."""

import json

import pytest
import torch
from data_folders import folder, numbered, one_domain

from translate.data import description, open_data
from translate.errors import UserError


def test_one_domain(tmp_path):
    data = one_domain(folder(tmp_path / "a", numbered(20)))
    assert len(data.train_a) + len(data.test_a) == 20
    assert data.train_b == data.test_b == data.classes == []
    assert not data.paired
    assert not data.truth
    assert [len(batch) for batch in data.batches(0, 10, 4)] == [1, 1, 1]
    assert [len(x) for (x,) in data.batches(0, 10, 4)] == [4, 4, 2]
    assert data.files_of(0, 2) == [data.train_a[data.order(0, n)].name for n in (0, 1)]
    record = json.loads(json.dumps(description.record(data)))
    assert "b" not in record
    assert "classes" not in record
    assert set(record["files"]) == {f"a/{n:03d}" for n in range(20)}
    assert [line for line in description.describe(data) if "b:" in line or "pair" in line] == []
    assert data.licences() == {}


def test_one_domain_is_the_first_of_two(tmp_path):
    """The same images in the same order with the same crops and colours as side a of an unpaired training."""
    a, b = folder(tmp_path / "a", numbered(20)), folder(tmp_path / "b", numbered(9))
    varied = {"load": 1.3, "flip": 0.5, "rotate": 10, "hue": 0.1}
    one = one_domain(a, **varied)
    two = open_data(str(a), str(b), one.settings, paired=False, seed=0, say=lambda text: None)
    for (x,), (first, _) in zip(one.batches(0, 40, 8), two.batches(0, 40, 8), strict=True):
        assert torch.equal(x, first)
    assert description.fingerprint(one) != description.fingerprint(two)


def test_one_domain_from_workers_and_in_grey(tmp_path):
    data = one_domain(folder(tmp_path / "a", numbered(12)), channels_a=1)
    alone = torch.cat([x for (x,) in data.batches(3, 20, 4)])
    assert alone.shape == (17, 1, 20, 20)
    assert torch.equal(alone, torch.cat([x for (x,) in data.batches(3, 20, 4, workers=1)]))


def test_problems_of_one_domain(tmp_path):
    a = folder(tmp_path / "a", numbered(12))
    test = [item.key for item in one_domain(a).test_a]
    for key in test:
        (a / f"{key}.png").write_bytes(b"")
    said: list[str] = []
    data = one_domain(a, said=said)
    assert data.test_a  # others are picked
    assert any("empty (0 bytes)" in line for line in said)
    for path in a.iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match="a has no usable image to train on"):
        one_domain(a)
