"""The server of `translate web`: for this machine only, the folder's files by their names, and nothing else."""

import http.client
import socket
import sys
import threading

import pytest

from translate.errors import UserError
from translate.export.web.serve import Server


@pytest.fixture
def server(tmp_path):
    """A folder with a page, beside a secret."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "page"
    (folder / "data").mkdir(parents=True)
    (folder / "index.html").write_text("<p>page")
    (folder / "data" / "model.js").write_text("packed()")
    with Server() as server:
        server.show(folder)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path="/", method="GET", host=None):
    """(status, body, headers) of a request whose path goes out exactly as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, {name.lower(): value for name, value in answer.getheaders()}


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("/", b"<p>page", "text/html; charset=utf-8"),
        ("/index.html", b"<p>page", "text/html; charset=utf-8"),
        ("/data/model.js?again", b"packed()", "text/javascript; charset=utf-8"),
    ],
)
def test_the_files_of_the_folder(server, path, content, kind):
    status, body, headers = ask(server, path)
    assert (status, body, headers["content-type"]) == (200, content, kind)
    assert ask(server, path, "HEAD")[:2] == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/data/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/..\\secret.txt",
        "//secret.txt", "/data", "/data/", "/data/..", "/.", "/index.html/", "/etc/passwd", "//etc/passwd",
        "http://127.0.0.1/../secret.txt", "/INDEX.html", "/index.html%00", "*",
        "http://[/x",
    ],
)  # fmt: skip
def test_nothing_else(server, path):
    status, body, _ = ask(server, path)
    assert (status, body) == (404, b"Not found.\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reading(server, method):
    assert ask(server, "/", method)[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example", ""])
def test_other_names_for_this_machine_are_turned_away(server, host):
    """DNS rebinding: a site whose name was made to mean 127.0.0.1 would otherwise read the page as its own."""
    status, body, _ = ask(server, "/", host=host)
    assert status == 421
    assert b"page" not in body
    assert ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200


def test_no_other_page_may_read_it_and_the_runtime_may_use_threads(server):
    headers = ask(server)[2]
    assert "access-control-allow-origin" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"


def test_only_this_machine_reaches_it(server):
    assert server.server_address[0] == "127.0.0.1"
    if sys.platform == "linux":  # where all of 127/8 is this machine: one bound to every address would answer here
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", server.server_port), timeout=5)


def test_ports(server):
    with Server() as other:
        assert other.server_port != server.server_port, "a free one is found when the usual one is taken"
    with pytest.raises(UserError, match=rf"--port {server.server_port} is taken"):
        Server(server.server_port)
    with pytest.raises(UserError, match="--port 70000 is not a port"):
        Server(70000)


def test_a_reader_that_leaves_early_is_nothing_to_report(server, tmp_path, capfd):
    large = tmp_path / "page" / "large.js"
    large.write_bytes(b"x" * 20_000_000)
    server.show(tmp_path / "page")
    with socket.create_connection(("127.0.0.1", server.server_port)) as visitor:
        visitor.sendall(f"GET /large.js HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        visitor.recv(10)
    assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""
