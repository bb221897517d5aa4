"""Classes of images from sub-folders and from CSV files."""

import numpy as np
import pytest
import torch
from data_folders import SMALL, everything, folder, keys, numbered, one_domain

from translate.data import description, open_data
from translate.data.labels import natural
from translate.errors import UserError


@pytest.fixture
def sorted_folder(tmp_path):
    """Three classes of 12 images whose names sort otherwise than as text."""
    for number, name in enumerate(("class 10", "class 9", "B")):
        folder(tmp_path / "a" / name, numbered(12), seed=100 * number)
    return tmp_path / "a"


# Sub-folders


def test_sub_folders_are_classes_in_natural_order(sorted_folder):
    data = one_domain(sorted_folder, "auto")
    assert data.classes == ["B", "class 9", "class 10"]
    assert data.train_labels().dtype == data.test_labels().dtype == np.int64
    for items, labels in ((data.train_a, data.train_labels()), (data.test_a, data.test_labels())):
        assert [data.classes[label] for label in labels] == [item.key.partition("/")[0] for item in items]
    for x, c in data.batches(0, 20, 8):
        assert len(x) == len(c)
        assert c.dtype == torch.int64
    seen = torch.cat([c for _, c in data.batches(0, 40, 8, workers=1)])
    assert seen.tolist() == [data.train_labels()[data.order(0, n)] for n in range(40)]
    assert "3 classes: B (12), class 9 (12), class 10 (12)" in description.describe(data)
    counts = description.record(data)["classes"]
    assert sum(count["train"] + count["test"] for count in counts.values()) == 36


def test_labels_enter_the_fingerprint(sorted_folder, tmp_path):
    first = description.fingerprint(one_domain(sorted_folder, "auto"))
    assert description.fingerprint(one_domain(sorted_folder)) != first
    lines = [f"{item.key},{item.key.partition('/')[0]}" for item in everything(one_domain(sorted_folder))]
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(lines))
    assert description.fingerprint(one_domain(sorted_folder, file)) == first
    lines[0] = lines[0].rpartition(",")[0] + ",class 9"
    file.write_text("\n".join(lines))
    assert description.fingerprint(one_domain(sorted_folder, file)) != first


def test_images_outside_the_sub_folders_are_left_out(sorted_folder):
    folder(sorted_folder, ["stray.png"])
    said: list[str] = []
    data = one_domain(sorted_folder, "auto", said)
    assert "stray" not in keys(everything(data))
    assert "Images, without a class and left out (1):" in said
    assert [
        kind for kind, text in description.record(data)["problems"] if text.endswith("a/stray.png is in no sub-folder")
    ] == ["label"]
    with pytest.raises(UserError, match="strict=true"):
        one_domain(sorted_folder, "auto", strict=True)


def test_a_class_only_for_testing_is_left_out(tmp_path):
    for part, classes in (("train", "xy"), ("test", "xyz")):
        for name in classes:
            folder(tmp_path / "a" / part / name, numbered(3))
    data = one_domain(tmp_path / "a", "auto")
    assert data.classes == ["x", "y"]
    assert len(data.test_a) == len(data.test_labels()) == 6
    assert sum("no image of its class z to train on" in problem.text for problem in data.problems) == 3


def test_many_classes_are_said_in_short(tmp_path):
    for number in range(15):
        folder(tmp_path / "a" / f"{number}", numbered(2))
    line = next(line for line in description.describe(one_domain(tmp_path / "a", "auto")) if "15 classes" in line)
    assert line.endswith(", 11 (2) and 3 more")


def test_natural_order():
    words = ["10", "9", "a10", "a9", "B", "b", "²", ""]
    assert sorted(words, key=natural) == ["", "9", "10", "a9", "a10", "B", "b", "²"]


# CSV files


