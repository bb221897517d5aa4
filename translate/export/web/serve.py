"""The local web server of the page: serves the files of one folder on 127.0.0.1, by their exact names only."""

import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from translate.errors import UserError

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
HEADERS = {
    # Cross-origin isolation, so that the runtime can use threads and other sites can't read the page.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # the next model is served at the same address
}
FIRST = 8000  # the default port, if it is free


class Server(ThreadingHTTPServer):
    """Listens at http://127.0.0.1:PORT/. port: None takes 8000, or any free port. UserError if `port` can't be used."""

    request_queue_size = 128  # connections that wait to be accepted
    allow_reuse_address = sys.platform != "win32"  # on Windows it would let two servers use one port

    def __init__(self, port: int | None = None):
        self.files: dict[str, Path] = {}
        self.stopped: UserError | None = None  # set by a stop signal; the loop ends with it
        try:
            super().__init__(("127.0.0.1", FIRST if port is None else port), Handler)
        except (OSError, OverflowError) as error:
            if port is not None:
                why = "not a port (1 to 65535)" if isinstance(error, OverflowError) else "taken, or not for you to use"
                raise UserError(f"--port {port} is {why}; leave it out, and a free one is chosen.") from error
            super().__init__(("127.0.0.1", 0), Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}

    def show(self, folder: Path) -> None:
        """Serve exactly the files that are in `folder` now; other paths are never looked up on the disk."""
        self.files = {f"/{file.relative_to(folder).as_posix()}": file for file in folder.rglob("*") if file.is_file()}
        self.files["/"] = folder / "index.html"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def service_actions(self) -> None:
        """Called in each round of the loop. A signal that comes while a connection is accepted raises there, where
        the base class takes every error for the connection's."""
        if self.stopped:
            raise self.stopped

    def handle_error(self, request, client_address) -> None:
        """Ignore closed connections and stop signals; report other errors as usual."""
        if not isinstance(sys.exception(), ConnectionError | UserError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD requests."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60  # seconds until an idle connection is closed

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def _answer(self, with_content: bool) -> None:
        try:
            file = self.server.files.get(urlsplit(self.path).path)
        except ValueError:  # http://[/x
            file = None
        if self.headers.get("Host") not in self.server.hosts:
            # Refuse other host names: DNS rebinding could let another site read the model.
            status, content = HTTPStatus.MISDIRECTED_REQUEST, b"This server answers to 127.0.0.1 only.\n"
        elif file is None:
            status, content = HTTPStatus.NOT_FOUND, b"Not found.\n"
        else:
            status, content = HTTPStatus.OK, file.read_bytes()
        self.send_response(status)
        self.send_header("Content-Type", TYPES[file.suffix if file and status == HTTPStatus.OK else ".txt"])
        self.send_header("Content-Length", str(len(content)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def version_string(self) -> str:
        return "translate"

    def log_message(self, *_) -> None:
        pass
