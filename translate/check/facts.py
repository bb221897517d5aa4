"""The facts about a domain's images as one JSON-able table."""

from collections import Counter
from typing import Any

import numpy as np

from translate.check.images import Seen
from translate.data.labels import natural
from translate.data.types import words
from translate.values.domain import DomainType

LONG = 3.0  # sides' ratio from which an image counts as odd
SMALL = 4  # an image counts as odd if half of the images have so many times its height and width, or more
LISTED = 20


def facts(
    letter: str, name: str, images: list[Seen], licence: str = "", measured: DomainType | None = None
) -> dict[str, Any]:
    """images: of one domain, usable or not. measured: the type of measured values."""
    headers = [one.file.header for one in images if one.file.header]
    pixels = [one.pixels for one in images if one.pixels]
    sizes = np.array([one.size for one in images if one.size[0]] or [(0, 0)])
    ordered = sizes[np.argsort(sizes.prod(axis=1), kind="stable")]
    ratios = sizes[:, 1] / np.maximum(1, sizes[:, 0])
    grey = [one.grey for one in pixels] if pixels else [one.grey for one in headers]
    table: dict[str, Any] = {
        "letter": letter,
        "name": name,
        "licence": licence,
        "images": len(images),
        "train": sum(one.part == "train" for one in images),
        "test": sum(one.part == "test" for one in images),
        "formats": dict(Counter(one.kind for one in headers).most_common()),
        "bits": {str(bits): count for bits, count in sorted(Counter(one.bits for one in headers).items())},
        "transparent": sum(one.alpha for one in headers),
        "grey": sum(grey),
        "profiles": dict(Counter(one.profile for one in headers if one.profile).most_common(LISTED)),
        "sizes": dict(zip(("smallest", "median", "largest"), _three(ordered), strict=True)),
        "sides": float(np.median(sizes.min(axis=1))),
        "aspects": {"lowest": float(ratios.min()), "median": float(np.median(ratios)), "highest": float(ratios.max())},
        "alike": float((np.abs(ratios / max(1e-9, np.median(ratios)) - 1) <= 0.05).mean()),
        "not_square": float((np.abs(ratios - 1) > 0.1).mean()),
        "values": {"low": min(one.low for one in pixels), "high": max(one.high for one in pixels)} if pixels else None,
        "range": [measured.low, measured.high] if measured else None,
        "measured": words(measured) if measured else "",
        "classes": _classes(images),
    }
    table["odd"] = _odd(images, sizes)
    return table


def _three(ordered: np.ndarray) -> list[list[int]]:
    return [[int(side) for side in ordered[place]] for place in (0, len(ordered) // 2, -1)]


def _classes(images: list[Seen]) -> dict[str, dict[str, int]]:
    labels = sorted({one.item.label for one in images if one.item.label}, key=natural)
    found = Counter((one.item.label, one.part) for one in images)
    return {label: {"train": found[label, "train"], "test": found[label, "test"]} for label in labels}


def _odd(images: list[Seen], sizes: np.ndarray) -> list[str]:
    """Sentences about images whose shape or size is far from the others'."""
    usual, found = float(np.median(sizes.prod(axis=1))), []
    for one in images:
        height, width = one.size
        if not height:
            continue
        ratio = max(height / width, width / height)
        if ratio >= LONG:
            found.append(
                f"{one.item.name} is {height} x {width} (height x width), {ratio:.1f} times as long as it is narrow"
            )
        elif height * width * SMALL**2 <= usual:
            found.append(f"{one.item.name} is only {height} x {width} (height x width)")
    return found
