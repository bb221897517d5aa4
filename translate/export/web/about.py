"""What a page says of its model, and what its scripts need to know: the JSON in the page."""

import re
from pathlib import Path
from typing import Any

import translate
from translate import catalog
from translate.errors import UserError
from translate.export.web import runtime
from translate.image import rgb8
from translate.model import card as cards
from translate.model import file as generator_file
from translate.model.description import direction_of
from translate.model.translator import adds_colour, label_map
from translate.system.files import sha256

LIMIT = 2_000_000  # pixels: larger images are reduced to this unless the full size is selected
LAYER = 16_000_000  # values in a layer's output at most, which lowers the limit: about 0.5 GB in all, for phones
LINES = re.compile(r"(line|edge|sketch|draw|outline|contour|doodle|scribble)", re.IGNORECASE)
METHODS = {
    "pix2pix": "pix2pix, from pairs",
    "registered": "RegGAN, from pairs that are not aligned",
    "spade": "SPADE, from label maps",
    "cycle": "CycleGAN, without pairs",
}
HAN = 0x6C38  # 永, with which Chinese calligraphy begins
EXAMPLE = "永和九年"  # the first words of the Preface to the Poems of the Orchid Pavilion
MEASURED = 256  # characters that are measured on the page, evenly from those that the recipe draws


def checked(model: str | Path, direction: str | None = None) -> dict[str, Any]:
    """The page's data about a model. direction: None is the first of a model that translates images.

    A GAN's has `latent`. UserError when no page can show what the model makes.
    """
    _, description, path = generator_file.read(model)
    if generator_file.NOISE in description["directions"]:
        if direction not in (None, generator_file.NOISE):
            raise UserError(f"--direction has no meaning for {path}, which makes images from random numbers.")
        return of_noise(description, path)
    direction = direction_of(description, direction or "a2b")
    entry = generator_file.entry(description, direction, path)
    channels = [entry["arguments"][f"{end}_channels"] for end in ("in", "out")]
    if not all(count in (1, 3) for count in channels):
        raise UserError(
            f"{path} translates measured values of {channels[0]} to {channels[1]} channels, and a page shows 1 or 3; "
            "use --to onnx."
        )
    return of_pictures(description, direction, path)


def of_pictures(description: dict[str, Any], direction: str, path: Path) -> dict[str, Any]:
    """The data about a generator that translates; imported ones say only some of it."""
    entry = description["directions"][direction]
    names = [entry.get(end, name) for end, name in (("from", "a"), ("to", "b"))]
    before, after = (name.replace("_", " ") for name in names)
    facts = {
        "Translates": f"{before} → {after}",
        "Trained with": METHODS.get(description.get("mode", "")),
    }
    arguments = entry["arguments"]
    wide = arguments.get("filters", 64) * (4 if entry["network"] == "spade" else 1)  # channels of its widest layer
    classes = label_map(description, direction)
    return _common(description, path, f"{before} to {after}", facts) | {
        "from": before,
        "to": after,
        "background": description.get("background") or rgb8.WHITE,
        "channels_in": arguments["in_channels"],
        "channels_out": arguments["out_channels"],
        "adds_colour": adds_colour(description, direction),
        "labels": classes and classes.colours,
        "ids": classes.ids if classes else [],
        "lines": bool(classes or LINES.search(before)),  # the page then starts with a drawing canvas
        "typed": _typed(names[0]),
        "limit": min(LIMIT, LAYER // wide),
    }


def of_noise(description: dict[str, Any], path: Path) -> dict[str, Any]:
    """The data about a GAN's generator."""
    entry = generator_file.noise_entry(description, path)
    what, channels = entry.get("to", "a").replace("_", " "), entry["arguments"]["out_channels"]
    if channels not in (1, 3):
        raise UserError(f"{path} makes images of {channels} channels, and a page shows 1 or 3; use --to onnx.")
    latent, mode = description["latent"], description.get("mode")
    facts = {"Makes": f"{what}, of {latent} random numbers each", "Trained with": mode and f"mode {mode}"}
    return _common(description, path, what, facts) | {
        "to": what,
        "latent": latent,
        "classes": list(description.get("classes", [])),
        "channels_out": channels,
    }


def _common(description: dict[str, Any], path: Path, title: str, first: dict[str, str | None]) -> dict[str, Any]:
    """Title, size and facts; `first` are the facts that come first."""
    card = cards.beside(path)
    height, width = description.get("size") or (256, 256)
    licences = dict(description.get("licences") or {})
    facts = [
        *first.items(),
        ("Trained at", f"{width} × {height} pixels" if description.get("size") else None),
        ("Limits", with_times_sign(card.limits)),
        ("Licence", card.licence),
        *(("Training pictures", f"{name}: {text}") for name, text in sorted(licences.items())),
        ("File", f"{path.name}, SHA-256 {sha256(path)[:12]}…"),
        ("Runs on", f"ONNX Runtime Web {runtime.RUNTIME.version} (MIT, Microsoft Corporation)"),
        ("Made with", f"imgtranslate {translate.__version__}"),
    ]
    return {"title": card.title or title, "size": [height, width], "facts": [fact for fact in facts if fact[1]]}


def _typed(source: str) -> dict[str, Any] | None:
    """How the page draws typed characters, where the training's were drawn with a font: an example, the share of a
    square that they fill, and characters by which their scale is found. None for other pictures."""
    recipe = catalog.recipes().get(source)
    if recipe is None or recipe.format != "font" or recipe.glyphs is None:
        return None
    glyphs = recipe.glyphs
    codes = [code for code in range(0x21, 0x30000) if glyphs.wants(code) and chr(code).isalnum()]
    measured = "".join(map(chr, codes[:: max(1, len(codes) // MEASURED)]))
    han = glyphs.wants(HAN)
    return {
        "example": EXAMPLE if han else measured[:4],
        "language": "zh-Hans" if han else "",  # of several forms of a character the one of the training
        "room": 1 - 2 * glyphs.margin,
        "measured": measured,
    }


def with_times_sign(text: str) -> str:
    """A card's text with the sign between height and width, which stay in one line."""
    return re.sub(r"(?<=\d) x (?=\d)", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}", text)
