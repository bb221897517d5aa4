"""`translate sample`: pictures by their numbers, sheets, and a folder in which nothing else is ever replaced."""

import json
from io import BytesIO

import numpy as np
import pytest
import tomli_w
from export_models import write_gan, write_model
from PIL import Image
from small import run_verb

import translate
from translate.data import DataSettings, description, open_data
from translate.errors import UserError
from translate.metrics.nearest import nearest
from translate.sample import sheets
from translate.sample.folder import RECORD
from translate.sample.run import Options, sample

NAMES = ["T-shirt/top", "bag", "boot"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write_gan(tmp_path_factory.mktemp("models") / "shapes.safetensors")


@pytest.fixture(scope="module")
def classed(tmp_path_factory):
    return write_gan(tmp_path_factory.mktemp("models") / "clothes.safetensors", classes=NAMES, channels=1)


def contents(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def draw(model, out, **options):
    return sample(Options(str(model), out, device="cpu", **options), say=lambda line: None)


def test_every_seed_is_a_picture_of_its_own_name(plain, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, said, _ = run_verb(monkeypatch, capsys, "sample", plain, "-n", "5", "--seed", "17")
    assert code == 0
    assert said == "wrote shapes-samples: 5 pictures (seeds 17 to 21), sheet.png\n"
    made = contents(tmp_path / "shapes-samples")
    assert sorted(made) == [*(f"{seed:06d}.png" for seed in range(17, 22)), RECORD, "sheet.png"]
    sampler = translate.load_sampler(plain)
    wanted = sampler(sampler.latents([19]))[0]
    assert np.array_equal(np.asarray(Image.open("shapes-samples/000019.png")), wanted)


def test_the_same_command_gives_the_same_bytes(plain, classed, tmp_path):
    for model, chosen in ((plain, None), (classed, "bag")):
        options = {"count": 12, "interpolate": True, "expr": "mean(1,2) - 3 + 0.5*4", "chosen": chosen}
        first, again = (tmp_path / f"{model.stem}-{name}" for name in ("first", "again"))
        before = contents(draw(model, first, **options))
        assert contents(draw(model, again, **options)) == before
        assert contents(draw(model, first, **options)) == before
        assert {"sheet.png", "interpolation.png", "expression.png"} < before.keys()


def test_each_class_has_a_folder(classed, tmp_path):
    made = contents(draw(classed, tmp_path / "out", count=3, interpolate=True))
    folders = {"T-shirt_top", "bag", "boot"}  # a slash would be a folder inside of another
    assert {name.split("/")[0] for name in made if "/" in name} == folders
    assert sum(name.startswith("bag/") for name in made) == 3
    assert made["bag/000001.png"] != made["boot/000001.png"]
    both = contents(draw(classed, tmp_path / "one", chosen="bag", count=3))
    assert both["bag/000001.png"] == made["bag/000001.png"]
    assert not any(name.startswith("boot/") for name in both)


def test_classes_with_one_folder_name_get_two(tmp_path):
    model = write_gan(tmp_path / "g.safetensors", classes=["a/b", "A:b"])
    made = contents(draw(model, tmp_path / "out", count=1))
    assert {"0-a_b/000000.png", "1-A_b/000000.png"} < made.keys()


@pytest.mark.slow
def test_sheets_show_what_was_drawn(plain, classed):
    """Every picture is found on its sheet, in reading order, or in its class's row."""
    sampler = translate.load_sampler(plain)
    pictures = sampler(sampler.latents(range(6)))
    page = np.asarray(Image.open(BytesIO(sheets.grid(pictures, range(6), "shapes"))))
    places = [find(page, picture) for picture in pictures]
    assert places == sorted(places)
    assert len({row for row, _ in places}) == 2
    sampler = translate.load_sampler(classed)
    shown = {name: sampler(sampler.latents(range(2)), [i, i]) for i, name in enumerate(NAMES)}
    page = np.asarray(Image.open(BytesIO(sheets.by_class(shown, range(2), "clothes"))))
    rows = [{find(page, picture)[0] for picture in shown[name]} for name in NAMES]
    assert [len(row) for row in rows] == [1, 1, 1]
    assert min(rows[0]) < min(rows[1]) < min(rows[2])


def find(page: np.ndarray, picture: np.ndarray) -> tuple[int, int]:
    """Where on a sheet the picture is, enlarged 8 times."""
    large = np.broadcast_to(picture.repeat(8, 0).repeat(8, 1), (128, 128, 3))
    for y in range(page.shape[0] - 127):
        for x in range(page.shape[1] - 127):
            if np.array_equal(page[y, x], large[0, 0]) and np.array_equal(page[y : y + 128, x : x + 128], large):
                return y, x
    raise AssertionError("the picture is not on the sheet")


def test_files_of_others_are_never_replaced(plain, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "000001.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"out holds 000001.png, which was not made"):
        draw(plain, out, count=2)
    assert contents(out) == {"000001.png": b"mine"}
    (out / "000001.png").unlink()
    draw(plain, out, count=2)
    (out / "000001.png").write_bytes(b"retouched")
    before = contents(out)
    with pytest.raises(UserError, match=r"000001.png, .* or not left as it was made"):
        draw(plain, out, count=2)
    assert contents(out) == before
    for record in (b"{}", b"\xff", b'{"files": 1, "model": 2}'):
        (out / RECORD).write_bytes(record)
        with pytest.raises(UserError, match=r"samples.json is not a record of `translate sample`"):
            draw(plain, out, count=2)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="is a file; name a folder"):
        draw(plain, tmp_path / "file")


def test_another_generator_takes_the_folder_over_whole(plain, tmp_path):
    """After more training no picture of the former generator stays, and a kill in between is no obstacle."""
    out = draw(plain, tmp_path / "out", count=4, interpolate=True)
    (out / ".000000.png.x.part").write_bytes(b"killed")
    (out / "000003.png").unlink()
    other = write_gan(tmp_path / "other.safetensors", seed=1)
    made = contents(draw(other, out, count=2))
    assert sorted(made) == ["000000.png", "000001.png", RECORD, "sheet.png"]
    assert made == contents(draw(other, tmp_path / "new", count=2))
    draw(other, out, count=2, expr="1")
    assert sorted(contents(out)) == ["000000.png", "000001.png", "expression.png", RECORD, "sheet.png"]


def test_what_is_wrong_is_said_before_anything_is_written(plain, classed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    translator = write_model(tmp_path / "t.safetensors", network="light")
    wrong = [
        ([plain, "--class", "bag"], "shapes.safetensors was trained without classes"),
        ([classed, "--class", "hat"], "--class hat: there is no such class; there are T-shirt/top, bag, boot"),
        ([classed, "--expr", "1"], "--expr needs --class NAME here: one of T-shirt/top, bag, boot"),
        ([plain, "--expr", "1 * 2"], "'1 * 2' multiplies two latents"),
        ([plain, "--interpolate", "-n", "1"], "it needs -n 2 or more"),
        ([plain, "--seed", str(2**62)], "seeds go up to"),
        ([plain, "--neighbours"], "needs the run folder, whose config.toml and data.json"),
        ([plain, "--device", "tpu"], "--device must be auto, cpu, cuda or mps"),
        ([translator], "t.safetensors translates images"),
        (["nonesuch"], "there is no model 'nonesuch'"),
    ]
    for words, sentence in wrong:
        code, _, said = run_verb(monkeypatch, capsys, "sample", *words, "--out", "out")
        assert (code, said.count("\n")) == (2, 1)
        assert sentence in said
    assert not (tmp_path / "out").exists()


@pytest.fixture
def run(tmp_path, pictures):
    """A run folder whose generator was trained on the drawn pictures, as far as its files say."""
    settings = DataSettings(size=(16, 16), flip=0, load=1)
    data = open_data(str(pictures[1]), None, settings, paired=False, seed=0, say=lambda line: None)
    write_gan(tmp_path / "run" / "best.safetensors")
    (tmp_path / "run" / "config.toml").write_text(
        tomli_w.dumps({"a": str(pictures[1]), "seed": 0, "data": settings.plain()})
    )
    (tmp_path / "run" / "data.json").write_text(json.dumps(description.record(data)))
    return tmp_path / "run", data


def test_neighbours_are_shown_and_judged(run, tmp_path, monkeypatch):
    folder, data = run
    said = []
    sample(Options(str(folder), tmp_path / "out", count=4, neighbours=True, device="cpu"), say=said.append)
    assert any(line.startswith("no sign of repeating training images: the median distance") for line in said)
    assert (tmp_path / "out" / "neighbours.png").stat().st_size > 1000
    copies = data.train_images("a")[:4]
    monkeypatch.setattr("translate.model.sampler.Sampler.__call__", lambda self, z, classes=None: copies[: len(z)])
    sample(Options(str(folder), tmp_path / "copied", count=4, neighbours=True, device="cpu"), say=said.append)
    assert any(line.startswith("it repeats training images: the median distance") for line in said)


def test_neighbours_of_other_data_are_refused(run, tmp_path):
    folder, _ = run
    record = json.loads((folder / "data.json").read_text())
    (folder / "data.json").write_text(json.dumps({**record, "fingerprint": "0" * 64}))
    with pytest.raises(UserError, match=r"no longer holds the images that .*run was trained on"):
        draw(folder, tmp_path / "out", neighbours=True)
    (folder / "config.toml").write_text(tomli_w.dumps({"a": str(tmp_path / "gone"), "seed": 0, "data": {}}))
    with pytest.raises(UserError, match=r"--neighbours needs the training images of .*run: .*gone"):
        draw(folder, tmp_path / "out", neighbours=True)
    (folder / "data.json").write_text("{")
    with pytest.raises(UserError, match=r"config.toml or data.json is damaged"):
        draw(folder, tmp_path / "out", neighbours=True)
    assert not (tmp_path / "out").exists()


def test_the_nearest_are_the_nearest():
    random = np.random.default_rng(0)
    train = random.integers(0, 256, (40, 4, 5, 3), dtype=np.uint8)
    queries = np.stack([train[7], train[3][:, ::-1], random.integers(0, 256, (4, 5, 3), dtype=np.uint8)])
    exact = np.sqrt(((queries[:, None].astype(float) - train) ** 2).mean((2, 3, 4)))
    places, distances = nearest(queries, train)
    assert np.array_equal(places, np.argsort(exact, 1)[:, :3])
    assert np.allclose(distances, np.sort(exact, 1)[:, :3])
    assert distances[0, 0] == 0
    assert distances[1, 0] > 0
    assert nearest(queries, train, mirrored=True)[0][1, 0] == 3
    assert nearest(queries, train, mirrored=True)[1][1, 0] == 0
    assert nearest(queries, train[:2])[0].shape == (3, 2)
