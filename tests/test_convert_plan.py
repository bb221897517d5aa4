"""What becomes what, and what is refused before anything is read or written."""

import os
from pathlib import Path

import pytest
from data_files import photo, save, snapshot

from translate.convert.plan import plan
from translate.errors import UserError


@pytest.fixture
def tree(tmp_path) -> Path:
    """IN with names of every awkward sort, and things that aren't images."""
    root = tmp_path / "in"
    for name in ("a.png", "b.JPG", "deep/er/a.png", "with space é.webp", "-dash.png", "x.y.z.tif"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for name in ("notes.txt", ".hidden.png", "__MACOSX/a.png", ".git/b.png", "film.mp4"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names(tree, *sources, suffix="", out="out") -> dict[str, str]:
    out = tree.parent / out
    made = plan(tuple(str(source) for source in sources or (tree,)), out, suffix)
    return {job.name: job.target.relative_to(out).as_posix() for job in made.jobs}


def test_a_folder_is_mirrored(tree):
    mirrored = ["a.png", "b.JPG", "deep/er/a.png", "with space é.webp", "-dash.png", "x.y.z.tif", "film.mp4"]
    assert names(tree) == {name: name for name in sorted(mirrored)}


def test_format_changes_the_container_only(tree):
    got = names(tree, suffix=".png", out="p")
    assert got["b.JPG"] == "b.png"
    assert got["x.y.z.tif"] == "x.y.z.png"
    assert got["film.mp4"] == "film.mp4"


def test_patterns_and_several_sources(tree):
    assert names(tree, tree / "*.png") == {"-dash.png": "-dash.png", "a.png": "a.png"}
    assert names(tree, tree / "**" / "a.png") == {"a.png": "a.png", "deep/er/a.png": "deep/er/a.png"}
    assert set(names(tree, tree / "a.png", tree / "deep")) == {"a.png", "er/a.png"}


def test_one_file_becomes_one_file(tree):
    made = plan((str(tree / "a.png"),), tree.parent / "b.jpg")
    assert [job.target.name for job in made.jobs] == ["b.jpg"]
    assert made.folder is None
    into = plan((str(tree / "a.png"),), tree.parent / "folder")
    assert [str(job.target) for job in into.jobs] == [str(tree.parent / "folder" / "a.png")]


def test_links_are_followed_once(tree):
    (tree / "again").symlink_to(tree, target_is_directory=True)
    (tree / "link.png").symlink_to(tree / "a.png")
    assert "link.png" in names(tree)
    assert not any(name.startswith("again") for name in names(tree))


def refused(tree, *sources, out, says, suffix="", overwrite=False):
    before = snapshot(tree.parent)
    with pytest.raises(UserError, match=says) as caught:
        plan(tuple(str(source) for source in sources or (tree,)), Path(out), suffix, overwrite=overwrite)
    assert caught.value.code == 2
    assert snapshot(tree.parent) == before


def test_outputs_never_go_where_inputs_are(tree, tmp_path):
    refused(tree, out=tree, says="is IN")
    refused(tree, out=tree / "deep", says="lies in IN")
    refused(tree, out=tree / "new" / "folder", says="lies in IN")
    (tmp_path / "link").symlink_to(tree, target_is_directory=True)
    refused(tree, out=tmp_path / "link", says="IN")
    refused(tree, out=tmp_path / "link" / "new", says="lies in IN")
    refused(tree, tmp_path / "link", out=tree / "new", says="lies in IN")
    refused(tree / "deep" / "er" / "..", out=tree / "deep" / "er", says="lies in IN")


def test_outputs_never_replace_inputs(tree, tmp_path):
    refused(tree, tree / "a.png", out=tree / "a.png", says="is one of the inputs", overwrite=True)
    refused(tree, tree / "a.png", tree / "b.JPG", out=tree, says="is one of the inputs", overwrite=True)
    out = tmp_path / "out"
    out.mkdir()
    os.link(tree / "a.png", out / "a.png")
    refused(tree, out=out, says="is one of the inputs", overwrite=True)
    (out / "a.png").unlink()
    (out / "a.png").symlink_to(tree / "b.JPG")
    refused(tree, out=out, says="is one of the inputs", overwrite=True)


def test_two_files_never_become_one(tree):
    save(tree / "a.jpg", photo())
    refused(tree, out=tree.parent / "out", suffix=".png", says=r"a\.jpg and a\.png would both become")
    refused(tree, tree / "a.png", tree / "deep" / "er", out=tree.parent / "out", says="would both become")


def test_wrong_words_are_one_sentence(tree, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tree, tmp_path / "empty", out=tmp_path / "out", says="there are no images in")
    refused(tree, tmp_path / "nonesuch", out=tmp_path / "out", says="no file or folder")
    refused(tree, tree / "*.bmp", out=tmp_path / "out", says="there are no images in")
    refused(tree, tree / "notes.txt", out=tmp_path / "out", says="has no image's name")
    refused(tree, tree / "film.mp4", out=tmp_path / "film.png", says="a video becomes a video")
    refused(tree, tree / "a.png", out=tmp_path / "b.png", suffix=".jpg", says="contradict")
    save(tmp_path / "there.png", photo())
    refused(tree, tree / "a.png", out=tmp_path / "there.png", says="--overwrite")
    refused(tree, out=tmp_path / "there.png", says="is a file; for several images OUT is a folder")
