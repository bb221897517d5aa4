"""`translate import` of files of PyTorch before 1.6, as the published models are: no less exact than of later ones."""

from collections import OrderedDict

import legacy_files
import pth_files
import pytest
import torch
from legacy_files import Python2, Python3, tensor

from translate.errors import UserError
from translate.interop import pth
from translate.interop.importing import Options, import_checkpoint

RESNET = pth_files.resnet(blocks=1, filters=2)
STATES = {
    "resnet": RESNET,
    "resnet, batch, dropout": pth_files.resnet("batch", blocks=1, filters=2, dropout=True),
    "resnet, stale statistics": RESNET | pth_files.stale(RESNET),
    "unet": pth_files.unet(depth=5, filters=1),
}
STATE = pth_files.numbers(RESNET)


def imported(path, said=None):
    out = path.with_suffix(".safetensors")
    import_checkpoint(Options(str(path), out=out), (said if said is not None else []).append)
    return out.read_bytes()


@pytest.mark.parametrize("name", STATES)
def test_old_and_new_files_of_a_network_become_the_same_generator(name, tmp_path):
    state, old, new = pth_files.numbers(STATES[name]), [], []
    torch.save(OrderedDict(state), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(state, tmp_path / "new.pth")
    assert imported(tmp_path / "old.pth", old) == imported(tmp_path / "new.pth", new)
    assert old[0].replace("old.pth", "new.pth") == new[0]
    assert len(new) == 1
    assert len(old) == 2, "one line more"
    assert old[1].startswith(f"{tmp_path / 'old.pth'}: PyTorch's format before version 1.6, which has no checksums; ")


def test_several_old_files_are_named_in_one_line(tmp_path):
    files = {name: str(tmp_path / f"{name}.pth") for name in ("G_A", "G_B", "D_A")}
    for name, path in files.items():
        state = pth_files.numbers(pth_files.patch(layers=1, filters=2)) if name == "D_A" else STATE
        torch.save(state, path, _use_new_zipfile_serialization=name == "D_A")
    said: list[str] = []
    options = Options(files["G_A"], files["G_B"], {"net_d_a": files["D_A"]}, tmp_path / "g.safetensors")
    import_checkpoint(options, said.append)
    assert [line for line in said if "checksums" in line] == [said[-1]]
    assert said[-1].startswith(f"{files['G_A']}, {files['G_B']}: PyTorch's format")


@pytest.mark.parametrize("pickler", [Python2, Python3])
@pytest.mark.parametrize("v2", [False, True], ids=["_rebuild_tensor", "_rebuild_tensor_v2"])
@pytest.mark.parametrize("gpu", [False, True])
def test_files_of_2017(pickler, v2, gpu, tmp_path):
    """Of Python 2 and of a GPU, with statistics that an instance norm never used and without the later counters."""
    on = {"kind": torch.cuda.FloatStorage, "place": "cuda:0"} if gpu else {}
    state = {k: t for k, t in pth_files.numbers(STATES["resnet, stale statistics"]).items() if t.ndim}
    content = OrderedDict((name, tensor(numbers, v2, **on)) for name, numbers in state.items())
    content._metadata = OrderedDict({"": {"version": 1}})
    assert b"num_batches_tracked" not in legacy_files.write(tmp_path / "old.pth", content, pickler)
    torch.save(state, tmp_path / "new.pth")
    assert imported(tmp_path / "old.pth") == imported(tmp_path / "new.pth")
    assert all(torch.equal(numbers, state[name]) for name, numbers in pth.read(str(tmp_path / "old.pth")).items())


def test_one_network_of_an_old_checkpoint_with_an_optimizer(tmp_path):
    """Whose parameters' numbers were addresses then, larger than any file."""
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    weight = layers[0].weight
    optimizer = {"state": {140_234_234_234_234: {"exp_avg": weight * 2}}, "param_groups": [{"lr": 0.1}]}
    content = {"netG": layers.state_dict(), "parameters": [weight], "epoch": 10**12, "optimizer": optimizer}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(pth.read(f"{tmp_path / 'x.pth'}:netG")["0.weight"], weight)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_and_views(dtype, tmp_path):
    numbers = torch.randn(6, 8).to(dtype)
    content = {"a.weight": numbers.T, "b.weight": numbers[2:4, ::2]}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    state = pth.read(str(tmp_path / "x.pth"))
    assert all(torch.equal(state[name], content[name]) for name in content)


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_numbers_that_are_none_are_refused(old, value, tmp_path):
    state = {name: numbers.clone() for name, numbers in STATE.items()}
    state["model.4.bias"][1] = value
    torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    with pytest.raises(
        UserError, match=r"'model.4.bias' holds NaN or infinity: its training had diverged, or the file"
    ):
        imported(tmp_path / "x.pth")
    assert not (tmp_path / "x.safetensors").exists()
