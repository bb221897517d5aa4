"""Copies among the images: within a domain, across the domains, and across the split into training and test images."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from translate.check.images import Seen
from translate.check.likeness import groups

SAME, NEAR = "the same file", "nearly the same picture"


@dataclass
class Group:
    """Images that are copies of the first one. kind: SAME if all are, NEAR otherwise."""

    kind: str
    images: list[Seen]

    def of(self, letter: str, part: str = "") -> list[Seen]:
        return [one for one in self.images if one.letter == letter and part in ("", one.part)]

    @property
    def leaks(self) -> list[Seen]:
        """The test images of which the same domain's training images have a copy."""
        return [one for letter in "ab" if self.of(letter, "train") for one in self.of(letter, "test")]

    def plain(self) -> dict[str, Any]:
        """For JSON: its kind, its images' names, and those of the test images that training has."""
        return {"kind": self.kind, "images": [*map(str, self.images)], "leaks": [*map(str, self.leaks)]}

    @property
    def pairs(self) -> set[str]:
        """Keys of which both domains' images are in this group."""
        return {one.item.key for one in self.of("a")} & {one.item.key for one in self.of("b")}

    @property
    def across(self) -> bool:
        """Whether it has images of both domains that are no pair."""
        return any(a.item.key != b.item.key for a in self.of("a") for b in self.of("b"))


def copies(images: list[Seen]) -> list[Group]:
    """All groups, first those that leak, then the largest. Without pixels, images are compared by their files."""
    same: dict[object, list[Seen]] = defaultdict(list)
    for number, one in enumerate(images):
        digest = (one.pixels and one.pixels.digest) or ("" if one.item.place is not None else one.file.sha256)
        same[(digest, one.item.part) if digest else number].append(one)
    nodes = list(same.values())
    known = [node for node in nodes if node[0].pixels is not None and not _flat(node[0])]
    near: list[list[int]] = []
    if known:
        pictures = np.stack([node[0].pixels.small for node in known])  # type: ignore[union-attr]
        aspects = np.array([node[0].size[1] / max(1, node[0].size[0]) for node in known])
        near = groups(pictures, aspects)
    found = [Group(NEAR, [one for index in group for one in known[index]]) for group in near]
    in_near = {id(known[index]) for group in near for index in group}
    found += [Group(SAME, node) for node in nodes if len(node) > 1 and id(node) not in in_near]
    return sorted(found, key=lambda group: (not group.leaks, -len(group.images)))


def _flat(one: Seen) -> bool:
    """Of one colour: such images are reported by themselves, and all are alike."""
    return one.pixels is not None and one.pixels.high - one.pixels.low <= 4


def counts(found: list[Group], together: bool) -> dict[str, int]:
    """Numbers of images: copies within a and b, test images that training has (leaks), groups across, equal pairs."""
    return {
        "within_a": sum(max(0, len(group.of("a")) - 1) for group in found),
        "within_b": sum(max(0, len(group.of("b")) - 1) for group in found),
        "leaks_a": sum(one.letter == "a" for group in found for one in group.leaks),
        "leaks_b": sum(one.letter == "b" for group in found for one in group.leaks),
        "across": sum(group.across for group in found),
        "equal_pairs": sum(len(group.pairs) for group in found) if together else 0,
    }
