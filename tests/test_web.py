"""`translate web` and the folder of `--to web`: what is written, from where, and what is refused."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from export_models import write_model

from translate.errors import UNAVAILABLE, UserError
from translate.export.web import runtime
from translate.export.web.about import of_pictures
from translate.export.web.build import build

NETWORK = pytest.mark.network  # needs npm: the runtime comes from there the first time


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A generator that came from elsewhere: its file says nothing of licences, and its names are unfriendly."""
    path = tmp_path_factory.mktemp("secret_folder") / "<!--<script><b>.safetensors"
    return write_model(path, network="light", norm="none", downs=1, upsampling="resize")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "page"
    assert build(model, folder, say=silent) == sorted(file for file in folder.rglob("*") if file.is_file())
    return folder


def about(folder: Path) -> dict:
    page = (folder / "index.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="about">(.*?)</script>', page, re.DOTALL)[1])


@NETWORK
def test_network_the_folder_is_complete_and_holds_nothing_of_this_machine(folder, model):
    named = {file["name"] for files in about(folder)["data"].values() for file in files}
    assert named == {file.relative_to(folder).as_posix() for file in (folder / "data").iterdir()}
    page = (folder / "index.html").read_text(encoding="utf-8")
    for link in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert (folder / link).is_file(), link
    licences = (folder / "LICENCES.txt").read_text(encoding="utf-8")
    for words in ("Copyright (c) 2026 The imgtranslate authors", "Copyright (c) Microsoft Corporation", "protobuf"):
        assert words in licences
    for file in folder.rglob("*"):
        assert file.is_dir() or str(model.parent).encode() not in file.read_bytes()


@NETWORK
def test_network_files_names_are_not_taken_for_html(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert any("<!--<script><b>.safetensors" in text for _, text in about(folder)["facts"])


@NETWORK
def test_network_no_page_asks_other_hosts(folder):
    """Every address in what we wrote is a relative one; the runtime's own code can't reach out (test_web_page.py)."""
    for file in folder.iterdir():
        if file.suffix in (".js", ".css", ".html"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"(https?:)?//[a-z]", re.sub(r"(^|\s)// .*|/\*\*? .*|<!--.*", "", text)), file.name


def test_a_folder_that_is_there_is_left_alone(model, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        build(model, tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["index.html"]
    assert (tmp_path / "mine" / "index.html").read_text() == "mine"


def test_a_direction_it_does_not_have_is_said_before_anything_is_fetched(model, tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="a2b only, not b2a"):
        build(model, tmp_path / "page", "b2a")
    assert list(tmp_path.iterdir()) == []


def test_without_npm_one_sentence_says_so_and_nothing_is_written(model, tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "no programs"))
    with pytest.raises(UserError, match=r"onnxruntime-web is fetched with npm, which is not installed") as error:
        build(model, tmp_path / "page", say=silent)
    assert error.value.code == UNAVAILABLE
    assert not (tmp_path / "page").exists()


@NETWORK
def test_network_the_second_time_needs_no_network(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert len(runtime.fetch(silent)) == 3


@pytest.mark.parametrize(
    ("name", "lines"),
    [("openmoji_line", True), ("Edges", True), ("my sketches", True), ("photos", False), ("fluent_flat", False)],
)
def test_line_art_begins_with_the_drawing_board(model, name, lines):
    entry = {"from": name, "to": "x", "arguments": {"in_channels": 3, "out_channels": 3, "filters": 8}}
    description = {"directions": {"a2b": {"network": "light", **entry}}}
    assert of_pictures(description, "a2b", model)["lines"] is lines


@NETWORK
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_network_the_verb_serves_until_it_is_stopped(model, tmp_path, number, code):
    command = [sys.executable, "-m", "translate", "web", str(model)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        # a shell's background jobs ignore SIGINT and hand that on, and the tests may be such a job
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    try:
        lines = iter(process.stdout.readline, "")
        said = next((line for line in lines if "http://127.0.0.1:" in line), None)
        assert said, process.stderr.read()
        with urllib.request.urlopen(re.search(r"http://\S+", said)[0], timeout=10) as answer:
            assert b"<h1>lines to filled</h1>" in answer.read()
        process.send_signal(number)
        _, complaint = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == code
    assert "Traceback" not in complaint
    assert not list(tmp_path.glob("translate-web-*")), "the page went with it"


def test_the_verb_says_that_a_port_is_taken_before_it_begins():
    from translate.export.web.serve import Server

    with Server() as server:
        command = [sys.executable, "-m", "translate", "web", "openmoji_line2color", "--port", str(server.server_port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --port {server.server_port} is taken")
    assert done.stderr.count("\n") == 1


def test_a_stop_signal_while_a_connection_is_accepted_ends_the_server():
    from translate.export.web.serve import Server

    class Stopped(Server):
        def process_request(self, *_):  # what the handler of `translate web` does in this moment
            self.stopped = UserError("stopped by SIGHUP", 129)
            raise self.stopped

    with (
        Stopped(0) as server,
        socket.create_connection(server.server_address),
        pytest.raises(UserError, match="SIGHUP"),
    ):
        server.serve_forever()
