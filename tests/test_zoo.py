"""`translate zoo` lists what is in pretrained/, as it is."""

import json

import pytest
from small import run_verb

import translate
from translate.errors import USAGE
from translate.model import card as cards
from translate.system.files import sha256, shipped

NAMES = sorted(path.stem for path in shipped("pretrained").glob("*.safetensors"))


@pytest.fixture
def zoo(monkeypatch, capsys):
    return lambda *words: run_verb(monkeypatch, capsys, "zoo", *words)


def test_the_table_is_plain_where_it_is_piped(zoo):
    code, said, _ = zoo()
    assert code == 0
    assert "\x1b" not in said
    lines = [line.split()[0] for line in said.splitlines()[1:] if line]
    assert lines[: len(NAMES)] == NAMES, "one line each"


def test_json_is_true(zoo):
    rows = json.loads(zoo("--json")[1])
    assert [row["name"] for row in rows] == NAMES
    for row in rows:
        path = shipped("pretrained") / f"{row['name']}.safetensors"
        assert row["bytes"] == path.stat().st_size
        for key in ("from", "to", "licence", "title", "size", "score", "limits"):
            assert row[key], (row["name"], key)
        description = translate.load(row["name"]).description if row["from"] != "noise" else None
        if description:
            entry = next(iter(description["directions"].values()))
            assert [row["from"], row["to"], row["size"]] == [entry["from"], entry["to"], description["size"]]


@pytest.mark.parametrize("name", NAMES)
def test_a_card_shows_everything_that_one_must_know(zoo, name):
    code, said, _ = zoo(name)
    assert code == 0
    card = cards.beside(cards.zoo()[name])
    for text in (card.title, card.licence, card.limits, card.training["command"], str(card.scores["held_out_images"])):
        assert text in said
    for _, about in card.sets():
        assert about in said
    assert json.loads(zoo(name, "--json")[1])["title"] == card.title


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_of_the_file(name):
    from translate.settings import read_toml

    about = read_toml(shipped("pretrained") / f"{name}.toml")
    assert about["sha256"] == sha256(cards.zoo()[name])


def test_another_name_is_refused_with_the_nearest(zoo):
    code, _, problem = zoo("openmoji_line2colour")
    assert code == USAGE
    assert "did you mean openmoji_line2color?" in problem
