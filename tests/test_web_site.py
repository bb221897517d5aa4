"""The start page of `translate web`: what it offers, where its links lead, and the pages behind them, in a browser."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from small import run_verb
from web_page import basics

import translate
from translate.errors import USAGE, UserError
from translate.export.web.site import build_site
from translate.model import card as cards

NAMES = list(cards.zoo())
TRANSLATOR = next(name for name in NAMES if len(cards.beside(cards.zoo()[name]).domains) == 2)
NETWORK = pytest.mark.network  # needs npm: the runtime comes from there the first time


@NETWORK
def test_network_the_folder_offers_each_and_has_the_runtime_once(site):
    pages = {file.name: file.read_text(encoding="utf-8") for file in site.glob("*.html")}
    assert set(pages) == {"index.html", *(f"{name}.html" for name in NAMES)}
    for page, text in pages.items():
        for link in re.findall(r'(?:src|href)="([^"]*)"', text):
            assert (site / link).is_file(), (page, link)
    for name in NAMES:
        card = cards.beside(cards.zoo()[name])
        assert f'href="{name}.html"' in pages["index.html"]
        assert card.short_licence in pages["index.html"]
        assert card.licence in (site / "LICENCES.txt").read_text(encoding="utf-8")
        assert 'href="index.html"' in pages[f"{name}.html"]
    assert re.search(r"\d\s×\s\d", pages["index.html"])
    assert not re.search(r"\d x \d", pages["index.html"]), "the sign, not a letter"
    stamps = {
        kind: {file.name.split("-")[1] for file in (site / "data").glob(f"{kind}-*")} for kind in ("wasm", "model")
    }
    assert len(stamps["wasm"]) == 1
    assert len(stamps["model"]) == len(NAMES)


@NETWORK
def test_network_from_the_start_page_to_a_translation_and_back(site, browser, tmp_path):
    """On a phone, from the folder itself: as any static host shows it."""
    picture = tmp_path / "picture.png"
    array = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(array).resize((64, 48), Image.Resampling.BICUBIC).save(picture)
    browser.viewport(390, 844, phone=True)
    browser.open((site / "index.html").as_uri())
    browser.until("document.readyState === 'complete' && document.querySelector('.offer')")
    basics(browser, 360)
    assert browser.run("[...document.images].every((image) => image.complete && image.naturalWidth)")
    browser.run(f"document.querySelector('[href=\"{TRANSLATOR}.html\"]').click()")
    browser.until("typeof ready !== 'undefined' && ready && !busy")
    browser.run("$('size').value = 'picture'; $('alpha').checked = true; result = null")
    browser.give("#file", picture)
    browser.until("result && !busy")
    browser.run("$('save').click()")
    got = np.asarray(Image.open(io.BytesIO(browser.downloaded()))).astype(int)
    assert np.abs(got - np.asarray(translate.load(TRANSLATOR)(picture))).max() <= 1
    browser.run("document.querySelector('.home a').click()")
    browser.until("document.readyState === 'complete' && document.querySelector('.offer')")
    assert browser.complaints() == []
    assert all(address.startswith((site.as_uri(), "blob:")) for address in browser.addresses())


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--direction", "b2a"), "of one MODEL"), (("--port", "8000", "--out", "x"), "don't go together")],
)
def test_options_that_do_not_fit(monkeypatch, capsys, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    code, _, problem = run_verb(monkeypatch, capsys, "web", *words)
    assert (code, said in problem) == (USAGE, True), problem
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        build_site(tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"
