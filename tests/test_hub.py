"""hf://user/name as a model: fetched, checked and used as any other, or refused in a sentence; from a local server."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hub_server import TOKEN
from PIL import Image
from small import ENVIRONMENT, run_verb, tiny_model

import translate
from translate.errors import DAMAGED, UNAVAILABLE, USAGE, UserError
from translate.model import hub as addresses


@pytest.fixture
def content(tmp_path) -> bytes:
    return tiny_model(tmp_path / "own" / "generator.safetensors").read_bytes()


@pytest.fixture
def picture(tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "one.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    return path


def test_it_is_the_model_that_it_is_at_home(hub, content, picture, tmp_path):
    first = hub.put("ann/same", {"generator.safetensors": content})
    hub.put("ann/same", {"generator.safetensors": b"something else"})
    mine = np.asarray(translate.load(tmp_path / "own" / "generator.safetensors")(picture))
    assert (np.asarray(translate.load(f"hf://ann/same@{first}")(picture)) == mine).all()
    asked = len(hub.asked)
    assert (np.asarray(translate.load(f"hf://ann/same@{first}")(picture)) == mine).all()
    assert not any(method == "GET" for method, _ in hub.asked[asked:]), "it is fetched once"


@pytest.mark.slow
def test_every_verb_takes_it(hub, content, picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hub.put("ann/verbs", {"generator.safetensors": content})
    code, _, said = run_verb(monkeypatch, capsys, "convert", "hf://ann/verbs", "in", "out", "--device", "cpu")
    assert code == 0, said
    assert (tmp_path / "out" / "one.png").is_file()
    words = ("evaluate", "hf://ann/verbs", "--a", "in", "--b", "other", "--all", "--device", "cpu")
    (tmp_path / "other").mkdir()
    for number in range(3):
        Image.open(picture).rotate(45 + 90 * number).save(tmp_path / "other" / f"{number}.png")
        Image.open(picture).rotate(90 * number).save(tmp_path / "in" / f"more{number}.png")
    code, _, said = run_verb(monkeypatch, capsys, *words)
    assert code == 0, said
    assert (tmp_path / "verbs-evaluation" / "evaluation.json").is_file()
    code, _, said = run_verb(monkeypatch, capsys, "export", "hf://ann/verbs", "--to", "onnx")
    assert code == 0, said
    assert (tmp_path / "verbs.onnx").is_file()
    code, _, said = run_verb(monkeypatch, capsys, "sample", "hf://ann/verbs")
    assert (code, "translates images" in said) == (USAGE, True)


ALTERED = {
    "a flipped bit": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "half of it": lambda content: content[: len(content) // 2],
    "a pickle": lambda _: b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("kind", ALTERED)
def test_a_file_that_load_refuses_is_refused(hub, content, kind, picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = f"eve/{kind.replace(' ', '-')}"
    hub.put(name, {"generator.safetensors": ALTERED[kind](content)})
    code, said, problem = run_verb(monkeypatch, capsys, "convert", f"hf://{name}", "in", "out")
    assert code == DAMAGED, said + problem
    assert len(problem.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("hf://ann/absent", USAGE, "no such repository, or it is private"),
        ("hf://ann/private", USAGE, "no such repository, or it is private"),
        ("hf://ann/empty", DAMAGED, "no generator.safetensors"),
        ("hf://ann/there@gone", USAGE, "no such revision"),
        ("hf://ann", USAGE, "should be hf://user/name"),
        ("hf://../etc/passwd", USAGE, "should be hf://user/name"),
        ("hf://ann/there@../../x", USAGE, "should be hf://user/name"),
    ],
)
def test_what_is_not_there_is_said(hub, content, address, code, words):
    hub.put("ann/private", {"generator.safetensors": content}, private=True)
    hub.put("ann/empty", {"README.md": b"empty"})
    hub.put("ann/there", {"generator.safetensors": content})
    with pytest.raises(UserError, match=words) as refused:
        translate.load(address)
    assert refused.value.code == code
    assert "\n" not in str(refused.value)


def test_a_private_one_with_the_token(hub, content, monkeypatch):
    hub.put("ann/private-too", {"generator.safetensors": content}, private=True)
    with pytest.raises(UserError, match="HF_TOKEN"):
        translate.load("hf://ann/private-too")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert translate.load("hf://ann/private-too").direction == "a2b"


def test_a_file_that_is_too_large_is_not_fetched(hub, content, monkeypatch):
    hub.put("eve/large", {"generator.safetensors": content})
    monkeypatch.setattr(addresses, "MOST", len(content) - 1)
    with pytest.raises(UserError, match="at most"):
        translate.load("hf://eve/large")
    assert not any(method == "GET" for method, path in hub.asked if "eve/large" in path)


def test_a_hub_in_trouble(hub, content, monkeypatch):
    hub.put("ann/down", {"generator.safetensors": content})
    monkeypatch.setattr(hub, "failing", 418)
    with pytest.raises(UserError, match="answers with the error 418") as refused:
        translate.load("hf://ann/down")
    assert refused.value.code == UNAVAILABLE


def run_apart(tmp_path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    """`translate WORDS` in a process with a cache of its own."""
    script = "from translate.cli import main; main()"
    own = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1", **environment}
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**ENVIRONMENT, **own}, timeout=300
    )


def test_without_the_extra(picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    code, _, problem = run_verb(monkeypatch, capsys, "convert", "hf://ann/any", "in", "out")
    assert code == UNAVAILABLE
    assert problem.strip() == 'error: the Hugging Face Hub needs huggingface_hub: pip install "imgtranslate[hub]".'
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_without_a_network(tmp_path, picture):
    words = ("convert", "hf://ann/any", "in", "out")
    done = run_apart(tmp_path, *words, HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN=TOKEN)
    assert done.returncode == UNAVAILABLE, done.stderr
    assert "127.0.0.1:9 can't be reached" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_in_a_process_of_its_own(hub, content, picture, tmp_path):
    """As a user has it: the address of the hub from the environment, the cache empty, then no network at all."""
    hub.put("ann/process", {"generator.safetensors": content})
    words = ("convert", "hf://ann/process", "in", "out", "--device", "cpu")
    done = run_apart(tmp_path, *words, HF_ENDPOINT=hub.address)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "one.png").is_file()
    again = run_apart(tmp_path, *words[:-3], "more", *words[-2:], HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert os.listdir(tmp_path / "more") == os.listdir(tmp_path / "out")
