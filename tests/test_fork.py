"""A process that is forked after a Translator was used, as gunicorn --preload does."""

import multiprocessing
import os

import numpy as np
import pytest
import torch
from small import tiny_model

import translate


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_translates(tmp_path):
    """GNU's OpenMP would wait for threads that the fork left behind. With one thread sums are rounded otherwise."""
    t = translate.load(tiny_model(tmp_path / "m.safetensors", filters=16))
    levels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    torch.set_num_threads(2)
    try:
        wanted = t(levels)
        child = multiprocessing.get_context("fork").Process(
            target=lambda: os._exit(int(np.abs(wanted.astype(int) - t(levels)).max() > 1))
        )
        child.start()
        child.join(120)
        assert child.exitcode == 0
    finally:
        child.kill()
        torch.set_num_threads(1)
