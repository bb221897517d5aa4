"""`translate convert` as a person uses it, on real files: mirrored, nothing lost, only what is missing done again."""

import json

import numpy as np
import pytest
from data_files import photo, save, snapshot
from PIL import Image
from small import run_verb, tiny_model

import translate
from translate.image import picture

FORMATS = ("png", "jpg", "webp", "tif", "bmp", "avif", "gif", "ppm")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "m.safetensors", "a2b", "b2a")


@pytest.fixture
def tree(tmp_path):
    """IN: 40 pictures of some sizes, formats and kinds in folders."""
    root = tmp_path / "in"
    for number in range(40):
        array = photo(20 + 4 * (number % 3), 30, seed=number)
        image = Image.fromarray(array)
        if number % 8 == 6:
            image = image.convert("L")
        if number % 8 == 7:
            image.putalpha(Image.fromarray(array[..., 0]))
        suffix = "png" if number % 8 >= 6 else FORMATS[number % 8]
        path = root / f"{number % 4}" / f"{number:02d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return root


def convert(monkeypatch, capsys, *words, code: int = 0) -> str:
    """What `translate convert WORDS` prints."""
    got, out, err = run_verb(monkeypatch, capsys, "convert", *words)
    assert got == code, out + err
    return out + err


@pytest.fixture
def run(monkeypatch, capsys):
    return lambda *words, code=0: convert(monkeypatch, capsys, *words, code=code)


def test_a_folder_becomes_the_same_folder_translated(run, model, tree, tmp_path):
    before = snapshot(tree)
    said = run(model, tree, tmp_path / "out", "--compare")
    assert "40 images" in said
    assert "40 translated" in said
    t = translate.load(model)
    for source in (path for path in tree.rglob("*") if path.is_file()):
        target = tmp_path / "out" / source.relative_to(tree)
        ours, theirs = Image.open(target), Image.open(source)
        assert (ours.size, ours.format) == (theirs.size, theirs.format), source
        if source.suffix in (".png", ".tif", ".bmp"):
            assert ours.mode == theirs.mode
            # A batch of one is rounded differently from larger ones: see Pipeline.
            assert np.abs(np.asarray(ours).astype(int) - np.asarray(t(source))).max() <= 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["translated"], report["unchanged"], report["failed"]) == (40, 0, [])
    assert report["model"]["direction"] == "a2b"
    assert min(Image.open(tmp_path / "out" / "compare.png").size) > 200
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0",
        "1",
        "2",
        "3",
        "compare.png",
        "report.json",
    ]
    assert snapshot(tree) == before, "IN is as it was"


def test_a_second_run_does_only_what_is_missing_or_changed(run, model, tree, tmp_path):
    out = tmp_path / "out"
    run(model, tree, out)
    first = snapshot(out)
    assert "40 unchanged" in run(model, tree, out)
    assert {k: v for k, v in snapshot(out).items() if "report" not in k} == {
        k: v for k, v in first.items() if "report" not in k
    }
    (out / "1" / "01.jpg").unlink()
    save(tree / "2" / "02.webp", photo(seed=99))
    save(tree / "new.png", photo(seed=100))
    said = run(model, tree, out)
    assert "3 translated" in said
    assert "38 unchanged" in said
    assert len(json.loads((out / "report.json").read_text())["files"]) == 41
    assert "41 unchanged" in run(model, tree, out)
    assert "41 translated" in run(model, tree, out, "--direction", "b2a"), "another direction is another recipe"
    assert "41 translated" in run(model, tree, out, "--overwrite", "--direction", "b2a")


def test_files_that_no_conversion_made_are_not_replaced(run, model, tree, tmp_path):
    out = tmp_path / "out"
    (out / "1").mkdir(parents=True)
    (out / "1" / "01.jpg").write_text("a letter")
    said = run(model, tree, out, code=2)
    assert "01.jpg" in said
    assert "--overwrite" in said
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["01.jpg"]
    assert "40 translated" in run(model, tree, out, "--overwrite")
    painted = out / "0" / "00.png"
    save(painted, photo(seed=7))
    said = run(model, tree, out, code=2)
    assert "not left as they were made" in said
    assert np.array_equal(np.asarray(Image.open(painted)), photo(seed=7))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "report.json").write_text('{"mine": 1}')
    assert "is not a report of this toolkit" in run(model, tree, tmp_path / "other", code=2)


@pytest.mark.parametrize("backend_words", [["--batch", "1"], ["--batch", "4"], ["--batch", "8", "--workers", "1"]])
def test_the_bytes_do_not_depend_on_batch_and_workers(run, model, tree, tmp_path, backend_words):
    run(model, tree, tmp_path / "one")
    run(model, tree, tmp_path / "two", *backend_words)
    for path in (tmp_path / "one").rglob("*.*"):
        if path.name != "report.json":
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_a_rehearsal_writes_nothing(run, model, tree, tmp_path):
    said = run(model, tree, tmp_path / "out", "--dry-run")
    assert "40 images" in said
    assert "would become" in said
    assert not (tmp_path / "out").exists()


