"""Everything that is wrong with the data is said at once, by name, before training."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from data_files import bad_files, photo, save
from data_folders import SMALL, folder, keys, numbered, opened

from translate.convert.plan import plan
from translate.data import description
from translate.errors import UserError
from translate.train.checkpoints import Checkpoints


def test_all_problems_of_pairs_are_said_at_once(tmp_path):
    a = folder(tmp_path / "a", numbered(30))
    b = folder(tmp_path / "b", numbered(30))
    (b / "001.png").unlink()
    save(b / "extra.png", photo())
    save(b / "003.png", photo(20, 40))
    save(a / "004.png", photo(40, 20))
    save(b / "004.png", photo(20, 40))
    save(b / "005.png", photo(40, 40))
    save(a / "006.jpg", photo(20, 20))
    (a / "007.png").rename(a / "Seven.png")
    (b / "007.png").rename(b / "seven.png")
    save(a / "008.png", np.full((20, 20, 3), 255, np.uint8))
    (a / "009.png").write_bytes(b"")
    (b / "010.png").write_text("no image")
    said: list[str] = []
    data = opened(a, b, said=said)
    text = "\n".join(said)
    for sentence in (
        "a/001.png has no partner in",
        "b/extra.png has no partner in",
        "b/003.png is 20 x 40",
        "b/004.png is 20 x 40 (one is upright, the other lies)",
        "b/005.png is 40 x 40",
        "a/006.jpg has the same name before the dot",
        "b/seven.png, which differs in upper and lower case",
        "a/008.png",
        "a/009.png: empty (0 bytes)",
        "b/010.png: not an image",
    ):
        assert sentence in text, sentence
    used = set(keys(data.train_a + data.test_a))
    assert used == {f"{n:03d}" for n in range(30)} - {"001", "003", "004", "007", "009", "010"}
    assert keys(data.train_a) == keys(data.train_b)
    assert json.loads(json.dumps(description.record(data)))["problems"]
    with pytest.raises(UserError, match="strict=true"):
        opened(a, b, SMALL.model_copy(update={"strict": True}))


def test_long_lists_are_cut_on_the_screen_and_whole_in_the_record(tmp_path):
    a = folder(tmp_path / "a", numbered(40))
    for name in numbered(40)[:30]:
        (a / name).write_bytes(b"")
    said: list[str] = []
    data = opened(a, folder(tmp_path / "b", numbered(40)), paired=False, said=said)
    assert sum("empty (0 bytes)" in line for line in said) == 20
    assert any("and 10 more" in line for line in said)
    assert len(description.record(data)["problems"]) == 30


def test_bad_files_are_left_out_by_name(tmp_path):
    a = folder(tmp_path / "a", numbered(30))
    bad = bad_files(a / "bad")
    data = opened(a, folder(tmp_path / "b", numbered(5)), paired=False)
    assert keys(data.train_a + data.test_a) == [name[:-4] for name in numbered(30)]
    text = "\n".join(map(str, data.problems))
    listed = {name for name in bad if f"a/bad/{name}" in text}
    assert listed == set(bad) - {"folder.png", "missing.png"}


def test_strange_names(tmp_path):
    a = tmp_path / "a"
    for name in ("-rf.png", "new\nline.png", "tab\t.png", "😀.png", "é.png", "x" * 200 + ".png", "dots.in.name.png"):
        save(a / name, photo(20, 20))
    if os.name == "posix":
        shutil.copy(a / "é.png", os.fsencode(a) + b"/\xff\xfe.png")
    folder(a, numbered(10))
    data = opened(a, folder(tmp_path / "b", numbered(10)), paired=False)
    assert len(data.train_a + data.test_a) == 18
    assert "\n" not in "".join(item.name for item in data.train_a + data.test_a)
    json.dumps(description.record(data)).encode("utf-8")
    description.fingerprint(data)
    print(*(item.name for item in data.train_a))


@pytest.mark.parametrize("paired", [False, True])
def test_nothing_usable_is_an_error(tmp_path, paired):
    a = tmp_path / "a"
    a.mkdir()
    for name in numbered(5):
        (a / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"no usable image to train on; the first that was left out: .*/a/00"):
        opened(a, folder(tmp_path / "b", numbered(5)), paired=paired)
    with pytest.raises(UserError, match="too few to train"):
        opened(folder(tmp_path / "c", ["1.png"]), tmp_path / "b", paired=False)
    with pytest.raises(UserError, match="has a partner in"):
        opened(folder(tmp_path / "d", ["x.png"]), tmp_path / "b")


@pytest.mark.skipif(not hasattr(os, "seteuid") or os.geteuid() != 0, reason="root becomes a user who may not read")
def test_a_folder_that_may_not_be_read_is_not_called_empty():
    with tempfile.TemporaryDirectory() as base:
        root = Path(base)
        closed = folder(root / "closed", numbered(3))
        root.chmod(0o755)
        closed.chmod(0)
        os.seteuid(65534)
        try:
            with pytest.raises(UserError, match="closed: the folder may not be read, so no images were found in"):
                opened(closed, closed)
            with pytest.raises(UserError, match="closed: the folder may not be read, so no images were found in"):
                plan((str(closed),), root / "out")
            with pytest.raises(UserError, match="closed can't be listed: Permission denied"):
                Checkpoints(closed).newest()
        finally:
            os.seteuid(0)
            closed.chmod(0o755)
