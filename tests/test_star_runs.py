"""A StarGAN among three domains, from training to export, as a user would run it."""

import numpy as np
import pytest
from data_files import photo, save
from PIL import Image
from safetensors import safe_open
from small import run_verb

import translate
from translate.data import DataSettings, open_data
from translate.errors import UserError
from translate.image import sheet_file
from translate.model import file as generator_file
from translate.modes.star import Star
from translate.report.facts import trained
from translate.report.gather import gather
from translate.train.options import Options
from translate.train.run import start
from translate.train.settings import departures

DOMAINS = ("red", "green", "blue")
SETS = [
    *("data.size=16", "generator.filters=4", "discriminator.network=patch", "discriminator.filters=4", "samples=2"),
]
OPTIONS = {"images": 4, "batch": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """Three folders of the same drawings in red, green and blue."""
    root = tmp_path_factory.mktemp("colours")
    for place, name in enumerate(DOMAINS):
        for number in range(8):
            image = photo(20, 20, seed=number).copy()
            image[..., [channel for channel in range(3) if channel != place]] //= 4
            save(root / name / f"{number}.png", image)
    return root


def words(root, out, images):
    """Of `translate train`, on the same settings."""
    domains = ",".join(str(root / name) for name in DOMAINS)
    sets = [part for text in SETS for part in ("--set", text)]
    options = [part for name, value in {**OPTIONS, "images": images}.items() for part in (f"--{name}", value)]
    return "train", "--mode", "star", "--domains", domains, "--preset", "cpu", *sets, *options, "--out", out


@pytest.fixture(scope="module")
def run(colours, tmp_path_factory):
    out = tmp_path_factory.mktemp("star") / "run"
    domains = ",".join(str(colours / name) for name in DOMAINS)
    start(Options("star", None, None, "cpu", None, SETS, None, OPTIONS, domains=domains).settings(), out)
    return out


def test_the_file_has_the_generator_once_and_a_direction_for_each_pair(run):
    with safe_open(run / "generator.safetensors", "pt") as file:
        assert {name.partition("/")[0] for name in file.keys()} == {"a2b"}  # noqa: SIM118
    description = generator_file.read(run)[1]
    assert set(description["directions"]) == set(Star.directions(3))
    assert {entry["to"] for entry in description["directions"].values()} == {"red", "green", "blue"}


def test_a_direction_may_be_named_by_its_domain(run):
    picture = Image.fromarray(photo(16, 16))
    made = {name: np.asarray(translate.load(run, direction=name)(picture)) for name in (*DOMAINS, "b2c")}
    assert np.array_equal(made["blue"], made["b2c"])
    assert not np.array_equal(made["blue"], made["green"])
    with pytest.raises(UserError, match=r"only, that is to green or blue or red, not yellow\."):
        translate.load(run, direction="yellow")


def test_sheets_have_every_domain(run):
    names = sorted(path.name for path in (run / "samples").iterdir() if "000000004" in path.name)
    assert names == ["000000004-b2a.png", "000000004-c2a.png", "000000004.png"]
    assert sheet_file.unpack(run / "samples" / names[-1]).headings == ["input", "to green", "to blue"]


def test_convert_and_export_take_a_domain(run, colours, tmp_path, monkeypatch, capsys):
    code, _, err = run_verb(
        monkeypatch, capsys, "convert", run, colours / "red", tmp_path / "out", "--direction", "blue", "--device", "cpu"
    )
    assert code == 0, err
    assert len(list((tmp_path / "out").glob("*.png"))) == 8
    onnx = tmp_path / "blue.onnx"
    words = "export", run, "--to", "onnx", "--direction", "blue", "--out", onnx
    code, _, err = run_verb(monkeypatch, capsys, *words)
    assert code == 0, err
    picture = Image.fromarray(photo(16, 16))
    ours, theirs = (np.asarray(translate.load(at, direction="blue")(picture)).astype(int) for at in (run, onnx))
    assert np.abs(ours - theirs).max() <= 1


def test_every_direction_is_evaluated_and_one_on_other_images(run, colours, tmp_path, monkeypatch, capsys):
    code, _, err = run_verb(monkeypatch, capsys, "evaluate", run, "--out", tmp_path / "all", "--device", "cpu")
    assert code == 0, err
    assert {path.stem for path in (tmp_path / "all").glob("*.csv")} == set(Star.directions(3))
    sides = ("--a", colours / "blue", "--b", colours / "red", "--all")
    code, _, err = run_verb(monkeypatch, capsys, "evaluate", run, *sides, "--device", "cpu")
    assert (code, "--a and --b also need --direction" in err) == (2, True)
    code, _, err = run_verb(
        monkeypatch, capsys, "evaluate", run, *sides, "--direction", "red", "--out", tmp_path / "one", "--device", "cpu"
    )
    assert code == 0, err


def test_a_run_goes_on_and_three_domains_are_its_data(run, colours, tmp_path, monkeypatch, capsys):
    code, out, err = run_verb(monkeypatch, capsys, *words(colours, tmp_path / "run", 4))
    assert code == 0, err
    assert f"c: {colours / 'blue'}, 7 images for training, 1 for testing" in out
    code, out, err = run_verb(monkeypatch, capsys, *words(colours, tmp_path / "run", 8))
    assert (code, "8 images seen" in out) == (0, True), err


def test_known_partners_are_of_all_domains(colours):
    names = [str(colours / name) for name in DOMAINS]
    settings_ = DataSettings(size=(16, 16), load=1.0, flip=0.0)
    data = open_data(*names[:2], settings_, more=names[2:], paired=False, seed=0, say=lambda text: None)
    assert [domain.name.rpartition("/")[2] for domain in data.domains] == ["red", "green", "blue"]
    x, y, z = next(iter(data.batches(0, 2, 2)))
    assert [part.mean((0, 2, 3)).argmax().item() for part in (x, y, z)] == [0, 1, 2]
    assert data.test_images("c").shape[1:] == (16, 16, 3)


def test_targets_of_a_file_are_checked(run, tmp_path):
    tensors, description, _ = generator_file.read(run)
    description["directions"]["a2b"]["target"] = 7
    with pytest.raises(UserError, match="its target is none of its domains"):
        generator_file.outline(description["directions"]["a2b"], len(tensors), "x")


def test_the_report_has_every_domain(run):
    found = trained(gather(run, departures))
    assert [text.partition(" ")[0].rpartition("/")[2] for word, text in found if word == "domain"] == list(DOMAINS)
