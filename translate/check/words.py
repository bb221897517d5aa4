"""The result of a check as lines of text."""

from typing import Any

from translate.check.facts import LISTED
from translate.data.items import heading


def lines(result: dict[str, Any]) -> list[str]:
    """result: as `run.check` makes it."""
    found: list[str] = []
    for one in result["domains"]:
        found += domain(one)
    for kind, texts in result["problems"].items():
        found += ["", f"{heading(kind)} ({len(texts):,})", *listed(texts)]
    if result["copies"]:
        found += ["", f"Copies ({len(result['copies']):,} groups)"]
        found += listed([copies(group) for group in result["copies"]])
    for one in result["domains"]:
        if one["odd"]:
            found += ["", f"Odd shapes and sizes in {one['letter']} ({len(one['odd']):,})", *listed(one["odd"])]
    if result["warnings"]:
        found += ["", "Warnings", *(f"  {text}" for text in result["warnings"])]
    found += ["", verdict(result)]
    if result["advice"]:
        advice = result["advice"]
        found += [f"  {one['name']} = {one['value']}: {one['why']}" for one in advice["settings"]]
        found += ["", f"  {advice['command']}"]
    return found


def verdict(result: dict[str, Any]) -> str:
    if not result["trainable"]:
        return f"Not trainable: {result['why_not']}"
    how = "" if result["complete"] else " by the files' headers (--quick: pixels were not read)"
    return f"Trainable{how}, best with:"


def domain(one: dict[str, Any]) -> list[str]:
    """Some lines about a domain from its facts."""
    sizes, aspects = one["sizes"], one["aspects"]
    found = [f"{one['letter']}: {one['name']}, {one['train']:,} images for training, {one['test']:,} for testing"]
    if not one["images"]:
        return [f"{one['letter']}: {one['name']}"]
    if one["licence"]:
        found.append(f"   licence: {one['licence']}")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in one["formats"].items())
    bits = ", ".join(f"{count:,} of {bits} bits" for bits, count in one["bits"].items())
    if kinds:
        found.append(f"   {kinds}; {bits}; {one['transparent']:,} transparent, {one['grey']:,} grey")
    if sizes["smallest"] == sizes["largest"]:
        found.append(f"   all {side(sizes['median'])} (height x width)")
    else:
        span = f"{side(sizes['smallest'])} to {side(sizes['largest'])}, median {side(sizes['median'])}"
        shapes = f"width / height {aspects['lowest']:.2f} to {aspects['highest']:.2f}"
        found.append(f"   {span} (height x width); {shapes}")
    if one["measured"]:
        found.append(f"   {one['measured']}")
    elif one["values"]:
        found.append(f"   values {one['values']['low']} to {one['values']['high']} of 255")
    if one["profiles"]:
        names = ", ".join(f"{name} ({count:,})" for name, count in one["profiles"].items())
        found.append(f"   colour profiles, converted to sRGB: {names}")
    if one["classes"]:
        names = ", ".join(f"{name} ({n['train']:,} + {n['test']:,})" for name, n in list(one["classes"].items())[:12])
        found.append(f"   {len(one['classes'])} classes (training + test images): {names}")
    return found


def side(size: list[int]) -> str:
    return f"{size[0]} x {size[1]}"


def listed(texts: list[str]) -> list[str]:
    more = [f"  ... and {len(texts) - LISTED:,} more (--json lists all)"] if len(texts) > LISTED else []
    return [*(f"  {text}" for text in texts[:LISTED]), *more]


def copies(group: dict[str, Any]) -> str:
    leaks = ", in training and in testing" if group["leaks"] else ""
    return f"{group['kind']}{leaks}: {'; '.join(short(group['images']))}"


def short(names: list[str]) -> list[str]:
    return names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
