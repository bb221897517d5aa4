"""Printing never raises: for encodings without "→", closed pipes and full disks."""

import codecs
import io
import os
import sys
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
