"""`translate import`: every architecture is read off its names and shapes, and what doesn't fit is said in words."""

import itertools

import pth_files
import pytest
import torch

from translate.errors import UserError
from translate.interop import pth
from translate.interop.importing import Options, import_checkpoint
from translate.interop.recognise import recognise
from translate.model import file as generator_file
from translate.model.translator import Translator

PREFIXES = ("", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module.")
CHANNELS = ((3, 3), (1, 3), (3, 1))
NORMS = ("instance", "batch", "syncbatch", "none")


def save(path, state, prefix=""):
    torch.save({prefix + name: tensor for name, tensor in state.items()}, path)
    return str(path)


def imported(tmp_path, state, prefix="", **options):
    """(tensors, description, path) of the generator file that `translate import` makes of `state`."""
    options = {"file": save(tmp_path / "in.pth", state, prefix), "out": tmp_path / "out.safetensors", **options}
    path = import_checkpoint(Options(**options), lambda line: None)
    return generator_file.read(path)


def check(tmp_path, state, prefix, network, expected):
    """That the file says `expected` of its network, and that its weights are the state's, or 0 where it has none."""
    tensors, description, path = imported(tmp_path, state, prefix)
    entry = description["directions"]["a2b"]
    assert (entry["network"], entry["arguments"]) == (network, {**entry["arguments"], **expected})
    for name, tensor in tensors.items():
        theirs = state.get(name.removeprefix("a2b/"), torch.zeros(1, dtype=tensor.dtype))
        assert torch.equal(tensor, theirs.expand_as(tensor)), name
    assert {f"a2b/{name}" for name in state} <= tensors.keys()
    Translator.load(path)
    path.unlink()


RESNETS = list(itertools.product((1, 6), (1, 4), CHANNELS, NORMS, (False, True)))


@pytest.mark.parametrize(("blocks", "filters", "channels", "norm", "dropout"), RESNETS)
def test_every_resnet_is_recognised(blocks, filters, channels, norm, dropout, tmp_path):
    shapes = pth_files.resnet(norm, blocks=blocks, filters=filters, channels=channels, dropout=dropout)
    expected = {"in_channels": channels[0], "out_channels": channels[1], "filters": filters, "blocks": blocks,
                "downs": 2, "kernel": 7, "norm": norm.removeprefix("sync"), "dropout": dropout, "padding": "reflect",
                "upsampling": "deconv", "residual": False}  # fmt: skip
    prefix = PREFIXES[(blocks + filters + NORMS.index(norm)) % len(PREFIXES)]
    check(tmp_path, pth_files.numbers(shapes), prefix, "resnet", expected)


UNETS = list(itertools.product((5, 8), (1, 2), CHANNELS, NORMS))


@pytest.mark.parametrize(("depth", "filters", "channels", "norm"), UNETS)
def test_every_unet_is_recognised(depth, filters, channels, norm, tmp_path):
    shapes = pth_files.unet(norm, depth=depth, filters=filters, channels=channels)
    expected = {"in_channels": channels[0], "out_channels": channels[1], "filters": filters, "depth": depth,
                "norm": norm.removeprefix("sync"), "upsampling": "deconv", "residual": False}  # fmt: skip
    prefix = PREFIXES[(depth + filters + NORMS.index(norm)) % len(PREFIXES)]
    check(tmp_path, pth_files.numbers(shapes), prefix, "unet", expected)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_of_wrappers_are_taken_off_in_any_order(prefix, tmp_path):
    state = pth_files.numbers(pth_files.resnet(blocks=1, filters=2))
    assert pth.read(save(tmp_path / "x.pth", state, prefix)).keys() == state.keys()


@pytest.mark.parametrize(
    ("layers", "filters", "channels", "norm"), [*itertools.product((1, 3, 5), (1, 4), (1, 6), NORMS)]
)
def test_every_discriminator_is_recognised(layers, filters, channels, norm):
    found = recognise(pth_files.patch(norm, layers=layers, filters=filters, channels=channels), "x")
    expected = {"in_channels": channels, "filters": filters, "layers": layers, "stop": 2}
    assert (found.network, found.arguments) == ("patch", {**expected, "norm": norm.removeprefix("sync")})
    found = recognise(pth_files.pixel(norm, filters=filters, channels=channels), "x")
    expected = {"in_channels": channels, "filters": filters, "norm": norm.removeprefix("sync")}
    assert (found.network, found.arguments) == ("pixel", expected)


@pytest.mark.parametrize(
    ("shapes", "parameters", "entries"),
    [
        (pth_files.resnet(), 11_378_179, 48),
        (pth_files.resnet(blocks=6), 7_837_699, 36),
        (pth_files.resnet("batch"), 11_383_427, 140),
        (pth_files.resnet(dropout=True), 11_378_179, 48),
        (pth_files.unet(), 54_413_955, 82),
        (pth_files.unet(depth=7), 41_828_995, 70),
        (pth_files.unet("instance"), 54_409_603, 32),
        (pth_files.patch(), 2_764_737, 10),
        (pth_files.patch("batch", channels=6), 2_768_705, 22),
    ],
)
def test_published_counts(shapes, parameters, entries):
    assert len(shapes) == entries
    network = recognise(shapes, "x").build()
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == shapes


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("upsampling", ["deconv", "resize", "shuffle"])
@pytest.mark.parametrize("network", ["resnet", "unet"])
def test_our_own_networks_are_recognised_by_their_upsampling(network, upsampling, norm):
    own = {"resnet": {"blocks": 2, "downs": 3, "kernel": 5}, "unet": {"depth": 4, "dropout": norm == "batch"}}[network]
    with torch.device("meta"):
        built = generator_file.GENERATORS[network](1, 3, filters=4, norm=norm, upsampling=upsampling, **own)
    found = recognise({name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}, "x")
    assert (found.arguments["in_channels"], found.arguments["out_channels"]) == (1, 3)
    assert found.arguments == {**found.arguments, **own, "upsampling": upsampling, "norm": norm, "filters": 4}


@pytest.mark.parametrize("shapes", [pth_files.resnet(blocks=2, filters=2), pth_files.unet("instance", filters=2)])
def test_stale_statistics_of_an_instance_norm_are_left_out(shapes, tmp_path):
    old = pth_files.stale(shapes)
    assert len(old) >= 15
    tensors, description, _ = imported(tmp_path, pth_files.numbers(shapes | old))
    assert {name.removeprefix("a2b/") for name in tensors} == shapes.keys()
    assert description["directions"]["a2b"]["arguments"]["norm"] == "instance"


def test_batch_norm_of_before_the_counter_existed(tmp_path):
    state = pth_files.numbers(pth_files.unet(depth=5, filters=1))
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    tensors = imported(tmp_path, old)[0]
    assert len(tensors) == len(state)
    assert all(tensor == 0 for name, tensor in tensors.items() if name.endswith("num_batches_tracked"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_become_float32(dtype, tmp_path):
    state = {name: t.to(dtype) for name, t in pth_files.numbers(pth_files.resnet(blocks=1, filters=2)).items()}
    tensors = imported(tmp_path, state)[0]
    assert all(torch.equal(tensor, state[name.removeprefix("a2b/")].float()) for name, tensor in tensors.items())
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_a_network_saved_in_channels_last_is_the_same(tmp_path):
    state = pth_files.numbers(pth_files.resnet(blocks=1, filters=2))
    laid_out = {name: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for name, t in state.items()}
    tensors = imported(tmp_path, laid_out)[0]
    assert all(torch.equal(tensor, state[name.removeprefix("a2b/")]) for name, tensor in tensors.items())


# What doesn't fit ---------------------------------------------------------------------------------------------------

NINE_BATCH = pth_files.resnet("batch", filters=2)
NINE = pth_files.resnet(filters=2)
U = pth_files.unet(filters=1)
WRONG = [
    (NINE, "model.12.conv_block.5.weight", None, "with 9 blocks, but the second convolution of block 3 is missing"),
    (NINE, "model.12.conv_block.5.bias", None, "but the bias of the second convolution of block 3 is missing"),
    (NINE, "model.10.", None, "a ResNet generator with 9 blocks, but the first convolution of block 1 is missing"),
    (NINE, "model.15.", None, "9 blocks, but the first convolution of block 6 is missing"),
    (NINE, "model.1.weight", None, "9 blocks, but the first convolution is missing"),
    (NINE, "model.26.bias", None, "9 blocks, but the bias of the last convolution is missing"),
    (NINE, "model.26.weight", None, "9 blocks, but the last convolution is missing"),
    (NINE, "model.7.weight", None, "9 blocks, but the downsampling convolution 2 is missing"),
    (NINE, "model.19.weight", (8, 5, 3, 3), "but the upsampling convolution 1 is 8×5×3×3 where 8×4×3×3 would fit"),
    (NINE, "model.99.weight", (3, 3), "but it also has 'model.99.weight', which such a network doesn't have"),
    (NINE, "model.1.weight", (2, 3, 4, 4), "asks for a network that can't be built here: 'kernel' is 4"),
    (NINE, "model.1.weight", (2, 3), "but the first convolution is 2×3, no convolution"),
    (NINE, "model.500000.conv_block.1.weight", (8, 8, 3, 3), "has 10 of 499991 blocks"),
    (NINE, "model.5.weight", (4,), "norms with weights but without running statistics"),
    (NINE, "model.4.filt", (4, 1, 3, 3), "CUT with its anti-aliased"),
    (NINE_BATCH, "model.12.conv_block.6.running_var", None, "the running var of the norm after the second convolution"),
    (U, "model.model.1.model.1.weight", None, "of depth 8, but the downsampling convolution 2 is missing"),
    (U, "model.model.3.bias", None, "but the bias of the last convolution is missing"),
    (U, "model.model.1.model.2.bias", (9,), "bias of the norm after the downsampling convolution 2 is 9 where 2 would"),
    (U, "model.model." + "1.model." * 20 + "1.weight", (1, 1, 4, 4), "'depth' is 21"),
    (pth_files.patch(filters=2), "model.5.weight", None, "PatchGAN"),
    ({}, "convs.0.conv.weight", (3, 3), "its weights begin with 'convs.0.conv.weight', where a ResNet"),
    ({}, "mlp_0.0.weight", (3, 3), "the feature sampler of CUT"),
    ({}, "model.0.weight_orig.weight", (3, 3), "spectral norm"),
    ({}, "model." + "9" * 5000 + ".conv_block.1.weight", (3, 3), "is not a network of"),
    ({}, "model.model.0.weight", (3, 3, 4, 4), "a U-Net generator of depth 2, but the last convolution is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("shapes", "name", "shape", "sentence"), WRONG, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_said_in_words(shapes, name, shape, sentence, tmp_path):
    wrong = {key: size for key, size in shapes.items() if shape or not key.startswith(name)}
    if shape:
        wrong[name] = shape
    assert wrong != shapes
    with pytest.raises(UserError) as caught:
        imported(tmp_path, pth_files.numbers(wrong))
    said = str(caught.value)
    assert sentence in said
    assert "in.pth" in said
    assert len(said) < 400, "no dump of names"
    assert caught.value.code == 5
    assert not (tmp_path / "out.safetensors").exists()


def test_numbers_of_a_diverged_training_are_refused(tmp_path):
    state = pth_files.numbers(pth_files.resnet(blocks=1, filters=2))
    state["model.4.bias"][1] = float("nan")
    with pytest.raises(UserError, match=r"its 'model.4.bias' holds NaN or infinity: its training had diverged"):
        imported(tmp_path, state)


# Files that hold more than one state dict ---------------------------------------------------------------------------


def test_the_one_network_of_a_checkpoint_is_found(tmp_path):
    state = pth_files.numbers(pth_files.resnet(blocks=1, filters=2))
    moments = {"state": {0: {"step": 1, "exp_avg": torch.zeros(2, 3, 7, 7)}}, "param_groups": [{"params": [0]}]}
    whole = {"epoch": 7, "checkpoint": {"netG": {**state, "_metadata": {"": 1}}}, "optimizer": moments}
    torch.save(whole, tmp_path / "x.pth")
    assert pth.read(str(tmp_path / "x.pth")).keys() == state.keys()


def test_of_several_networks_one_is_named(tmp_path):
    first, second = (pth_files.numbers(pth_files.resnet(blocks=n, filters=2)) for n in (1, 2))
    torch.save({"netG": first, "models": {"netF": second}}, tmp_path / "x.pth")
    path = str(tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"holds several networks \(netG, models.netF\); name one, as .*x.pth:netG"):
        pth.read(path)
    assert pth.read(f"{path}:models.netF").keys() == second.keys()
    with pytest.raises(UserError, match=r"holds no network 'netD'; it has netG, models.netF"):
        pth.read(f"{path}:netD")


@pytest.mark.parametrize(
    "content", [[], 3, {}, {"a": 1}, torch.zeros(3), {1: torch.zeros(3)}, {"bias": torch.zeros(1)}]
)
def test_files_without_weights(content, tmp_path):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x.pth holds no network's weights"):
        pth.read(str(tmp_path / "x.pth"))


def test_a_dictionary_that_holds_itself_ends(tmp_path):
    ring = {}
    ring["again"] = ring
    torch.save(ring, tmp_path / "x.pth")
    with pytest.raises(UserError, match="holds no network's weights"):
        pth.read(str(tmp_path / "x.pth"))
