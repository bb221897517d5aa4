"""Printing never raises: for encodings without "→", closed pipes and full disks. C libraries can be silenced."""

import codecs
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PLAIN = {"→": "->", "←": "<-", "×": "x", "…": "...", "·": "-", "λ": "lambda", "β": "beta", "σ": "sigma", "−": "-"}


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Characters that the encoding lacks, in ASCII."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


class Tolerant(io.TextIOBase):
    """A text stream without errors: after the first one, text is discarded."""

    def __init__(self, stream: Any):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        try:
            self.stream.write(text)
        except (OSError, ValueError):  # ValueError: closed
            self._discard()
        return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except (OSError, ValueError):
            self._discard()

    def isatty(self) -> bool:
        try:
            return self.stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"

    def _discard(self) -> None:
        """Redirect the buffer and all further text to os.devnull."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            self.stream = io.StringIO()


def tolerate() -> None:
    """From now on printing to stdout and stderr can't raise."""
    codecs.register_error("plain", _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, Tolerant):
            continue
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
        setattr(sys, name, Tolerant(stream))


class _Quiet:
    """File descriptor 2 while it is redirected. entered: by how many threads."""

    lock = threading.Lock()
    entered = 0
    before: int | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what C libraries (libtiff, libpng, FFmpeg) write to file descriptor 2. Their errors are reported as
    exceptions or return values too. Threads may be in it at the same time."""
    with _Quiet.lock:
        if not _Quiet.entered:
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.flush()
            with suppress(OSError):  # closed
                _Quiet.before = os.dup(2)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
        _Quiet.entered += 1
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.entered -= 1
            if not _Quiet.entered and _Quiet.before is not None:
                os.dup2(_Quiet.before, 2)
                os.close(_Quiet.before)
                _Quiet.before = None
