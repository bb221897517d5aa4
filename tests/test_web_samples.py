"""The page of a GAN in a real browser: samples by seed and class, the way between two of them, and what is saved."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from export_models import write_gan
from PIL import Image
from small import run_verb
from web_page import LEVELS, basics, save

import translate
from translate.errors import UserError
from translate.export.web import site
from translate.export.web.build import build
from translate.model import card as cards
from translate.model.sampler import slerp

NETWORK = pytest.mark.network  # needs npm: the runtime comes from there the first time
COUNT, SIZE, LATENT = 16, 16, 21
NAMES = ["one", "two", "three"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("gan") / "shapes.safetensors"
    return write_gan(path, classes=NAMES, channels=1, latent=LATENT)


@pytest.fixture(scope="module")
def address(model) -> str:
    """The page, as the zoo's start page offers it: with a folder of GANs alone in the place of pretrained/."""
    folder = model.parent / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards, "shipped", lambda _: model.parent)
        said: list[str] = []
        site.build_site(folder, say=said.append)
    # Nothing is said when a run of these tests has kept the program before.
    assert said[-1:] in ([], ["page 1 of 1: preparing shapes, about 20 s; kept for the next time"])
    start = (folder / "index.html").read_text(encoding="utf-8")
    assert 'href="shapes.html"' in start
    return (folder / "shapes.html").as_uri()


@pytest.fixture
def page(browser, address):
    browser.open(address)
    settled(browser)
    return browser


def settled(browser) -> None:
    browser.until("typeof ready !== 'undefined' && ready && !busy && result && samples.every(({ picture }) => picture)")


def tiles(browser) -> np.ndarray:
    """(16, height, width) of what the grid shows."""
    levels = browser.run(f"""[...document.querySelectorAll('.tile canvas')].map((canvas) =>
        [...canvas.getContext('2d').getImageData(0, 0, {SIZE}, {SIZE}).data])""")
    return np.array(levels, np.uint8).reshape(COUNT, SIZE, SIZE, 4)[..., 0]


def large(browser) -> np.ndarray:
    image = save(browser)
    assert image.mode == "L"
    return np.asarray(image)


def near(got: np.ndarray, wanted: np.ndarray) -> bool:
    return bool(np.abs(got.astype(int) - wanted.reshape(got.shape)).max() <= LEVELS)


@NETWORK
def test_network_samples_are_the_samplers_and_found_again_by_their_seeds(page, model):
    sampler, latent = translate.load_sampler(model), "samples.map(({ row }) => [...row])"
    rows, first = torch.tensor(page.run(latent)), tiles(page)
    assert len({tile.tobytes() for tile in first}) == COUNT
    kinds = page.run("samples.map(({ kind }) => kind)")
    assert set(kinds) == {0, 1, 2}, "of all classes"
    assert near(first, sampler(rows, kinds))
    page.run("$('more').click()")
    settled(page)
    assert page.run("[$('seed').value, $('seeds').textContent]") == ["16", "to 31"]
    assert not {tile.tobytes() for tile in tiles(page)} & {tile.tobytes() for tile in first}
    page.run("$('seed').value = 0; $('seed').onchange()")
    settled(page)
    assert (tiles(page) == first).all()
    page.run("[...$('classes').children].find((button) => button.textContent === 'three').click()")
    settled(page)
    assert near(tiles(page), sampler(rows, [2] * COUNT))
    assert page.run("document.querySelectorAll('#classes [aria-pressed=true]').length") == 1
    page.run("$('save-all').click()")
    sheet = np.asarray(Image.open(io.BytesIO(page.downloaded())))
    assert (sheet.reshape(4, SIZE, 4, SIZE).transpose(0, 2, 1, 3).reshape(COUNT, SIZE, SIZE) == tiles(page)).all()


@NETWORK
def test_network_the_slider_goes_from_one_pressed_sample_to_the_next(page, model):
    sampler, shown = translate.load_sampler(model), tiles(page)
    page.run("samples[4].tile.click(), samples[7].tile.click(), null")  # both of class 1
    settled(page)
    assert (large(page) == shown[7]).all(), "the one that was pressed is shown"
    assert page.run(
        "[...document.querySelectorAll('.tile')].flatMap((e, i) => e.ariaPressed === 'true' ? [i] : [])"
    ) == [4, 7]
    page.run("$('way').value = 30; $('way').oninput()")
    settled(page)
    a, b = torch.tensor(page.run("[samples[4], samples[7]].map(({ row }) => [...row])"))
    assert near(large(page), sampler(slerp(a, b, 11)[3:4], [1]))
    assert "30 % from seed 4 to 7" in page.run("$('way').ariaValueText")
    page.run("$('way').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Home", code="Home", windowsVirtualKeyCode=36)
    settled(page)
    assert (large(page) == shown[4]).all()


@NETWORK
def test_network_random_numbers_are_normal_and_of_their_seed(page):
    rows = np.array(page.run("[0, 1, 2, 4294967279, 0].map((seed) => [...normal(seed, 4001)])"))
    assert (rows[0] == rows[4]).all()
    assert np.abs(rows.mean(1)).max() < 0.06
    assert np.abs(rows.std(1) - 1).max() < 0.04
    assert 0.94 < (np.abs(rows) < 1.96).mean() < 0.96
    assert np.abs(np.corrcoef(rows[:4]) - np.eye(4)).max() < 0.07
    assert max(abs(np.corrcoef(row[:-1], row[1:])[0, 1]) for row in rows) < 0.07


@NETWORK
def test_network_the_basics_and_nobody_is_asked(page, address):
    basics(page, 1280)
    basics(page, 360)
    folder = address.rpartition("/")[0]
    assert all(asked.startswith((folder, "blob:")) for asked in page.addresses())
    assert page.complaints() == []
    assert page.run("fetch('https://example.org/').then(() => 'sent', () => 'refused')") == "refused"


@NETWORK
def test_network_the_verb_makes_the_page_of_a_run(tmp_path, monkeypatch, capsys, pictures):
    """Of colours and without classes; from a run folder, as training leaves it."""
    monkeypatch.chdir(tmp_path)
    train = ["train", "--mode", "dcgan", "--a", pictures[0], "--out", "run", "--images", "8", "--size", "16"]
    tiny = ["generator.filters=4", "discriminator.filters=4", "train.batch=4", "train.report=false"]
    words = [word for setting in tiny for word in ("--set", setting)]
    assert run_verb(monkeypatch, capsys, *train, *words)[0] == 0
    code, said, problem = run_verb(monkeypatch, capsys, "export", "run", "--to", "web")
    assert (code, "run-web" in said) == (0, True), problem
    text = (tmp_path / "run-web" / "index.html").read_text(encoding="utf-8")
    assert '"latent": 100' in text
    assert '<script src="samples.js">' in text


def test_a_direction_means_nothing_for_a_gan(model, tmp_path):
    with pytest.raises(UserError, match="--direction has no meaning"):
        build(model, tmp_path / "page", "b2a")
    assert not (tmp_path / "page").exists()
