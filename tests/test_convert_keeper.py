"""Finished files on their way to the disk."""

import pytest

from translate.convert.writer import Finished, Writer


def test_everything_is_on_the_disk_and_told_of_when_it_is_left(tmp_path):
    told = {}
    (tmp_path / "file").write_text("in the way")
    with Writer(told.__setitem__) as keeper:
        for start in range(0, 150, 3):
            files = [(tmp_path / f"{number}.png", str(number).encode()) for number in range(start, start + 3)]
            keeper.put([Finished(path, content, lambda status: None, path) for path, content in files])
        keeper.put([Finished(tmp_path / "file" / "x.png", b"x", lambda status: None, "lost")])
    assert "Not a directory" in str(told.pop("lost"))
    assert told == {tmp_path / f"{number}.png": None for number in range(150)}
    assert all(path.read_text() == path.stem for path in told)


def test_a_bug_in_who_is_told_is_raised_and_costs_no_file(tmp_path):
    def kept(about, error):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Writer(kept) as keeper:
        keeper.put([Finished(tmp_path / name, b"", lambda status: None, None) for name in ("a", "b")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_bug_while_writing_is_raised_and_leaves_nobody_waiting(tmp_path):
    def announce(status):
        raise ZeroDivisionError

    told = []
    with pytest.raises(ZeroDivisionError), Writer(lambda about, error: told.append((about, bool(error)))) as keeper:
        keeper.put([Finished(tmp_path / "a", b"", announce, "a")])
    assert told == [("a", True)]
