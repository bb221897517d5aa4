"""Durations, file names and exceptions as readable text."""

from typing import Any


def duration(seconds: float) -> str:
    """'45 s', '12 min 30 s', '3 h 05 min'"""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def printable(text: str) -> str:
    """A file name that any terminal and any JSON can take: undecodable bytes and control characters are escaped."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def in_short(error: BaseException) -> str:
    """An exception in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    text = " ".join(str(error).split())
    if out_of_memory(error):
        return "too large for the memory; --tile 512 needs less, and --size makes it smaller"
    return text[:150] or type(error).__name__


def out_of_memory(error: BaseException) -> bool:
    """Also torch's and onnxruntime's, which have no class of their own everywhere."""
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "cannot allocate memory")
    return isinstance(error, MemoryError) or any(word in text for word in words)


def harmless(value: Any) -> Any:
    """Of a table from a file that may be untrusted: with unprintable characters escaped, in keys too, as its texts go
    to terminals and web pages."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): harmless(part) for key, part in value.items()}
    return [harmless(part) for part in value] if isinstance(value, list) else value
