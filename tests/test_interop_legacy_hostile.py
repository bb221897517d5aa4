"""`translate import` of files of PyTorch before 1.6 that are hostile or damaged: a sentence, and nothing run."""

import os
import random
import subprocess
import sys
from collections import OrderedDict

import legacy_files
import pth_files
import pytest
import torch
from legacy_files import Called, Stored, tensor

from translate.errors import DAMAGED, UserError
from translate.interop import pth

STATE = pth_files.numbers(pth_files.resnet(blocks=1, filters=2))


def refused(path, *sentence: str) -> str:
    with pytest.raises(UserError) as caught:
        pth.read(str(path))
    said = str(caught.value)
    assert caught.value.code == DAMAGED
    assert str(path) in said
    assert len(said) < 500
    assert len(said.splitlines()) == 1
    assert all(part in said for part in sentence), said
    return said


F = torch.zeros(2000)  # 8 kB
BOMBS = {
    "a storage of 160 GB": (tensor(F, length=40_000_000_000), "declares 40,000,000,000 numbers, more than"),
    "a storage of 5 kB too many": (tensor(F, kind=torch.DoubleStorage, length=1900), "declares 1,900 numbers, more"),
    "a storage longer than there": (tensor(F, length=1999, shape=(9,)), "holds 2,000 numbers where it declares 1,999"),
    "less than no storage": (tensor(F, length=-1), "declares -1 numbers"),
    "a side beyond the file": (tensor(F, shape=(2**40,)), "asks for 1,099,511,627,776 numbers, more than the file"),
    "a stride beyond the file": (tensor(F, shape=(2,), strides=(2**62,)), "more than the file has bytes"),
    "an offset beyond the file": (tensor(F, offset=2**200), "more than the file has bytes"),
    "a negative stride": (tensor(F, shape=(2,), strides=(-1,)), "a tensor in it is malformed"),
    "fewer strides than sides": (tensor(F, shape=(2, 2), strides=(1,)), "a tensor in it is malformed"),
    "no numbers for a shape": (tensor(F, shape=("2",)), "a tensor in it is malformed"),
    "stride 0, sides below the file": (tensor(F, shape=(5000, 5000), strides=(0, 0)), "declares 100,000,000 bytes of"),
    "stride 0 in many places": (tensor(F, shape=(4000,) * 8, strides=(0,) * 8), "can't be read as weights: numel"),
    "torch would enlarge it": (tensor(F, shape=(7000,) * 3, strides=(7000,) * 3), "asks for 146,979,001 numbers"),
    "and does for the offset": (tensor(F, offset=1), "asks for 2,001 numbers of 2,000"),
    "enlarged afterwards": (
        Called(torch._utils._rebuild_tensor, (Stored(F[:2], 2), 0, (2,), (1,)), (Stored(F[:0], 0), 0, (10**9,), (1,))),
        "it changes something that is no dictionary",
    ),
    "a storage class called": (Called(torch.FloatStorage, (10**10,)), "calls a function in an unknown way"),
    "an unknown storage": (tensor(F, kind=torch.ComplexFloatStorage), "holds more than weights ('torch.ComplexFloat"),
    "an unknown function": (Called(torch._utils._rebuild_sparse_tensor, (1,)), "torch._utils._rebuild_sparse_tensor"),
    "an unknown type": (Called(complex, (1.0, 2.0)), "holds more than weights ('__builtin__.complex')"),
    "a set": ({1, 2}, "holds more than weights ('__builtin__.set')"),
    "a number of 300 digits": (tensor(F, length=10**300), "it declares 1,000,000,000,000,000"),
}  # fmt: skip


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """What was said of each, in a process that may take 300 MB more than it has after importing torch."""
    folder = tmp_path_factory.mktemp("bombs")
    for number, (content, _) in enumerate(BOMBS.values()):
        legacy_files.write(folder / f"{number}.pth", OrderedDict({"model.1.weight": content}))
        assert (folder / f"{number}.pth").stat().st_size < 20_000
    code = (
        "import resource, sys, torch\n"
        "from translate.errors import UserError\n"
        "from translate.interop import pth\n"
        "pages = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (pages + 3 * 10**8,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try: print('accepted', len(pth.read(path)))\n"
        "    except UserError as error: print(error.code, error)\n"
    )
    paths = [str(folder / f"{number}.pth") for number in range(len(BOMBS))]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=300)
    said = done.stdout.splitlines()
    assert len(said) == len(BOMBS), done.stdout + done.stderr
    return dict(zip(BOMBS, said, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_cannot_ask_for_much(name, bombs):
    assert bombs[name].startswith("5 ")
    assert BOMBS[name][1] in bombs[name]
    assert "memory" not in bombs[name]


@pytest.mark.parametrize("place", [0, 2, 3])
def test_code_in_any_of_the_pickles_is_not_run(place, tmp_path):
    """The first has to be the magic number; the others are looked through before torch reads any."""
    canary, path = tmp_path / "canary", tmp_path / "x.pth"
    whole = legacy_files.write(path, {"model.1.weight": tensor(F)})
    evil = (
        b"\x80\x02cos\nsystem\n(X" + len(f"touch {canary}").to_bytes(4, "little") + f"touch {canary}".encode() + b"tR."
    )
    head = legacy_files.HEAD
    parts = [head[0], head[1], head[2], whole[len(b"".join(head)) :]]
    path.write_bytes(b"".join([*parts[:place], evil, *parts[place:]]))
    refused(path, "a bare pickle" if place == 0 else "holds more than weights ('os.system'), which could run code")
    os.system(f"touch {canary}.able")
    assert (tmp_path / "canary.able").exists()
    assert not canary.exists()


def test_a_name_that_is_put_together_while_loading_is_refused(tmp_path):
    evil = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R."
    (tmp_path / "x.pth").write_bytes(b"".join([*legacy_files.HEAD, evil]))
    refused(tmp_path / "x.pth", "holds more than weights ('the pickle instruction SHORT_BINUNICODE')")


def test_another_version_endless_pickles_and_trailing_bytes(tmp_path):
    path = tmp_path / "x.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"M\xe9\x03.", b"M\xea\x03.", 1))
    refused(path, "its version of the format is unknown")
    path.write_bytes(whole + b"more")
    refused(path, "it goes on for 4 bytes after its end")
    path.write_bytes(b"".join(legacy_files.HEAD) + b"\x80\x02" + b"]0" * 10**6)
    refused(path)
    path.write_bytes(b"".join(legacy_files.HEAD) + b"\x80\x02" + b"]" * 10**6)
    refused(path, "takes more than 500,000 steps")


def test_a_tar_file_that_begins_as_an_old_file_is_still_one(tmp_path):
    """torch.load asks tarfile first."""
    content = bytearray(b"".join(legacy_files.HEAD).ljust(2000, b"\0"))
    content[257:262] = b"ustar"
    (tmp_path / "x.pth").write_bytes(content)
    refused(tmp_path / "x.pth", "is a tar archive: if a checkpoint, then of PyTorch before 0.1.10")


def test_every_truncation_is_noticed(tmp_path):
    torch.save(STATE, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "x.pth").read_bytes()
    for length in [1, 14, 15, 20, *range(21, len(content), 97), len(content) - 1]:
        (tmp_path / "cut.pth").write_bytes(content[:length])
        refused(tmp_path / "cut.pth")
    assert "its end is missing" in refused(tmp_path / "cut.pth")


def size(state) -> int:
    return sum(numbers.numel() for numbers in state.values())


def test_a_flipped_bit_is_refused_or_changes_names_and_numbers_only(tmp_path):
    """There is no checksum; but whatever happens, it is a sentence or as many numbers as before."""
    torch.save(STATE, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "x.pth").read_bytes()
    draw, refusals = random.Random(0), []
    for _ in range(300):
        damaged = bytearray(content)
        damaged[draw.randrange(5000)] ^= 1 << draw.randrange(8)
        (tmp_path / "y.pth").write_bytes(damaged)
        try:
            state = pth.read(str(tmp_path / "y.pth"))
        except UserError as error:
            refusals.append(error.code)
        else:
            assert size(state) <= size(STATE)
    assert len(refusals) > 30  # how many depends on the storages' keys, which are addresses
    assert set(refusals) == {DAMAGED}
