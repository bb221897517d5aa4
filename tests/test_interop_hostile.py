"""`translate import` on files that were made to do harm or are damaged: a sentence, nothing run or allocated."""

import io
import os
import pickle
import random
import subprocess
import sys
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import pth_files
import pytest
import torch

from translate.errors import DAMAGED, UserError
from translate.interop import pth

STATE = pth_files.numbers(pth_files.resnet(blocks=1, filters=1))


class Runs:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def refused(path: Path, *sentence: str) -> str:
    with pytest.raises(UserError) as caught:
        pth.read(str(path))
    assert caught.value.code == DAMAGED
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500
    assert all(part in str(caught.value) for part in sentence), str(caught.value)
    return str(caught.value)


def gadgets(canary: Path) -> dict[str, Runs]:
    return {
        "os.system": Runs(os.system, f"touch {canary}"),
        "eval": Runs(eval, f"open({str(canary)!r}, 'w')"),
        "exec": Runs(exec, f"open({str(canary)!r}, 'w')"),
        "open": Runs(open, str(canary), "w"),
        "Popen": Runs(subprocess.Popen, ["touch", str(canary)]),
        "mkdir": Runs(os.mkdir, str(canary)),
        "getattr": Runs(getattr, Runs(__import__, "os"), "system"),
        "torch.load": Runs(torch.load, str(canary)),
        "torch.hub": Runs(torch.hub.load, "owner/repository", "model"),
    }


@pytest.mark.parametrize("name", gadgets(Path("x")))
@pytest.mark.parametrize("form", ["zip", "zip, compressed", "legacy", "bare pickle", "tar"])
def test_code_in_a_pickle_is_not_run(name, form, tmp_path):
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    content = {**STATE, "model.1.weight": gadgets(canary)[name]}
    if form == "legacy":
        torch.save(content, path, _use_new_zipfile_serialization=False)
        refused(path, "holds more than weights (", "nothing was run")
    elif form == "bare pickle":
        path.write_bytes(pickle.dumps(gadgets(canary)[name]))
        refused(path, "a bare pickle")
    elif form == "tar":
        data = pickle.dumps(gadgets(canary)[name])
        with tarfile.open(path, "w") as archive:
            for member in ("sys_info", "pickle", "storages", "tensors"):
                entry = tarfile.TarInfo(member)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        refused(path, "a tar archive")
    elif form == "zip":
        torch.save(content, path)
        refused(path, "holds more than weights (", "nothing was run")
    else:
        torch.save(content, tmp_path / "plain.pth")
        with (
            zipfile.ZipFile(tmp_path / "plain.pth") as plain,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            for entry in plain.namelist():
                packed.writestr(entry, plain.read(entry))
        refused(path, "torch.save did not write")
    assert not canary.exists()


def test_a_name_that_is_put_together_while_loading_is_not_run_either(tmp_path):
    """The list of what a pickle asks for is made without running it, and can be deceived; torch's own reader isn't."""
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    torch.save(STATE, path)
    code = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93" + f"\x8c{chr(len(str(canary)) + 6)}".encode(
        "latin1"
    )
    code += f"touch {canary}".encode() + b"\x85R."
    replace(path, tmp_path / "deceived.pth", {"data.pkl": code})
    refused(tmp_path / "deceived.pth")
    assert not canary.exists()


