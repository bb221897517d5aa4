"""What all tests share: one thread (two cores are shared by the workers), a cache of their own, drawn pictures."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
sys.path.insert(0, str(Path(__file__).parent))  # tests/small.py and its neighbours, under import-mode=importlib

import pytest
import torch
from hub_server import Hub, serving
from small import ENVIRONMENT, draw_folders, run_verb

torch.set_num_threads(1)
HUB, HOME = pytest.StashKey[Hub](), pytest.StashKey[str]()


def pytest_configure(config) -> None:
    """Tests of the CPU, and what they start, see no GPU, which `auto` would take; `pytest -m gpu` does.

    The Hugging Face Hub is a server of this process: huggingface_hub reads its address when it is imported, which
    albumentations does."""
    server = config.stash[HUB] = Hub()
    home = config.stash[HOME] = tempfile.mkdtemp(prefix="hub-")
    os.environ |= {"HF_ENDPOINT": server.address, "HF_HOME": home, "HF_HUB_DISABLE_XET": "1"}
    for name in ("SIGINT", "SIGHUP"):  # ignored behind nohup and &, and so would be by every process that tests start
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    marks = config.option.markexpr
    if "gpu" not in marks or "not gpu" in marks:
        os.environ["CUDA_VISIBLE_DEVICES"] = ENVIRONMENT["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["TRITON_INTERPRET"] = "1"  # before anything imports Triton


def pytest_unconfigure(config) -> None:
    config.stash[HUB].server_close()
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> tuple[Path, Path]:
    """Two folders of 24 drawn pairs of the same names; no test writes into them."""
    return draw_folders(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of data sets that a test has for itself."""
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def verb(monkeypatch, capsys, cache):
    """translate WORDS in this process, which must end with `code` → what it printed, on both streams."""

    def run(*words, code: int = 0) -> str:
        found, said, problem = run_verb(monkeypatch, capsys, *words)
        assert found == code, said + problem
        return said + problem

    return run


@pytest.fixture(scope="session")
def one_hub(pytestconfig):
    """One server for all tests of a process: see `pytest_configure`."""
    from huggingface_hub import constants

    server = pytestconfig.stash[HUB]
    assert server.address == constants.ENDPOINT
    with serving(server):
        yield server


@pytest.fixture
def hub(one_hub, monkeypatch):
    """A server that stands in for the Hugging Face Hub; no one is logged in."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return one_hub


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of `translate web --out` without MODEL. Needs npm the first time, as `browser` does."""
    from translate.export.web.site import build_site

    folder = tmp_path_factory.mktemp("site") / "zoo"
    assert build_site(folder, say=lambda _: None) == sorted(file for file in folder.rglob("*") if file.is_file())
    return folder


@pytest.fixture(scope="module")
def browser():
    """A Chromium with one page; it comes from npm where none is installed."""
    from browser import Browser

    with Browser() as browser:
        yield browser
