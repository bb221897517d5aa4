"""`translate push`: three files in one commit to a local server that stands in for the hub; nothing that may not be
published; no token anywhere."""

import os
import re
from pathlib import Path

import pytest
import yaml
from export_models import write_gan
from hub_server import TOKEN
from PIL import Image
from small import run_verb, tiny_model

import translate
from translate.errors import DAMAGED, UNAVAILABLE, USAGE
from translate.push.card import command

FREE = {"licences": {"openmoji_line": "CC BY-SA 4.0, OpenMoji.", "openmoji_color": "CC BY-SA 4.0, OpenMoji."}}
VENDORS = {"licences": {"apple_emoji": "Artwork copyright Apple Inc.: for your own experiments only."}}
NAMES = ["README.md", "generator.safetensors", "sheet.png"]


@pytest.fixture
def run(hub, monkeypatch, capsys, tmp_path):
    """Runs the command line, logged in, in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    def start(*words) -> tuple[int, str, str]:
        code, said, problem = run_verb(monkeypatch, capsys, *words)
        assert TOKEN not in said + problem
        return code, said, problem

    yield start
    for path in [*tmp_path.rglob("*"), *_below(os.environ["HF_HOME"])]:
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def _below(folder: str):
    return Path(folder).rglob("*")


def head(hub, name: str) -> dict:
    return yaml.safe_load(hub.files(name)["README.md"].decode().split("---\n")[1])


def test_there_and_back(hub, run, tmp_path):
    own = tiny_model(tmp_path / "own.safetensors", description={"scores": ["L1 0.1 (n=3)"], "images": 640, **FREE})
    Image.new("RGB", (40, 30), "red").save(tmp_path / "own.png")
    code, said, problem = run("push", own, "ann/back")
    assert code == 0, problem
    assert "hf://ann/back" in said
    assert len(hub.repositories["ann/back"]["commits"]) == 1, "one commit"
    files = hub.files("ann/back")
    assert sorted(files) == NAMES
    assert files["generator.safetensors"] == own.read_bytes()
    assert files["sheet.png"] == (tmp_path / "own.png").read_bytes()
    about = head(hub, "ann/back")
    assert about["license"] == "cc-by-sa-4.0"
    assert about["library_name"] == "imgtranslate"
    assert about["pipeline_tag"] == "image-to-image"
    assert "cycle" in about["tags"]
    card = files["README.md"].decode()
    for words in (
        "sheet.png",
        "CC BY-SA 4.0, OpenMoji.",
        "L1 0.1",
        "640",
        'translate.load("hf://ann/back")',
        "16 × 16",
    ):
        assert words in card, words
    assert str(tmp_path) not in card
    assert translate.load("hf://ann/back").description["images"] == 640


def test_a_name_in_pretrained_has_its_whole_card(hub, run):
    code, _, problem = run("push", "openmoji_line2color", "ann/lines")
    assert code == 0, problem
    card = hub.files("ann/lines")["README.md"].decode()
    for words in (
        "Line drawings to colour",
        "npm openmoji 17.0.0",
        "--mode pix2pix",
        "0.1001",
        "The colours are guesses",
    ):
        assert words in card, words
    assert head(hub, "ann/lines")["license"] == "cc-by-sa-4.0"


def test_a_run_folder_and_its_newest_sheet(hub, run, tmp_path, pictures):
    small = ("generator.filters=4", "generator.blocks=1", "discriminator.filters=4", "discriminator.layers=1")
    words = ["train", "--mode", "pix2pix", "--a", pictures[0], "--b", pictures[1], "--size", "16", "--images", "8"]
    words += ["--batch", "4", "--device", "cpu", "--out", "run", *(w for s in small for w in ("--set", s))]
    assert run(*words)[0] == 0
    code, _, problem = run("push", "run", "ann/run")
    assert code == 0, problem
    assert sorted(hub.files("ann/run")) == NAMES
    assert hub.files("ann/run")["sheet.png"] == (tmp_path / "run" / "samples" / "000000008.png").read_bytes()
    card = hub.files("ann/run")["README.md"].decode()
    assert "lines" in card
    assert "translate train" in card
    assert str(pictures[0].parent) not in card, "no folder of this machine"
    assert head(hub, "ann/run")["license"] == "unknown"
    code, _, _ = run("push", "run", "ann/bare", "--no-sheet", "--licence", "cc0-1.0")
    assert (code, sorted(hub.files("ann/bare"))) == (0, NAMES[:2])
    assert head(hub, "ann/bare")["license"] == "cc0-1.0"
    own = tiny_model(tmp_path / "start.safetensors", description=VENDORS)
    config = (tmp_path / "run" / "config.toml").read_text()
    (tmp_path / "run" / "config.toml").write_text(f'init_from = "{own}"\n{config}')
    code, _, problem = run("push", "run", "ann/began")
    assert (code, "apple_emoji" in problem) == (USAGE, True), "nor what began from such a set"


def test_a_gan_has_another_head_and_no_sheet_is_said(hub, run, tmp_path):
    write_gan(tmp_path / "gan.safetensors")
    code, said, problem = run("push", "gan.safetensors", "ann/gan")
    assert code == 0, problem
    assert "no sheet" in said
    assert sorted(hub.files("ann/gan")) == NAMES[:2]
    assert head(hub, "ann/gan")["pipeline_tag"] == "unconditional-image-generation"
    assert "load_sampler" in hub.files("ann/gan")["README.md"].decode()
    assert translate.load_sampler("hf://ann/gan").latent == 8


@pytest.mark.parametrize(
    "description", [VENDORS, {"licences": {"mnist": "?"}}, {"licences": {"x": "own experiments only"}}]
)
def test_what_may_not_be_published_is_refused(hub, run, tmp_path, description):
    own = tiny_model(tmp_path / "own.safetensors", description=description)
    asked = len(hub.asked)
    code, _, problem = run("push", own, "ann/vendors")
    assert code == USAGE
    assert len(problem.strip().splitlines()) == 1
    assert "--private" in problem
    assert len(hub.asked) == asked, "the hub is not even asked"
    assert run("push", own, "ann/vendors-own", "--private")[0] == 0
    assert hub.repositories.pop("ann/vendors-own")["private"]
    assert run("push", own, "ann/vendors-right", "--permitted")[0] == 0
    assert not hub.repositories.pop("ann/vendors-right")["private"]


def test_private_is_not_pushed_to_a_public_one(hub, run, tmp_path):
    own = tiny_model(tmp_path / "own.safetensors", description=VENDORS)
    hub.put("ann/public", {"README.md": b"mine"})
    code, _, problem = run("push", own, "ann/public", "--private")
    assert (code, "is public" in problem) == (USAGE, True)
    assert hub.files("ann/public") == {"README.md": b"mine"}


@pytest.mark.parametrize("failing", ["anonymous", "error"])
def test_what_the_hub_does_not_take(hub, run, tmp_path, monkeypatch, failing):
    own = tiny_model(tmp_path / "own.safetensors")
    if failing == "anonymous":
        monkeypatch.delenv("HF_TOKEN")
    else:
        monkeypatch.setattr(hub, "failing", 418)
    code, _, problem = run("push", own, "ann/never")
    assert code == UNAVAILABLE
    assert len(problem.strip().splitlines()) == 1, problem
    assert ("HF_TOKEN" if failing == "anonymous" else "418") in problem
    assert "ann/never" not in hub.repositories


@pytest.mark.parametrize(
    ("change", "to", "code", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), "ann/x", DAMAGED, "damaged"),
        (lambda path: path.with_suffix(".png").write_bytes(b"<html>"), "ann/x", DAMAGED, "no sheet in PNG"),
        (lambda path: None, "no slash", USAGE, "user/name"),
        (lambda path: path.unlink(), "ann/x", USAGE, "there is no model"),
    ],
)
def test_nothing_is_sent_of_what_is_damaged(hub, run, tmp_path, change, to, code, words):
    own = tiny_model(tmp_path / "own.safetensors")
    change(own)
    asked = len(hub.asked)
    found, _, problem = run("push", own, to)
    assert (found, words in problem) == (code, True), problem
    assert len(hub.asked) == asked


def test_texts_of_a_file_are_not_taken_for_markup(hub, run, tmp_path):
    evil = {"scores": ["<script>alert(1)</script> ![x](http://x)\n# big"], "licences": {"[a](http://b)": "---\nMIT"}}
    assert run("push", tiny_model(tmp_path / "own.safetensors", description=evil), "ann/evil")[0] == 0
    card = hub.files("ann/evil")["README.md"].decode().split("---\n", 2)[2]
    assert not re.search(r"(?<!\\)<script|(?<!\\)\[[ax]\]|^# big|^---", card, re.MULTILINE)


def test_commands_lose_the_folders_of_the_machine():
    typed = r"translate train --a /home/ann/photos --b=/home/ann/paintings/ --set data.labels=own/x.csv --size 64"
    assert command(typed) == "translate train --a photos --b=paintings --set data.labels=x.csv --size 64"