def test_attributes_that_a_pickle_sets_are_not_called(tmp_path):
    """A state dict may carry attributes; one named 'items' hides the method of that name."""
    content = OrderedDict(STATE)
    content.itemz = 3
    torch.save(content, tmp_path / "zip.pth")
    with zipfile.ZipFile(tmp_path / "zip.pth") as archive:
        replace(tmp_path / "zip.pth", tmp_path / "x.pth", {"data.pkl": rename(archive.read("zip/data.pkl"))})
    torch.save(content, tmp_path / "y.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "y.pth").write_bytes(rename((tmp_path / "y.pth").read_bytes()))
    for path in (tmp_path / "x.pth", tmp_path / "y.pth"):
        assert pth.read(str(path)).keys() == STATE.keys()


def rename(content: bytes) -> bytes:
    assert content.count(b"itemz") == 1
    return content.replace(b"itemz", b"items")


def test_a_torchscript_program_is_refused(tmp_path):
    with pytest.warns((FutureWarning, DeprecationWarning), match="deprecated"):
        torch.jit.save(torch.jit.script(torch.nn.Conv2d(1, 1, 1)), tmp_path / "x.pth")
    refused(tmp_path / "x.pth", "a TorchScript program, not weights", "state_dict()")


def replace(path: Path, out: Path, parts: dict[str, bytes]) -> None:
    """A copy of the archive with other contents in some parts."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, parts.get(entry.split("/", 1)[1], old.read(entry)))


BOMBS = {
    "stride 0": torch.zeros(1).expand(200_000, 200_000),
    "stride 0 in one place": torch.zeros(200).expand(10**9, 200),
    "overlapping": torch.zeros(4000).as_strided((2000, 2000), (1, 1)),
    "no numbers at all": torch.empty(200_000, 200_000, device="meta"),
}


@pytest.mark.slow
def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    """In a process that may take 1 GB more than it has after importing torch."""
    for name, tensor in BOMBS.items():
        torch.save({"model.1.weight": tensor}, tmp_path / f"{name}.pth")
        assert (tmp_path / f"{name}.pth").stat().st_size < 20_000
    code = (
        "import resource, sys, torch\n"
        "from translate.errors import UserError\n"
        "from translate.interop import pth\n"
        "pages = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (pages + 10**9,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try: print('accepted', len(pth.read(path)))\n"
        "    except UserError as error: print(error.code, error)\n"
    )
    paths = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=300)
    said = done.stdout.splitlines()
    assert [line[:2] for line in said] == ["5 "] * len(BOMBS), done.stdout + done.stderr
    assert all("declares" in line or "is no ordinary tensor" in line for line in said)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_are_floating_point(dtype, tmp_path):
    torch.save({**STATE, "model.1.weight": STATE["model.1.weight"].to(dtype)}, tmp_path / "x.pth")
    kind = str(dtype).removeprefix("torch.")
    refused(tmp_path / "x.pth", f"its 'model.1.weight' is of {kind} numbers; weights should be float32")


@pytest.mark.filterwarnings("ignore:.*[Ss]parse.*invariants")
def test_sparse_weights_are_refused(tmp_path):
    torch.save({**STATE, "model.1.bias": torch.sparse_coo_tensor([[0]], [1.0], (10**9,))}, tmp_path / "x.pth")
    refused(tmp_path / "x.pth", "its 'model.1.bias' is no ordinary tensor")


def test_every_truncation_is_noticed(tmp_path):
    torch.save(STATE, tmp_path / "whole.pth")
    content = (tmp_path / "whole.pth").read_bytes()
    for length in [0, 1, 3, 100, *range(200, len(content), 997), len(content) - 1]:
        (tmp_path / "cut.pth").write_bytes(content[:length])
        refused(tmp_path / "cut.pth")


def test_no_flipped_bit_changes_a_weight(tmp_path):
    """Most are refused; the rest are in what no reader looks at, such as dates and padding."""
    torch.save(STATE, tmp_path / "whole.pth")
    content = (tmp_path / "whole.pth").read_bytes()
    draw, refusals = random.Random(0), []
    for _ in range(400):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path = tmp_path / "damaged.pth"
        path.write_bytes(damaged)
        try:
            state = pth.read(str(path))
        except UserError as error:
            refusals.append(error.code)
        else:
            assert state.keys() == STATE.keys()
            assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert len(refusals) > 50
    assert set(refusals) == {DAMAGED}


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(600), bytes(2000), b"PK\x03\x04", b"PK\x05\x06" + bytes(18)]
)
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "x.pth").write_bytes(content)
    refused(tmp_path / "x.pth")


def test_other_archives_are_refused(tmp_path):
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(path, "a ZIP archive, but not one that torch.save wrote")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(50_000_000))
    refused(path, "a ZIP archive that torch.save did not write")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"")
        archive.writestr("y/data.pkl", b"")
    refused(path, "a ZIP archive that torch.save did not write")


@pytest.mark.parametrize("content", [b"\x80\x02.", b"\x80\x02}q\x00.", b"", b"\x80\x02" + b"(" * 100_000, b"\xff" * 99])
def test_whole_archives_with_a_nonsensical_pickle_are_refused(content, tmp_path):
    torch.save(STATE, tmp_path / "x.pth")
    replace(tmp_path / "x.pth", tmp_path / "y.pth", {"data.pkl": content})
    refused(tmp_path / "y.pth")


@pytest.mark.parametrize("size", [0, 4, 96, 101 * 4])
def test_a_part_of_another_size_than_was_declared_is_noticed(size, tmp_path):
    """torch, when it maps a file, would read on into the next part."""
    torch.save({"a.weight": torch.arange(100.0)}, tmp_path / "x.pth")
    replace(tmp_path / "x.pth", tmp_path / "y.pth", {"data/0": bytes(size)})
    refused(tmp_path / "y.pth", "declares 400 bytes of weights that it doesn't have")


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match=r"there is no file nowhere.pth; name a .pth file") as caught:
        pth.read("nowhere.pth")
    assert caught.value.code == 2
