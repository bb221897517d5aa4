"""A path as typed is no identity: the same images are the same data, however their folder is written."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image
from small import draw_folders, run_verb, tiny_model

from translate import catalog
from translate.errors import UserError
from translate.export.graph import Source
from translate.export.probes import choose
from translate.settings import read_toml
from translate.system import files

SMALL = [
    "--mode", "pix2pix", "--preset", "paper", "--size", "16", "--images", "4", "--device", "cpu",
    "--set", "generator.filters=4", "--set", "discriminator.filters=4", "--set", "score_images=2",
]  # fmt: skip


@pytest.fixture
def begun(tmp_path, monkeypatch, capsys):
    """A run that was begun from its own folder with --a A --b B; the base folder."""
    a, b = draw_folders(tmp_path / "drawn", 12)
    shutil.move(a, tmp_path / "A")
    shutil.move(b, tmp_path / "B")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    code, _, said = run_verb(monkeypatch, capsys, "train", "--a", "A", "--b", "B", *SMALL, "--out", "run")
    assert code == 0, said
    return tmp_path


def test_the_same_folder_otherwise_written_continues(begun, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(begun))
    for a, out, where in (
        ("A/", "run", "."), (str(begun / "A"), "run", "."), ("./B/../A", "run", "."),
        ("../A", "../run", "elsewhere"), ("~/A", "../run", "elsewhere"),
    ):  # fmt: skip
        monkeypatch.chdir(begun / where)
        b = a.replace("A", "B") if "B" not in a else "B"
        code, out, said = run_verb(monkeypatch, capsys, "train", "--a", a, "--b", b, *SMALL, "--out", out)
        assert (code, "is finished" in out, "in another place" in out) == (0, True, False), (a, said, out)
    monkeypatch.chdir(begun / "elsewhere")
    config = begun / "run" / "config.toml"
    code, out, said = run_verb(monkeypatch, capsys, "train", "--config", config, "--out", "~/run")
    assert (code, "is finished" in out) == (0, True), said


def test_moved_data_continues_with_a_note_and_other_data_does_not(begun, monkeypatch, capsys):
    shutil.move(begun / "A", begun / "moved")
    words = ["train", "--a", "moved", "--b", "B", *SMALL, "--out", "run"]
    code, out, _ = run_verb(monkeypatch, capsys, *words)
    assert code == 0
    assert f"The same files are in another place: a: {begun / 'A'} → {begun / 'moved'}." in out
    assert read_toml(begun / "run" / "config.toml")["a"] == str(begun / "moved")
    code, out, _ = run_verb(monkeypatch, capsys, *words)
    assert (code, "in another place" in out) == (0, False)
    code, _, said = run_verb(monkeypatch, capsys, "train", "--a", "B", "--b", "moved", *SMALL, "--out", "run")
    assert (code, "was begun with other settings or data" in said) == (2, True)


def test_an_export_from_elsewhere_compares_on_the_runs_own_pictures(begun, monkeypatch):
    monkeypatch.chdir(begun / "elsewhere")
    source = Source.load(begun / "run", "a2b")
    assert choose(source, str(begun / "run"))[1] == "held-out pictures of A"
    shutil.move(begun / "A", begun / "gone")
    assert choose(source, str(begun / "run"))[1] == "drawn pictures (the run's own are not where they were)"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="every name is Unicode there")
def test_a_folder_whose_name_is_not_utf8_can_be_trained_on(begun, monkeypatch, capsys):
    odd = begun / os.fsdecode(b"b\xffd")
    shutil.move(begun / "A", odd)
    code, out, said = run_verb(monkeypatch, capsys, "train", "--a", odd, "--b", "B", *SMALL, "--out", "run2")
    assert code == 0, said
    address = read_toml(begun / "run2" / "config.toml")["a"]
    assert address.endswith("/b%FFd")
    assert catalog.resolve(address) == odd
    code, out, said = run_verb(
        monkeypatch, capsys, "train", "--config", begun / "run2" / "config.toml", "--out", "run2"
    )
    assert (code, "is finished" in out) == (0, True), said


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "x/" * 3000])
def test_impossible_names_are_one_sentence(name):
    with pytest.raises(UserError) as caught:
        catalog.resolve(name)
    assert str(caught.value).isprintable()


def test_a_run_folder_whose_name_is_too_long_is_one_sentence(begun, monkeypatch, capsys):
    code, _, said = run_verb(monkeypatch, capsys, "train", "--a", "A", "--b", "B", *SMALL, "--out", "x" * 300)
    assert (code, said.count("\n"), "Traceback" in said) == (74, 1, False)


@pytest.mark.parametrize("length", [200, 240, 241, 250, 255])
@pytest.mark.parametrize("letter", ["x", "線"])
def test_names_of_up_to_255_bytes(tmp_path, letter, length, monkeypatch, capsys):
    name = letter * ((length - 4) // len(letter.encode())) + ".png"
    (tmp_path / "in").mkdir()
    try:
        Image.new("RGB", (8, 8)).save(tmp_path / "in" / name)
    except OSError:
        pytest.skip("the file system counts letters in another way")
    model, out = tiny_model(tmp_path / "m.safetensors"), tmp_path / "out"
    code, _, said = run_verb(monkeypatch, capsys, "convert", model, tmp_path / "in", out)
    assert (code, (out / name).is_file()) == (0, True), said
    temporary, descriptor = files.beside(out / name)  # as a kill would leave it
    os.close(descriptor)
    assert run_verb(monkeypatch, capsys, "convert", model, tmp_path / "in", out)[0] == 0
    assert not temporary.exists()


def test_brackets_in_a_folders_name_are_no_pattern(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "pics [2024]" / "b[1]"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    model = tiny_model(tmp_path / "m.safetensors")
    for number, pattern in enumerate(
        ("pics [2024]/b[1]/*.png", "pics [2024]/*/a.png", "pics [[]2024]/b[[]1]/[a-z].png")
    ):
        out = tmp_path / f"out{number}"
        assert run_verb(monkeypatch, capsys, "convert", model, tmp_path / pattern, out)[0] == 0
        assert len(list(out.rglob("*.png"))) == 1


def test_tilde_is_the_users_folder_where_a_shell_leaves_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    draw_folders(tmp_path / "drawn", 2)
    code, _, said = run_verb(monkeypatch, capsys, "data", "show", "~/drawn", "--out=~/x.png")
    assert (code, (tmp_path / "x.png").is_file(), Path("~").exists()) == (0, True, False), said
