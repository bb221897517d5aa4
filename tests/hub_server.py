"""A small server that stands in for the Hugging Face Hub: what huggingface_hub asks to make a repository, to commit to
it, to look at it and to download a file. Repositories whose name has "private" are seen with the token only."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_secret_of_a_test"


class Hub(ThreadingHTTPServer):
    """repositories: name → {"private", "commits": [(revision, {file: bytes})]}. asked: (method, path) of each request.
    failing: a status that every request is answered with, if set."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict] = {}
        self.asked: list[tuple[str, str]] = []
        self.failing = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, name: str, files: dict[str, bytes], private: bool = False) -> str:
        """Commit `files` to a repository, which is made if it isn't there; returns the revision."""
        repository = self.repositories.setdefault(name, {"private": private, "commits": []})
        whole = {**(repository["commits"][-1][1] if repository["commits"] else {}), **files}
        revision = hashlib.sha1(repr((name, len(repository["commits"]))).encode()).hexdigest()
        repository["commits"].append((revision, whole))
        return revision

    def files(self, name: str) -> dict[str, bytes]:
        return self.repositories[name]["commits"][-1][1]


@contextmanager
def serving(server: Hub):
    """While entered, the server answers, in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield
    server.shutdown()
    thread.join()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self):
        self._answer("GET")

    def do_HEAD(self):
        self._answer("HEAD")

    def do_POST(self):
        self._answer("POST")

    def _answer(self, method: str) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((method, self.path))
        if self.server.failing:
            self._say(self.server.failing)
            return
        self.trusted = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        for pattern, act in (
            (r"/api/repos/create", self._create),
            (r"/api/validate-yaml", self._validate),
            (r"/api/models/([^/]+/[^/]+)/preupload/main", self._preupload),
            (r"/api/models/([^/]+/[^/]+)/commit/main", self._commit),
            (r"/api/models/([^/]+/[^/]+)", self._about),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._file),
        ):
            if found := re.fullmatch(pattern, self.path.partition("?")[0]):
                act(*found.groups())
                return
        self._say(404)

    def _say(self, status: int, content: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value, status: int = 200) -> None:
        self._say(status, json.dumps(value).encode(), Content_Type="application/json")

    def _create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        if not self.trusted:
            self._say(401, X_Error_Message="Invalid username or password.")
        elif name in self.server.repositories:
            self._json({"url": f"{self.server.address}/{name}"}, 409)
        else:
            private = asked.get("private") is True or asked.get("visibility") == "private"
            self.server.repositories[name] = {"private": private, "commits": []}
            self._json({"url": f"{self.server.address}/{name}"})

    def _validate(self) -> None:
        head = json.loads(self.body)["content"]
        self._json({} if head.startswith("---\n") else {"errors": [{"message": "no head"}]}, 200 if head else 400)

    def _preupload(self, name: str) -> None:
        files = [file["path"] for file in json.loads(self.body)["files"]]
        self._json({"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in files]})

    def _commit(self, name: str) -> None:
        if not self.trusted:
            self._say(403)
            return
        lines = [json.loads(line) for line in self.body.splitlines()]
        files = {
            one["value"]["path"]: base64.b64decode(one["value"]["content"]) for one in lines if one["key"] == "file"
        }
        revision = self.server.put(name, files)
        place = f"{self.server.address}/{name}/commit/{revision}"
        self._json({"success": True, "commitOid": revision, "commitUrl": place, "hookOutput": ""})

    def _about(self, name: str) -> None:
        if self._seen(name):
            self._json({"id": name, "private": self.server.repositories[name]["private"], "siblings": [], "tags": []})

    def _file(self, name: str, revision: str, path: str) -> None:
        if not self._seen(name):
            return
        commits = self.server.repositories[name]["commits"]
        found = [one for one in commits if revision in ("main", one[0])]
        if not found:
            self._say(404, X_Error_Code="RevisionNotFound")
        elif path not in found[-1][1]:
            self._say(404, X_Error_Code="EntryNotFound", X_Repo_Commit=found[-1][0])
        else:
            content = found[-1][1][path]
            self._say(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=found[-1][0])

    def _seen(self, name: str) -> bool:
        known = self.server.repositories.get(name)
        if known is None or (known["private"] and not self.trusted):
            self._say(404 if self.trusted else 401, X_Error_Code="RepoNotFound")
            return False
        return True

    def log_message(self, *_) -> None:
        pass
