"""Opening ONNX files: ours run without torch; a stranger's, a damaged or a hostile one is refused in one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from export_models import write_model
from onnx import TensorProto, helper

import translate
from translate.errors import DAMAGED, USAGE, UserError
from translate.export.onnx import onnx_bytes
from translate.model import onnx_guard
from translate.model.onnx_engine import OnnxEngine


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    model = write_model(folder / "g.safetensors", network="unet", depth=2, norm="group")
    (folder / "ours.onnx").write_bytes(onnx_bytes(str(model)))
    return folder / "ours.onnx"


def seal(proto: onnx.ModelProto, said: dict | None = None) -> bytes:
    """What an attacker can do as well: the file with a matching SHA-256."""
    said = json.loads(proto.metadata_props[0].value) if said is None else said
    said.pop("sha256", None)
    proto.metadata_props[0].value = json.dumps({"sha256": onnx_guard.BLANK, **said})
    return onnx_guard.seal(proto.SerializeToString())


def outside(tensor: TensorProto, location: str, **more) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)


def constant(place: str) -> onnx.NodeProto:
    """A node whose tensor is in an attribute: the other place where weights can be."""
    tensor = TensorProto(name="x", data_type=TensorProto.FLOAT, dims=[1])
    outside(tensor, place)
    return helper.make_node("Constant", [], ["x"], value=tensor)


def branch() -> onnx.NodeProto:
    result = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([constant("/etc/passwd")], "then", [], [result])
    return helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=graph)


def hostile() -> dict:
    """name -> (what to do to a good file, what the sentence says)."""
    elsewhere, inner = "keeps weights in another file", "has subgraphs or functions"
    many = helper.make_node("Loop", ["a"], ["b"])
    many.attribute.add(name="graphs", type=onnx.AttributeProto.GRAPHS).graphs.add(name="g")
    two = helper.make_tensor_value_info("image", TensorProto.FLOAT, None)
    function = helper.make_function("imgtranslate", "F", ["x"], ["x"], [constant("a")], [helper.make_opsetid("", 18)])
    paths = ["secret.bin", "../secret.bin", "/etc/passwd", "C:\\secret.bin", "a/../../b", "file:///etc/passwd", ""]
    cases = {
        f"weights in {path or 'nowhere'}": (lambda p, path=path: outside(p.graph.initializer[0], path), elsewhere)
        for path in paths
    }
    return cases | {
        "odd offsets": (lambda p: outside(p.graph.initializer[1], "x", offset="-1", length=str(2**62)), elsewhere),
        "location alone": (lambda p: setattr(p.graph.initializer[0], "data_location", 1), elsewhere),
        "entries alone": (lambda p: p.graph.initializer[0].external_data.add(key="location", value="x"), elsewhere),
        "weights of a node": (lambda p: p.graph.node.append(constant("../x")), elsewhere),
        "a subgraph": (lambda p: p.graph.node.append(branch()), inner),
        "subgraphs": (lambda p: p.graph.node.append(many), inner),
        "a function": (lambda p: p.functions.append(function), inner),
        "training": (lambda p: p.training_info.add().algorithm.node.append(constant("x")), inner),
        "sparse weights": (lambda p: p.graph.sparse_initializer.add().values.dims.append(1), inner),
        "a custom operator": (
            lambda p: p.graph.node.add(op_type="Run", domain="evil"),
            "of the domain 'evil'",
        ),
        "a custom domain": (lambda p: p.opset_import.add(domain="com.evil", version=1), "of the domain 'com.evil'"),
        "two inputs": (
            lambda p: p.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1])),
            "doesn't take and give one batch of float pictures",
        ),
        "two outputs": (lambda p: p.graph.output.append(two), "doesn't take and give one batch of float pictures"),
        "a missing input": (lambda p: p.graph.node[3].input.__setitem__(0, "nowhere"), "can't open"),
        "an unknown operator": (lambda p: setattr(p.graph.node[3], "op_type", "Nonsense"), "can't open"),
    }


@pytest.mark.parametrize("case", hostile())
def test_hostile_files_are_refused(case, ours, tmp_path):
    change, sentence = hostile()[case]
    proto = onnx.load(ours)
    change(proto)
    path = tmp_path / "x.onnx"
    path.write_bytes(seal(proto))
    with pytest.raises(UserError, match=sentence) as caught:
        OnnxEngine.load(path)
    assert caught.value.code == DAMAGED
    assert "x.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sealed_copy_without_changes_is_good(ours, tmp_path):
    """So that the tests above refuse for what was changed."""
    proto = onnx.load(ours)
    (tmp_path / "x.onnx").write_bytes(seal(proto))
    assert OnnxEngine.load(tmp_path / "x.onnx").direction == "a2b"


WRONG = [
    ("directions", {}),
    ("directions", {"a2b": {}, "b2a": {}}),
    ("directions", ["a2b"]),
    ("directions", {"a2b": {"arguments": {"in_channels": 7, "out_channels": 3}}}),
    ("directions", {"a2b": {"arguments": {"in_channels": [3], "out_channels": 3}}}),
    ("directions", {"../a2b": {"arguments": {"in_channels": 3, "out_channels": 3}}}),
    ("grey", ["a"]),
    ("background", "red"),
    ("background", [1, 2]),
    ("background", [1, 2, 300]),
    ("onnx", {"io": "int64"}),
    ("onnx", {"io": ["float"]}),
    ("onnx", None),
    ("onnx", {"io": "uint8"}),
]


@pytest.mark.parametrize(("key", "value"), WRONG, ids=str)
def test_descriptions_that_lie_are_refused(key, value, ours):
    proto = onnx.load(ours)
    said = json.loads(proto.metadata_props[0].value) | {key: value}
    right = r"doesn't say which pictures|doesn't take and give|in what it says of itself, "
    with pytest.raises(UserError, match=right) as caught:
        OnnxEngine(seal(proto, said), "x.onnx")
    assert caught.value.code == DAMAGED


def test_damaged_and_foreign_files_are_told_apart(ours, tmp_path):
    content = ours.read_bytes()
    foreign = onnx.load(ours)
    del foreign.metadata_props[:]
    nested = b'{"sha256": "' + b"0" * 64 + b'", "a": ' + b"[" * 100_000
    deep = onnx.load(ours)
    deep.metadata_props[0].value = nested.decode()
    cases = [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not an ONNX file"),
        (content[:-1], "is not an ONNX file, or only a part of one"),
        (content[: len(content) // 2], "is not an ONNX file, or only a part of one"),
        (content + b"x", "is not an ONNX file"),
        (b"\x08\x00\x00\x00ORTM" + content, "is not an ONNX file"),
        (content + b"\xca\x81\x80\x80\x10\x00", "is not an ONNX file"),  # field 25 (a function), in a number of 33 bits
        (foreign.SerializeToString(), "was not written by `translate export`"),
        (onnx_guard.seal(deep.SerializeToString()), "what it says of itself can't be read"),
    ]
    for place in (200, len(content) // 2, len(content) - 200):  # a node, a weight, the description
        flipped = bytearray(content)
        flipped[place] ^= 4
        cases.append((bytes(flipped), "is damaged|is not an ONNX file|which no file of"))
    for number, (wrong, sentence) in enumerate(cases):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(wrong)
        with pytest.raises(UserError, match=sentence) as caught:
            translate.load(path)
        assert caught.value.code == DAMAGED
        assert f"{number}.onnx" in str(caught.value)


def test_random_damage_never_gets_through(ours):
    """500 files with up to three bytes changed, and 200 cut ones: every one is refused, none with a traceback."""
    content, random = ours.read_bytes(), np.random.default_rng(0)
    for number in range(700):
        wrong = bytearray(content)
        if number < 500:
            for place in random.integers(0, len(content), 1 + number % 3):
                wrong[place] ^= int(random.integers(1, 256))
        else:
            del wrong[int(random.integers(0, len(content))) :]
        with pytest.raises(UserError):
            onnx_guard.description(bytes(wrong), "x.onnx")


def test_wishes_that_a_file_can_not_fulfil(ours, tmp_path):
    cases = [
        (lambda: OnnxEngine.load(ours, "b2a"), "translates a2b only, not b2a", USAGE),
        (lambda: OnnxEngine.load(ours, device="mps"), "runs on cpu, cuda or auto, not on mps", USAGE),
        (lambda: OnnxEngine.load(tmp_path / "none.onnx"), "can't be read: No such file", DAMAGED),
        (lambda: OnnxEngine.load(tmp_path), "can't be read", DAMAGED),
    ]
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        cases.append((lambda: OnnxEngine.load(ours, device="cuda"), "has no CUDA; pip install onnxruntime-gpu", USAGE))
    for wish, sentence, code in cases:
        with pytest.raises(UserError, match=sentence) as caught:
            wish()
        assert caught.value.code == code
    levels = np.full((1, 9, 9, 3), 100, np.uint8)
    auto = OnnxEngine.load(ours, device="auto", threads=1)
    assert np.array_equal(auto(levels), OnnxEngine.load(ours)(levels))


def test_a_weight_that_is_not_a_number_is_noticed(ours):
    proto = onnx.load(ours)
    floats = [t for t in proto.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 4]
    floats[-1].raw_data = np.full(floats[-1].dims, np.nan, np.float32).tobytes()
    with pytest.raises(FloatingPointError, match="NaN"):
        OnnxEngine(seal(proto), "x.onnx")(np.zeros((1, 8, 8, 3), np.uint8))


def test_translating_with_an_onnx_file_imports_neither_torch_nor_onnx(ours, tmp_path):
    code = (
        "import sys, numpy, translate\n"
        "picture = translate.load(sys.argv[1])(numpy.zeros((9, 7, 3), 'uint8'))\n"
        "print(picture.shape, [name for name in ('torch', 'onnx', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ours)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "(9, 7, 3) []", done.stderr
    assert done.stderr == ""


def test_without_onnxruntime_one_sentence_says_what_to_install(ours):
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import translate\n"
        "from translate.errors import UserError\n"
        "try: translate.load(sys.argv[1])\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ours)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"{ours} needs onnxruntime: pip install onnxruntime."
