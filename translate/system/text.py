"""Durations, file names and exceptions as readable text."""


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
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return "too large for the memory; --tile 512 needs less, and --size makes it smaller"
    return text[:150] or type(error).__name__
