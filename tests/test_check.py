"""`translate data check`: planted faults are found and no others, and its verdict is what training would do."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from data_files import bad_files, photo, save, snapshot
from data_folders import folder, numbered
from PIL import Image
from small import run_verb

from translate.catalog.recipe import hash_picks
from translate.check import likeness
from translate.data import DataSettings, open_data
from translate.errors import UserError
from translate.image import rgb8


@pytest.fixture
def check(monkeypatch, capsys, tmp_path):
    """(exit code, the result) of `translate data check WORDS --json`."""
    monkeypatch.chdir(tmp_path)

    def run(*words) -> tuple[int, dict]:
        code, said, _ = run_verb(monkeypatch, capsys, "data", "check", *words, "--json")
        return code, json.loads(said)

    return run


@pytest.fixture
def domains(tmp_path):
    """Two folders with 40 and 30 pictures that are all different, 48 x 48."""
    a = folder(tmp_path / "a", numbered(40), size=(48, 48))
    return a, folder(tmp_path / "b", numbered(30), seed=100, size=(48, 48))


def split(path) -> dict[str, list[str]]:
    """The keys of the training and of the test images, as training has them."""
    data = open_data(str(path), None, DataSettings(size=16), paired=False, seed=0, say=lambda line: None)
    return {"train": [item.key for item in data.train_a], "test": [item.key for item in data.test_a]}


def test_pictures_without_copies_have_none(domains, check):
    code, result = check(*domains)
    assert (code, result["trainable"], result["copies"], result["problems"]) == (0, True, [], {})
    assert [(one["train"], one["test"]) for one in result["domains"]] == [
        tuple(len(part) for part in split(path).values()) for path in domains
    ]


def test_planted_copies_are_found_within_across_and_over_the_split(domains, check):
    a, b = domains
    own = split(a)
    held_out, trained = own["test"][0], own["train"][:3]
    same, jpeg, small, *_ = (name for name in map("copy-{}".format, range(9)) if not hash_picks(name, 10))
    shutil.copy(a / f"{trained[0]}.png", a / f"{same}.png")
    Image.open(a / f"{held_out}.png").save(a / f"{jpeg}.jpg", quality=85)
    Image.open(a / f"{trained[1]}.png").resize((24, 24), Image.Resampling.LANCZOS).save(a / f"{small}.png")
    shutil.copy(a / f"{trained[2]}.png", b / "elsewhere.png")
    code, result = check(a, b)
    assert code == 0
    found = {frozenset(Path(name).stem for name in group["images"]): group for group in result["copies"]}
    pairs = [{trained[0], same}, {held_out, jpeg}, {trained[1], small}, {trained[2], "elsewhere"}]
    assert found.keys() == set(map(frozenset, pairs))
    kinds = [found[frozenset(pair)]["kind"] for pair in pairs]
    assert kinds == ["the same file", "nearly the same picture", "nearly the same picture", "the same file"]
    assert [Path(name).stem for name in result["copies"][0]["leaks"]] == [held_out]  # those come first
    assert result["numbers"] == {
        "within_a": 3, "within_b": 0, "leaks_a": 1, "leaks_b": 0, "across": 1, "equal_pairs": 0
    }  # fmt: skip
    assert any("copies of 1 of the" in text and "test images of a are among" in text for text in result["warnings"])


def test_without_decoding_the_same_files_are_found_and_nothing_is_decoded(domains, check):
    a, _ = domains
    torn = (a / "000.png").read_bytes()
    (a / "000.png").write_bytes(torn[:-40])  # its header is whole
    for name in ("x", "y"):
        shutil.copy(a / "001.png", a / f"{name}.png")
    code, result = check(a, "--quick")
    assert (code, result["complete"], result["problems"]) == (0, False, {})
    assert [len(group["images"]) for group in result["copies"]] == [3]
    _, result = check(a)
    assert ["a/000.png" in text for text in result["problems"].pop("unreadable")] == [True]
    assert not result["problems"]


def test_what_training_leaves_out_is_listed_in_the_same_words(tmp_path, check):
    folder(tmp_path / "a", numbered(30))
    expected = bad_files(tmp_path / "a" / "bad")
    before = snapshot(tmp_path / "a")
    data = open_data(str(tmp_path / "a"), None, DataSettings(size=64), paired=False, seed=0, say=lambda line: None)
    code, result = check(tmp_path / "a")
    assert code == 0
    assert sorted(text for texts in result["problems"].values() for text in texts) == sorted(map(str, data.problems))
    assert len(data.problems) >= len(expected) - 2
    assert snapshot(tmp_path / "a") == before


@pytest.mark.parametrize("what", ["one image", "no partners", "no images", "unreadable"])
def test_what_cannot_be_trained_on_has_an_exit_code_of_its_own(what, tmp_path, monkeypatch, capsys):
    a, b, words = tmp_path / "a", tmp_path / "b", []
    folder(a, numbered(1 if what == "one image" else 5))
    folder(b, ["other.png", "another.png"])
    if what == "no partners":
        words = [b, "--paired"]
    elif what == "no images":
        shutil.rmtree(a)
        a.mkdir()
    elif what == "unreadable":
        for file in a.iterdir():
            file.write_bytes(b"x")
    with pytest.raises(UserError) as refused:
        open_data(str(a), str(b) if words else None, DataSettings(size=16), paired=bool(words), seed=0, say=str)
    code, said, problem = run_verb(monkeypatch, capsys, "data", "check", a, *words)
    assert code == 65
    sentence = str(refused.value).partition(";")[0]
    assert f"Not trainable: {sentence}" in said
    assert f"error: {sentence}" in problem
    assert "translate train" not in said


def test_a_name_that_is_no_data_is_a_mistake_of_usage(monkeypatch, capsys, tmp_path):
    code, said, problem = run_verb(monkeypatch, capsys, "data", "check", tmp_path / "nowhere")
    assert (code, said) == (2, "")
    assert "does not exist" in problem


def advised(result: dict) -> dict[str, str]:
    return {one["name"]: one["value"] for one in result["advice"]["settings"]}


def test_advice_follows_the_images(tmp_path, check):
    wide = folder(tmp_path / "wide", numbered(12), size=(64, 128))
    mixed = folder(tmp_path / "mixed", numbered(12), size=(64, 64))
    folder(mixed, ["x.png", "y.png", "z.png"], seed=50, size=(64, 100))
    assert advised(check(wide)[1])["data.size"] == "16x48"  # of the area that the preset of a CPU trains at
    assert advised(check(mixed)[1])["data.fit"] == "cover"
    assert advised(check(mixed, "--set", "fit=stretch")[1]).keys() == {"data.size", "data.labels"} - {"data.labels"}
    light = np.full((32, 32, 4), 255, np.uint8)
    light[:8, :, 3] = 0
    for number in range(12):
        light[10:20, 10 + number, :3] = 0
        save(tmp_path / "light" / f"{number}.png", light)
        save(tmp_path / "deep" / f"{number}.png", photo(40, 40, number)[..., 0].astype(np.uint16) * 15)
    assert advised(check(tmp_path / "light")[1])["data.background"] == "black"
    deep = advised(check(tmp_path / "deep")[1])
    assert deep["data.range_a"] == "0:4095"
    assert "data.channels_a" not in deep, "measured values have as many as their files"


def test_classes_are_counted_and_sub_folders_are_advised(tmp_path, check):
    for number, (name, count) in enumerate({"cats": 30, "dogs": 8}.items()):
        folder(tmp_path / "pets" / name, numbered(count), seed=100 * number)
    result = check(tmp_path / "pets")[1]
    assert result["domains"][0]["classes"] == {}
    assert advised(result)["data.labels"] == "auto"
    result = check(tmp_path / "pets", "--set", "data.labels=auto")[1]
    classes = result["domains"][0]["classes"]
    assert {name: sum(parts.values()) for name, parts in classes.items()} == {"cats": 30, "dogs": 8}
    assert "data.labels" not in advised(result)
    assert "--set data.labels=auto" in result["advice"]["command"]


def test_the_advised_command_is_understood_by_training(domains, check, monkeypatch, capsys):
    import shlex

    started = []
    monkeypatch.setattr("translate.train.run.start", lambda settings, *rest, **more: started.append(settings))
    command = check(*domains, "--set", "flip=0")[1]["advice"]["command"]
    assert run_verb(monkeypatch, capsys, *shlex.split(command)[1:])[0] == 0
    assert (started[0].data.flip, started[0].data.size) == (0, (32, 32))


def test_odd_shapes_and_sizes_are_named(domains, check):
    a, b = domains
    save(a / "long.png", photo(12, 60, 7))
    save(a / "tiny.png", photo(8, 8, 8))
    odd = check(a, b)[1]["domains"][0]["odd"]
    assert [text.partition(" is ")[0].rpartition("/")[2] for text in odd] == ["long.png", "tiny.png"]


def test_equal_pairs_and_side_by_side_files(tmp_path, check):
    left, right = photo(20, 20, 1), photo(20, 20, 2)
    for number in range(12):
        other = left if number == 3 else right
        save(tmp_path / "pairs" / f"{number}.png", np.concatenate([left, other], axis=1) // 12 * number)
    code, result = check(tmp_path / "pairs", "--paired")
    assert (code, len(result["domains"])) == (0, 2)
    assert result["numbers"]["equal_pairs"] == 1  # number 0 is black, which is a problem of another kind
    assert all(one["sizes"]["median"] == [20, 20] for one in result["domains"])


def test_the_page_has_everything_inside_and_escapes_names(domains, monkeypatch, capsys, tmp_path):
    a, b = domains
    shutil.copy(a / "000.png", a / "<img src=x onerror=alert(1)>.png")
    words = ["data", "check", a, b, "--html", tmp_path / "page.html", "--sheet", tmp_path / "sheet.png"]
    assert run_verb(monkeypatch, capsys, *words)[0] == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror" in text
    assert "http" not in text
    assert text.count("data:image/webp;base64,") >= 60
    assert rgb8.read(tmp_path / "sheet.png").shape[1] > 400


def test_excluding_pairs_by_their_blocks_loses_none():
    random = np.random.default_rng(0)
    base = random.integers(0, 256, (30, 12, 12, 3))
    noisy = base[:20] + random.integers(-9, 10, (20, 12, 12, 3)) * random.integers(0, 3, (20, 1, 1, 1))
    pictures = np.clip(np.concatenate([base, noisy]), 0, 255).astype(np.uint8)
    differences = pictures[:, None].astype(int) - pictures[None]
    near = (differences**2).mean(axis=(2, 3, 4)) <= likeness.NEAR**2
    near &= np.abs(differences).max(axis=(2, 3, 4)) <= likeness.LOCAL
    expected = [[i, i + 30] for i in range(20) if near[i, i + 30]]
    assert 5 < len(expected) < 20
    assert likeness.groups(pictures, np.ones(50)) == expected
    stretched = np.where(np.arange(50) < 30, 1.0, 1.2)
    assert likeness.groups(pictures, stretched) == []
