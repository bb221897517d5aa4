"""What comes from outside, with anything in any place: one sentence, a documented code, nothing waited for."""

import copy
import json
import os

import pytest
import torch
from export_models import write_gan
from PIL import Image
from small import run_verb, tiny_model

import translate
from translate.convert.journal import Record
from translate.convert.plan import plan
from translate.errors import DAMAGED, UserError
from translate.model import file as generator_file
from translate.settings import read_toml
from translate.system import hashed_tensors, untrusted
from translate.train.checkpoints import Checkpoints

PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes in folders")
DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 5000
ODD = [None, -1, 10**400, 1.5, "\x1b[31m", [], {}, [[]], {"a": {"a": 1}}]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(tensors, description) of a generator that translates and of one that makes images from noise."""
    folder = tmp_path_factory.mktemp("models")
    paths = tiny_model(folder / "m.safetensors"), write_gan(folder / "g.safetensors", classes=["x", "y"])
    return [hashed_tensors.read(path) for path in paths]


def places(value, path=()):
    """Where in a description something stands."""
    yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def replaced(value, path, new):
    value = copy.deepcopy(value)
    *start, last = path
    part = value
    for key in start:
        part = part[key]
    part[last] = new
    return value


@pytest.mark.parametrize("which", [0, 1], ids=["translation", "noise"])
def test_a_description_with_anything_anywhere_is_used_or_refused_in_one_sentence(files, which, tmp_path):
    weights, description = files[which]
    load = (translate.load, translate.load_sampler)[which]
    path, said = tmp_path / "m.safetensors", []
    for place in list(places(description))[1:]:
        for odd in ODD:
            path.write_bytes(hashed_tensors.dumps(weights, replaced(description, place, odd)))
            try:
                load(path)
            except UserError as error:
                said.append((str(error), error.code))
    assert all(sentence.isprintable() and code in (2, DAMAGED) for sentence, code in said)
    assert len(said) > 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"blocks": 10**9}, {"blocks": 2}, {"filters": 3000}, {"filters": 0}, {"filters": 2**63}, {"downs": -3},
        {"in_channels": 10**6}, {"norm": "batch"}, {"padding": "mirror"}, {"unknown": 1}, {"filters": "4"},
    ],
    ids=str,
)  # fmt: skip
def test_a_network_that_does_not_fit_its_weights_is_never_allocated(files, wrong, tmp_path):
    """10**9 blocks would not end, 3,000 filters would take gigabytes."""
    weights, description = copy.deepcopy(files[0])
    description["directions"]["a2b"]["arguments"].update(wrong)
    (tmp_path / "m.safetensors").write_bytes(hashed_tensors.dumps(weights, description))
    with pytest.raises(UserError, match=r"m\.safetensors") as caught:
        translate.load(tmp_path / "m.safetensors")
    assert caught.value.code == DAMAGED


def test_the_network_is_the_one_that_was_packed(files):
    weights, description = files[0]
    network = generator_file.build(description["directions"]["a2b"], hashed_tensors.nest(weights, "a2b/"), "m")
    assert all(torch.equal(tensor, weights[f"a2b/{name}"]) for name, tensor in network.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_escapes_in_a_file_never_reach_the_terminal(files, tmp_path, monkeypatch, capsys):
    weights, description = copy.deepcopy(files[0])
    description["directions"]["a2b"]["from"] = "\x1b]0;owned\x07a"
    path = tmp_path / "m.safetensors"
    path.write_bytes(hashed_tensors.dumps(weights, description))
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "a.png")
    code, out, said = run_verb(monkeypatch, capsys, "convert", path, tmp_path / "in", tmp_path / "out")
    assert code == 0
    assert "\x1b]0" not in out + said
    path.write_bytes(hashed_tensors.dumps(weights, {**description, "kind": "\x1b[31mred\n"}))
    code, _, said = run_verb(monkeypatch, capsys, "convert", path, tmp_path / "in", tmp_path / "out2")
    assert (code, said.count("\n"), "\x1b" in said) == (DAMAGED, 1, False)


@pytest.mark.parametrize("text", [DEEP, DIGITS, "NaN", "[1,", "\ud800", '{"a": Infinity}'], ids=lambda t: t[:9])
def test_json_is_an_object_or_a_value_error_of_one_line(text):
    with pytest.raises(ValueError) as caught:
        untrusted.parse_object(text.encode("utf-8", "surrogatepass"))
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xef\xbb\xbfmode = 'cycle'", None),
        ("mode = 'cycle'".encode("utf-16"), "it is in UTF-16; save it as UTF-8"),
        (b'a = "C:\\Users\\x"', "write / or \\\\"),
        (b"a = \xff", "byte 4 is not UTF-8"),
        (("a = " + "[" * 5000).encode(), "nested too deep"),
        (("a = " + DIGITS).encode(), "is not valid TOML"),
    ],
)
def test_a_toml_file_as_windows_writes_it_and_worse(tmp_path, content, says):
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    if says is None:
        assert read_toml(path) == {"mode": "cycle"}
        return
    with pytest.raises(UserError) as caught:
        read_toml(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


CONFIGS = [
    "mode = 5",
    "mode = ['cycle']",
    "train = 5",
    "data = 'x'",
    "a = 5",
    "generator = []",
    "[game]\nobjective = 7",
]


@pytest.mark.parametrize("text", CONFIGS)
def test_a_config_with_a_value_where_a_table_belongs(tmp_path, text, monkeypatch, capsys, pictures):
    lines = {"mode": "mode = 'cycle'", "a": f"a = '{pictures[0]}'", "b": f"b = '{pictures[1]}'"}
    kept = [line for name, line in lines.items() if not text.startswith(f"{name} ")]
    (tmp_path / "c.toml").write_text("\n".join([*kept, text]))
    code, _, said = run_verb(monkeypatch, capsys, "train", "--config", tmp_path / "c.toml", "--out", tmp_path / "run")
    assert (code, said.count("\n")) == (2, 1)
    assert not (tmp_path / "run").exists()


@PIPES
def test_pipes_are_refused_not_waited_for(tmp_path):
    for name in ("x", "x.onnx"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(UserError, match="not a regular file"):
            translate.load(tmp_path / name)
    with pytest.raises(UserError, match="not a regular file"):
        read_toml(tmp_path / "x")
    with pytest.raises(OSError, match=r"No such device|not a regular file"):
        untrusted.open_append(tmp_path / "x")


@PIPES
def test_a_conversion_waits_for_no_pipe_and_appends_through_no_link(tmp_path, monkeypatch, capsys):
    model = tiny_model(tmp_path / "m.safetensors")
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "a.png")
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    journal = ".translate-0.jsonl"
    a_link = (journal, lambda path: os.symlink(mine, path))
    for name, make in (("report.json", os.mkfifo), (journal, os.mkfifo), a_link):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        out.mkdir()
        make(out / name)
        code, _, said = run_verb(monkeypatch, capsys, "convert", model, tmp_path / "in", out)
        assert (code, said.count("\n"), name in said) == (2, 1, True), said
    assert mine.read_text() == "mine"


def test_reports_of_any_content_are_survived(tmp_path, monkeypatch, capsys):
    model = tiny_model(tmp_path / "m.safetensors")
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "a.png")
    good = tmp_path / "good"
    assert run_verb(monkeypatch, capsys, "convert", model, tmp_path / "in", good)[0] == 0
    report = json.loads((good / "report.json").read_text())
    [job] = plan((str(tmp_path / "in"),), good).jobs
    assert Record(good).done(job, report["files"][0]["recipe"])
    refused = 0
    for place in list(places(report["files"][0]))[1:]:
        for odd in ODD:
            changed = {**report, "files": [replaced(report["files"][0], place, odd)]}
            (good / "report.json").write_text(json.dumps(changed))
            record = Record(good)
            assert record.done(job, report["files"][0]["recipe"]) in (True, False)
            try:
                record.refuse_foreign([job])
            except UserError:
                refused += 1  # the picture there can't be known to be ours
    assert refused > 20


def test_samples_never_remove_what_a_record_from_elsewhere_names(tmp_path, monkeypatch, capsys):
    model, out, mine = write_gan(tmp_path / "g.safetensors"), tmp_path / "out", tmp_path / "mine.png"
    mine.write_bytes(b"mine")
    out.mkdir()
    for name in ("../mine.png", str(mine)):
        record = {"made by": "translate sample", "model": "another", "files": {name: "0" * 64}}
        (out / "samples.json").write_text(json.dumps(record))
        code, _, said = run_verb(monkeypatch, capsys, "sample", model, "--out", out, "-n", "1")
        assert (code, mine.read_bytes()) == (2, b"mine")
        assert "not a record of `translate sample`" in said


@pytest.mark.parametrize("change", [{"rounds": None}, {"images": -1}, {"best": 5}, {"kind": "x"}, {"scores": [1]}])
def test_a_checkpoint_that_says_nonsense_is_passed_over_by_name(tmp_path, change):
    good = {
        "kind": "checkpoint", "images": 2, "rounds": 1, "scored": 0, "scores": [], "best": None, "scaler": {},
        "settings": {}, "data": "x",
    }  # fmt: skip
    checkpoints, said = Checkpoints(tmp_path / "run" / "checkpoints"), []
    for images, values in ((2, good), (4, {**good, **change})):
        checkpoints.save(images, {"w": torch.zeros(1)}, values, None)
    assert checkpoints.newest(said.append)[2].name == "000000002.safetensors"
    assert "000000004.safetensors" in said[0]


def test_a_checkpoint_of_another_network_is_refused_by_name(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    values = {
        "kind": "checkpoint", "images": 2, "rounds": 1, "scored": 0, "scores": [], "best": None, "scaler": {},
        "settings": {}, "data": "x",
    }  # fmt: skip
    checkpoints.save(2, {"w": torch.zeros(1)}, values, None)
    said: list[str] = []
    with pytest.raises(UserError, match="no checkpoint of it can be used") as caught:
        checkpoints.newest(said.append, lambda tensors, _: f"its 'w' is {tuple(tensors['w'].shape)}")
    assert caught.value.code == DAMAGED
    assert "is not of this run: its 'w' is (1,)" in said[0]
