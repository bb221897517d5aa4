"""The check of untrusted ONNX files before onnxruntime opens them: only intact files of `translate export` pass.

Parses the protobuf wire format itself (https://protobuf.dev/programming-guides/encoding, field numbers of onnx.proto3),
so that using an exported generator needs onnxruntime only. Refused is what exported files never contain: tensors in
other files (with which an ONNX file could read any file), subgraphs, functions and operators of other domains.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from translate.errors import DAMAGED, UserError
from translate.system.untrusted import parse_object

KEY = "imgtranslate"  # of the one entry in metadata_props
BLANK = "0" * 64
MARK = b'{"sha256": "'  # the beginning of that entry's value
DOMAINS = (b"", b"ai.onnx")  # of the standard operators
MOST = 2**31  # a protobuf file has fewer bytes

ELSEWHERE, INNER = "keeps weights in another file", "has subgraphs or functions"
# message -> {field number: the field's message, or why it is refused}; other fields are not checked.
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
    """The file with its SHA-256 in the place of the blank one in its metadata; the hash is of the file as given."""
    place = content.rindex(MARK + BLANK.encode()) + len(MARK)
    return content[:place] + hashlib.sha256(content).hexdigest().encode() + content[place + 64 :]


def description(content: bytes, source: Path | str) -> dict[str, Any]:
    """The description in the file's metadata.

    UserError (exit code 5) naming `source` when `translate export` didn't write the file or it was changed since.
    """
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
    """The file contains something that exported files never contain."""


def _look(content: bytes, kind: str, start: int, end: int) -> None:
    """Raise _Foreign when the message in content[start:end], of a kind in FIELDS, has a refused field."""
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
    """(field number, start, end) of each field of a message; for a varint (wire type 0) start is its value.

    IndexError or KeyError when the message is invalid.
    """
    while start < end:
        tag, start = _number(content, start)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 2**29:  # some parsers reduce larger numbers modulo 2**29
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
    """(value, end) of the varint at `start`. IndexError when it is invalid."""
    value = 0
    for place in range(10):
        byte = content[start + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    raise IndexError("a number of more than 64 bits")
