"""What stands between a stranger's ONNX file and onnxruntime: only whole files that `translate export` wrote get past.

Reads the protobuf wire format itself (https://protobuf.dev/programming-guides/encoding, field numbers of onnx.proto3),
so that using an exported generator needs onnxruntime and nothing else. What our files never have is refused: tensors
in other files (the way that ONNX files read where they should not), subgraphs, functions, operators of other domains.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from translate.errors import DAMAGED, UserError
from translate.system.untrusted import parse_object

KEY = "imgtranslate"  # of the one entry in metadata_props
BLANK = "0" * 64
MARK = b'{"sha256": "'  # how that entry's value begins
DOMAINS = (b"", b"ai.onnx")  # of the standard operators
MOST = 2**31  # bytes of a protobuf file

ELSEWHERE, INNER = "keeps weights in another file", "has subgraphs or functions"
# Field numbers: message -> {number: the message there, or why it is refused}; what isn't named is harmless.
FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: INNER, 25: INNER},  # training_info, functions
    "graph": {1: "node", 5: "tensor", 15: INNER},  # sparse_initializer
    "node": {5: "attribute", 7: "domain"},
    "attribute": {5: "tensor", 10: "tensor", 6: INNER, 11: INNER, 22: INNER, 23: INNER},  # graphs, sparse tensors
    "tensor": {13: ELSEWHERE, 14: "location"},  # external_data, data_location
    "opset": {1: "domain"},
}
METADATA = 14  # of the model: {1: key, 2: value}


def seal(content: bytes) -> bytes:
    """An ONNX file whose metadata begins with a blank SHA-256: the same with the hash of the whole file in it."""
    place = content.rindex(MARK + BLANK.encode()) + len(MARK)
    return content[:place] + hashlib.sha256(content).hexdigest().encode() + content[place + 64 :]


def description(content: bytes, source: Path | str) -> dict[str, Any]:
    """What the file says of itself. UserError (exit code 5) naming `source` unless `translate export` wrote it and
    every bit is as written."""
    try:
        _look(content, "model", 0, len(content))
        entries = {}
        for number, start, end in _fields(content, 0, len(content)):
            if number == METADATA:
                entry = {n: (first, last) for n, first, last in _fields(content, start, end)}
                entries[content[slice(*entry[1])]] = entry[2]
    except (IndexError, KeyError):
        raise UserError(f"{source} is not an ONNX file, or only a part of one.", DAMAGED) from None
    except _Foreign as error:
        raise UserError(
            f"{source} {error}, which no file of `translate export` does; it is not opened.", DAMAGED
        ) from None
    if not content:
        raise UserError(f"{source} is empty.", DAMAGED)
    start, end = entries.get(KEY.encode(), (0, 0))
    if not content.startswith(MARK, start, end):
        raise UserError(
            f"{source} was not written by `translate export`: its metadata has no entry '{KEY}', which says what the "
            "pictures that it takes look like.",
            DAMAGED,
        )
    place = start + len(MARK)
    blank = content[:place] + BLANK.encode() + content[place + 64 :]
    if hashlib.sha256(blank).hexdigest().encode() != content[place : place + 64]:
        raise UserError(
            f"{source} is damaged, or was changed after it was exported: it doesn't match the SHA-256 that it carries.",
            DAMAGED,
        )
    try:
        said = parse_object(content[start:end])
    except ValueError as error:
        raise UserError(f"{source} is damaged: what it says of itself can't be read ({error}).", DAMAGED) from None
    del said["sha256"]
    return said


class _Foreign(Exception):
    """What a file does that ours never do."""


def _look(content: bytes, kind: str, start: int, end: int) -> None:
    """Raise _Foreign for what must not be in the message of this kind (see FIELDS) that lies from `start` to `end`."""
    if kind == "domain":
        if content[start:end] not in DOMAINS:
            raise _Foreign(f"uses operators of the domain {content[start:end][:40].decode('utf-8', 'replace')!r}")
    elif kind == "location":
        if start:  # the number itself: 0 is "in this file"
            raise _Foreign(ELSEWHERE)
    elif kind in (ELSEWHERE, INNER):
        raise _Foreign(kind)
    else:
        for number, first, last in _fields(content, start, end):
            if number in FIELDS[kind]:
                _look(content, FIELDS[kind][number], first, last)


def _fields(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of each field of the message; of a number (wire type 0) start is the value itself.
    IndexError when the message isn't one."""
    while start < end:
        tag, start = _number(content, start)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 2**29:  # some readers would take a larger one modulo 2**29
            raise IndexError("there is no such field")
        if wire == 0:
            value, start = _number(content, start)
            yield number, value, 0
            continue
        length, start = _number(content, start) if wire == 2 else ({1: 8, 5: 4}[wire], start)
        if start + length > end:
            raise IndexError("a field is longer than its message")
        yield number, start, start + length
        start += length


def _number(content: bytes, start: int) -> tuple[int, int]:
    """A varint and where it ends."""
    value = 0
    for place in range(10):
        byte = content[start + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    raise IndexError("a number of more than 64 bits")
