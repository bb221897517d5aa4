"""Files that are whole or not there, and that know when they are damaged."""

import errno
import json
import os
import random
import struct

import pytest
import torch

from translate.errors import UserError
from translate.system import hashed_tensors
from translate.system.files import write_together, write_whole
from translate.train.checkpoints import Checkpoints

TENSORS = {
    "a": torch.arange(300.0).reshape(3, 100),
    "b/step": torch.tensor(7, dtype=torch.int64),
    "c": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
}
DESCRIPTION = {"kind": "test", "images": 5, "name": "größe", "nothing": None}


def test_what_is_written_is_read():
    tensors, description = hashed_tensors.loads(hashed_tensors.dumps(TENSORS, DESCRIPTION), "x")
    assert description == DESCRIPTION
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert all(tensors[name].dtype == TENSORS[name].dtype for name in TENSORS)


def test_equal_contents_are_equal_bytes():
    again = {name: TENSORS[name].clone() for name in reversed(TENSORS)}
    assert hashed_tensors.dumps(TENSORS, DESCRIPTION) == hashed_tensors.dumps(again, dict(DESCRIPTION))


def test_every_flipped_bit_is_noticed():
    content = hashed_tensors.dumps(TENSORS, DESCRIPTION)
    draw = random.Random(0)
    header = 8 + struct.unpack_from("<Q", content)[0]
    places = [*range(80), *(draw.randrange(header) for _ in range(300)), *draw.sample(range(len(content)), 700)]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        with pytest.raises(UserError) as caught:
            hashed_tensors.loads(bytes(damaged), "x.safetensors")
        assert caught.value.code == 5
        assert "x.safetensors" in str(caught.value)


def test_every_truncation_is_noticed():
    content = hashed_tensors.dumps(TENSORS, DESCRIPTION)
    for length in [*range(40), *range(40, len(content), 37), len(content) - 1]:
        with pytest.raises(UserError, match=r"damaged|not a file of this toolkit"):
            hashed_tensors.loads(content[:length], "x")


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 64, b"PK\x03\x04 a zip", b"\x80\x02}q\x00."])
def test_other_files_are_refused(content):
    with pytest.raises(UserError, match="not a file of this toolkit"):
        hashed_tensors.loads(content, "x")


def test_plain_safetensors_of_others_are_refused():
    import safetensors.torch

    with pytest.raises(UserError, match="not a file of this toolkit"):
        hashed_tensors.loads(safetensors.torch.save({"a": torch.zeros(2)}), "x")


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_whole(path, b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"x could not be written \(3 bytes\): No space left on device") as caught:
        write_whole(path, b"new")
    assert caught.value.code == 74
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_order_of_a_save_is_content_then_fsync_then_rename_then_folder(tmp_path, monkeypatch):
    """What survives a power cut: the bytes are on the disk before the name points to them."""
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(os.path.isdir(f"/proc/self/fd/{fd}")), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), replace(a, b)))
    write_whole(tmp_path / "x", b"content")
    assert calls == [False, "rename", True]


def test_the_disk_begins_with_all_files_before_one_is_waited_for(tmp_path, monkeypatch):
    calls = []
    write, fsync, replace = os.write, os.fsync, os.replace
    monkeypatch.setattr(os, "write", lambda fd, data: (calls.append("write"), write(fd, data))[1])
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), replace(a, b)))
    told = []
    files = [(tmp_path / name, name.encode(), lambda status: told.append(status.st_size)) for name in ("x", "yy")]
    assert write_together(files) == [None, None]
    assert calls == ["write", "write", "fsync", "rename", "fsync", "rename"]
    assert told == [1, 2]
    assert [(tmp_path / name).read_text() for name in ("x", "yy")] == ["x", "yy"]


def test_more_files_than_may_be_open(tmp_path):
    resource = pytest.importorskip("resource", reason="needs a system whose limits a process can set (not Windows)")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 80, limits[1]))
    try:
        errors = write_together((tmp_path / str(number), b"content", None) for number in range(300))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert errors == [None] * 300
    assert len(list(tmp_path.iterdir())) == 300


def test_of_many_files_only_those_are_lost_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    lost = tmp_path / "file" / "b.png"
    errors = write_together((path, b"content", None) for path in (tmp_path / "a.png", lost, tmp_path / "new" / "c.png"))
    assert [error and error.code for error in errors] == [None, 74, None]
    assert str(errors[1]).startswith(f"{lost} could not be written (7 bytes): Not a directory.")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.png", "c.png", "file", "new"]


def save(keeper: Checkpoints, images: int, best: int | None = None) -> None:
    keeper.save(images, {"x": torch.tensor(float(images))}, {"images": images}, best)


def test_the_last_two_and_the_best_are_kept(tmp_path):
    keeper = Checkpoints(tmp_path / "checkpoints", 2)
    for images in (10, 20, 30, 40, 50):
        save(keeper, images, best=20 if images >= 20 else None)
    assert [int(p.stem) for p in keeper.existing()] == [20, 40, 50]
    assert keeper.newest()[1]["images"] == 50


def test_an_old_checkpoint_goes_only_when_the_new_one_is_there(tmp_path, monkeypatch):
    keeper = Checkpoints(tmp_path / "checkpoints", 2)
    save(keeper, 10), save(keeper, 20)

    def full(path, content):
        raise UserError("disk full", 74)

    monkeypatch.setattr("translate.train.checkpoints.write_whole", full)
    with pytest.raises(UserError):
        save(keeper, 30)
    assert [int(p.stem) for p in keeper.existing()] == [10, 20]


def test_descriptions_are_json(tmp_path):
    json.dumps(hashed_tensors.loads(hashed_tensors.dumps(TENSORS, DESCRIPTION), "x")[1])
