"""The memory of a process: what it keeps, what is free for it, and what is done where something would not fit."""

import json
import platform
import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
from data_files import photo, save
from small import ENVIRONMENT, run_verb, tiny_model

import translate
from translate.convert import pipeline
from translate.model import tiles
from translate.model.translator import Translator
from translate.networks import GENERATORS
from translate.system import memory

FAULTS = """
import resource, sys
import numpy as np
from translate.system.memory import keep_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(2_000_000, np.float64).sum()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
keep_freed()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc, whose allocator is set")
def test_large_pieces_are_not_fetched_from_the_system_again_and_again():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 10


def group(folder, limit, used, cache, statistic: str, names=("memory.max", "memory.current")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{statistic} {cache}\n")


def test_the_groups_of_a_container_are_heeded(tmp_path):
    """Version 2: the least of what the group and those around it leave; files that are only cached count as free."""
    group(tmp_path / "cg", "max", 10**9, 0, "inactive_file")
    group(tmp_path / "cg/job", 8 * 10**9, 3 * 10**9, 10**9, "inactive_file")
    group(tmp_path / "cg/job/step", "max", 10**9, 0, "inactive_file")
    (tmp_path / "own").write_text("0::/job/step\n")
    assert memory._cgroups_leave(tmp_path / "own", tmp_path / "cg") == 6 * 10**9
    (tmp_path / "own").write_text("0::/a/path/of/the/host\n")  # in a container the root is the group itself
    group(tmp_path / "cg", 2 * 10**9, 10**9, 0, "inactive_file")
    assert memory._cgroups_leave(tmp_path / "own", tmp_path / "cg") == 10**9


def test_groups_of_version_one_are_heeded(tmp_path):
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    group(tmp_path / "cg/memory/job", 4 * 10**9, 10**9, 5 * 10**8, "total_inactive_file", names)
    (tmp_path / "own").write_text("9:cpu:/job\n4:memory:/job\n0::/\n")
    assert memory._cgroups_leave(tmp_path / "own", tmp_path / "cg") == 3.5 * 10**9
    assert memory._cgroups_leave(tmp_path / "nothing", tmp_path / "cg") == float("inf")


def test_a_limit_of_the_address_space_is_heeded():
    code = """
import resource
from translate.system.memory import free_memory
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
print(free_memory())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < 2 << 30
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_what_a_network_needs_grows_with_its_filters(tmp_path):
    needs = []
    for filters in (4, 32):
        t = translate.load(tiny_model(tmp_path / f"{filters}.safetensors", filters=filters))
        needs.append(tiles.bytes_per_pixel(t.engine))
    assert needs[1] > 4 * needs[0] > 0


@pytest.mark.parametrize("network", GENERATORS)
def test_every_network_can_be_measured(network, tmp_path):
    t = translate.load(tiny_model(tmp_path / "m.safetensors", network=network))
    before = torch.get_rng_state()
    assert tiles.bytes_per_pixel(t.engine) > 50
    assert torch.equal(before, torch.get_rng_state())


def test_a_picture_that_would_not_fit_is_translated_in_tiles_and_it_is_said(tmp_path, monkeypatch):
    """The same picture with as much memory as there is and with little: the same result but for rounding."""
    model = tiny_model(tmp_path / "m.safetensors")
    save(tmp_path / "in" / "x.png", photo(300, 400))
    monkeypatch.setattr(pipeline, "TILE", 64)
    for name, free in (("whole", None), ("tiles", 30_000_000)):
        if free:
            monkeypatch.setattr(tiles, "free_memory", lambda: 30_000_000)
        from translate.convert.options import Options
        from translate.convert.run import convert

        convert(Options(str(model), (str(tmp_path / "in"),), tmp_path / name))
    notes = {
        name: json.loads((tmp_path / name / "report.json").read_text())["files"][0].get("notes", [])
        for name in ("whole", "tiles")
    }
    assert notes["whole"] == []
    assert notes["tiles"] == ["translated in tiles of 64 pixels, since it would not fit the memory at once"]
    whole, tiled = (translate.image.rgb8.read(tmp_path / name / "x.png").astype(int) for name in ("whole", "tiles"))
    assert np.abs(whole - tiled).max() <= 1


@pytest.mark.parametrize("tile", [None, 64])
def test_what_does_not_fit_in_tiles_either_is_not_told_to_use_tiles(tmp_path, monkeypatch, capsys, tile):
    model = tiny_model(tmp_path / "m.safetensors")
    save(tmp_path / "in" / "x.png", photo(100, 100))

    def run(self, levels, rules):
        raise MemoryError

    monkeypatch.setattr(Translator, "run", run)
    words = ["--tile", tile] if tile else []
    code, _, _ = run_verb(monkeypatch, capsys, "convert", model, tmp_path / "in", tmp_path / "out", *words)
    assert code == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [f["reason"] for f in report["failed"]] == ["too large for the memory in tiles too; --size makes it smaller"]


READ = """
import resource, sys
import numpy as np
from translate.image import rgb8
def peak(): return int(next(l for l in open("/proc/self/status") if "VmHWM" in l).split()[1]) * 1024
rgb8.read(sys.argv[1]); before = peak(); rgb8.read(sys.argv[2]); print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak")
@pytest.mark.parametrize("kind", ["palette", "deep", "floats"])
def test_checking_a_large_picture_takes_a_few_times_its_own_size(tmp_path, kind):
    """A copy in double precision, or RGBA in 32-bit integers, took 16 to 70 bytes for each pixel."""
    from PIL import Image

    from translate.image import picture

    side, values = 3000, np.random.default_rng(0).random((3000, 3000))
    for name, size in (("small", 32), ("large", side)):
        part = values[:size, :size]
        if kind == "palette":
            image = Image.fromarray((part * 255).astype(np.uint8)).convert("P")
            image.save(tmp_path / f"{name}.png", transparency=0, compress_level=1)
        elif kind == "deep":
            made = picture.Picture((part * 65535).astype(np.uint16)[..., None])
            (tmp_path / f"{name}.png").write_bytes(picture.encode(made, ".png")[0])
        else:
            made = picture.Picture(part.astype(np.float32)[..., None])
            (tmp_path / f"{name}.png").write_bytes(picture.encode(made, ".tif")[0])
    files = [str(tmp_path / f"{name}.png") for name in ("small", "large")]
    done = subprocess.run(
        [sys.executable, "-c", READ, *files], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    stored = {"palette": 1, "deep": 2, "floats": 4}[kind]
    assert int(done.stdout) < (side * side) * (3 * stored + 8)