def test_sixteen_bits_alpha_and_grey_stay(run, model, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    deep = (photo(24, 36).astype(np.uint16) * 257) ^ 3
    for name, taken in {
        "deep.png": picture.Picture(deep),
        "deep.tif": picture.Picture(deep, deep[..., 0]),
        "grey.png": picture.Picture(deep[..., :1]),
    }.items():
        (folder / name).write_bytes(picture.encode(taken, folder.joinpath(name).suffix)[0])
    run(model, folder, tmp_path / "out")
    results = {path.name: picture.read(path) for path in (tmp_path / "out").iterdir() if path.suffix != ".json"}
    assert all(result.colours.dtype == np.uint16 for result in results.values())
    assert len(np.unique(results["deep.png"].colours)) > 300, "more than 8 bits' worth of levels"
    assert np.array_equal(results["deep.tif"].alpha, deep[..., 0])
    assert results["grey.png"].grey


def test_the_sheet_replaces_nobodys_picture(run, model, tmp_path):
    save(tmp_path / "in" / "a.png", photo())
    save(tmp_path / "out" / "compare.png", photo(seed=3))
    said = run(model, tmp_path / "in", tmp_path / "out", "--compare", code=2)
    assert "compare.png, which exists" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["compare.png"]
    assert "compare.png, which exists" in run(
        model, tmp_path / "in" / "a.png", tmp_path / "out" / "b.png", "--compare", code=2
    )
    run(model, tmp_path / "in", tmp_path / "out", "--compare", "--overwrite")
    assert "side by side" in run(model, tmp_path / "in", tmp_path / "out", "--compare"), "its own it may replace"


def test_alpha_rules(run, model, tmp_path):
    array = np.dstack([photo(), np.zeros((24, 36), np.uint8)])
    save(tmp_path / "in" / "clear.png", array)
    run(model, tmp_path / "in", tmp_path / "drop", "--alpha", "drop")
    run(model, tmp_path / "in", tmp_path / "blue", "--alpha", "background", "--background", "#0000ff")
    assert Image.open(tmp_path / "drop" / "clear.png").mode == "RGB"
    assert (np.asarray(Image.open(tmp_path / "blue" / "clear.png")) == (0, 0, 255)).all()


def test_size_format_and_grey_are_heeded(run, model, tmp_path):
    save(tmp_path / "in" / "a.png", photo(40, 60)[..., 0])
    run(model, tmp_path / "in", tmp_path / "out", "--size", "30", "--format", "webp", "--quality", "100")
    image = Image.open(tmp_path / "out" / "a.webp")
    assert image.size == (30, 20)
    run(model, tmp_path / "in", tmp_path / "wide", "--size", "16x48", "--grey", "colour")
    image = Image.open(tmp_path / "wide" / "a.png")
    assert (image.size, image.mode) == ((48, 16), "RGB")


def test_a_model_from_grey_to_colour_gives_colour(run, tmp_path):
    model = tiny_model(tmp_path / "m.safetensors", description={"grey": {"a": True, "b": False}})
    save(tmp_path / "in" / "a.png", photo()[..., 0])
    run(model, tmp_path / "in", tmp_path / "out")
    assert Image.open(tmp_path / "out" / "a.png").mode == "RGB"
    run(model, tmp_path / "in", tmp_path / "kept", "--grey", "keep")
    assert Image.open(tmp_path / "kept" / "a.png").mode == "L"


def test_stochastic_is_dropout_and_repeatable(run, tmp_path, model):
    with_dropout = tiny_model(tmp_path / "m.safetensors", dropout=True)
    for number in range(3):
        save(tmp_path / "in" / f"{number}.png", photo())
    for out, *words in (
        ["plain"],
        ["one", "--stochastic"],
        ["two", "--stochastic"],
        ["three", "--stochastic", "--seed", "1"],
    ):
        run(with_dropout, tmp_path / "in", tmp_path / out, *words)
    made = {
        out: [(tmp_path / out / f"{n}.png").read_bytes() for n in range(3)] for out in ("plain", "one", "two", "three")
    }
    assert made["plain"][0] == made["plain"][1]
    assert made["one"] == made["two"]
    assert len({*made["one"], *made["three"], made["plain"][0]}) == 7, "every file and seed has a draw of its own"
    assert "trained with dropout" in run(model, tmp_path / "in", tmp_path / "none", "--stochastic", code=2)


def test_tiles_are_a_setting(run, model, tmp_path):
    save(tmp_path / "in" / "a.png", photo(100, 130))
    run(model, tmp_path / "in", tmp_path / "whole")
    run(model, tmp_path / "in", tmp_path / "tiled", "--tile", "32")
    whole, tiled = (np.asarray(Image.open(tmp_path / out / "a.png")).astype(int) for out in ("whole", "tiled"))
    assert np.abs(whole - tiled).max() <= 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--alpha", "maybe"], "--alpha must be keep, drop or background"),
        (["--size", "big"], "--size must be"),
        (["--background", "nocolour"], "--background must be a colour"),
        (["--format", "psd"], "--format must be one of png"),
        (["--tile", "33"], "--tile must be an even number"),
        (["--direction", "c2d"], "translates a2b and b2a only"),
        (["--device", "tpu"], "--device must be auto"),
        (["--precision", "int3"], "--precision must be"),
    ],
)
def test_wrong_words_are_one_sentence(run, model, tree, tmp_path, words, says):
    said = run(model, tree, tmp_path / "out", *words, code=2)
    assert says in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_missing_out_and_model_are_one_sentence(run, model, tree, tmp_path):
    assert "OUT is missing" in run(model, tree, code=2)
    assert "there is no model 'nonesuch'" in run("nonesuch", tree, tmp_path / "out", code=2)