@pytest.mark.parametrize(
    "text",
    [
        "file,class\n{0}.png,x\n{1},y\n",
        "{0},x\r\n\r\n {1}.png , y \r\n",
        '\ufeffFilename,Class\n"sub\\{0}.png",x\n./sub/{1}.png,"y"\n',
    ],
)
def test_csv_files(tmp_path, text):
    sub = "sub/" if "sub" in text else ""
    a = folder(tmp_path / "a", [f"{sub}{name}" for name in numbered(6)])
    first, *rest = (f"{n:03d}" for n in range(6))
    lines = text.format(first, rest[0]) + "".join(f"{sub}{name},x\n" for name in rest[1:-1])
    (tmp_path / "labels.csv").write_text(lines, encoding="utf-8")
    data = one_domain(a, tmp_path / "labels.csv")
    found = {item.key.rpartition("/")[2]: item.label for item in everything(data)}
    assert found == {first: "x", rest[0]: "y", **dict.fromkeys(rest[1:-1], "x")}
    assert data.classes == ["x", "y"]
    assert [problem.kind for problem in data.problems] == ["label"]
    assert f"{rest[-1]}.png has no class in labels.csv" in data.problems[0].text


def test_a_csv_names_given_test_images_by_their_folders(tmp_path):
    for part in ("trainA", "testA"):
        folder(tmp_path / part, numbered(4))
    lines = [f"{prefix}{n:03d},{'xy'[n % 2]}" for prefix in ("", "testA/") for n in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    data = one_domain(tmp_path / "trainA", tmp_path / "labels.csv")
    assert (len(data.train_a), len(data.test_a)) == (4, 4)
    assert not data.problems


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("000.png,x\nzebra.png,y\n", r"labels\.csv, line 2: 'zebra\.png' is not an image of .*/a; give its path"),
        ("picture,label\n000,x\n", r"line 1: 'picture' is not an image"),
        ("000.png,x,3\n", "line 1: there are 3 columns; each line should be file,class"),
        ("000.png;x\n", "line 1: there are 1 columns"),
        ("000,x\n001,\n", "line 2: '001' has no class"),
        ("000,x\n000.png,y\n", "line 2: '000.png' is 'y' here and 'x' in a line before"),
        ("000,x\n001,x\n002,x\n003,x\n", "have only the class x; labels need two classes or more"),
        ("", "have no class at all; labels need two"),
        (b"\xff\xfe0", "is not a CSV file in UTF-8"),
        ("000," + 140_000 * "x", r"not a CSV file in UTF-8 \(field larger"),
        (None, r"the labels file .*labels\.csv does not exist"),
    ],
)
def test_bad_csv_files(tmp_path, text, sentence, monkeypatch):
    a = folder(tmp_path / "a", numbered(4))
    monkeypatch.setattr("translate.image.rgb8.read", lambda *_, **__: pytest.fail("read an image"))
    if text is not None:
        (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=sentence):
        one_domain(a, tmp_path / "labels.csv")


def test_labels_that_can_not_be(tmp_path, monkeypatch):
    monkeypatch.setattr("translate.image.rgb8.read", lambda *_, **__: pytest.fail("read an image"))
    flat = folder(tmp_path / "flat", numbered(4))
    one = folder(tmp_path / "one" / "class", numbered(4)).parent
    with pytest.raises(UserError, match="flat has no sub-folders with images; sort"):
        one_domain(flat, "auto")
    with pytest.raises(UserError, match="only the class class; labels need two"):
        one_domain(one, "auto")
    settings = SMALL.model_copy(update={"labels": "auto"})
    with pytest.raises(UserError, match="with two sets leave labels out"):
        open_data(str(flat), str(one), settings, paired=False, seed=0)
    with pytest.raises(UserError, match="can't be read: Is a directory"):
        one_domain(flat, tmp_path)


# Balance


def test_classes_are_seen_equally_often(tmp_path):
    """Of a translation's domain, and every image of them; the other domain, without sub-folders, as it is."""
    folder(tmp_path / "a" / "rare", numbered(3))
    folder(tmp_path / "a" / "common", numbered(20), seed=100)
    folder(tmp_path / "b", numbered(20), seed=200)
    chosen = SMALL.model_copy(update={"balance": "class"})
    data = open_data(str(tmp_path / "a"), str(tmp_path / "b"), chosen, paired=False, seed=0, say=lambda text: None)
    seen = [data.train_a[data.order(0, n)] for n in range(200)]
    assert [item.label for item in seen].count("rare") == 100
    assert {item.key for item in seen} == {item.key for item in data.train_a}


def test_balance_needs_classes(tmp_path):
    for side in "ab":
        folder(tmp_path / side, numbered(4))
    chosen = SMALL.model_copy(update={"balance": "class"})
    with pytest.raises(UserError, match="sort the images into one folder a class"):
        open_data(str(tmp_path / "a"), str(tmp_path / "b"), chosen, paired=False, seed=0)
