"""Colour conversion: embedded profiles, LAB, CMYK and palettes to sRGB or grey of 8 bits."""

import io
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image, ImageCms

SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
OTHER = {"YCbCr": "YCbCr", "HSV": "HSV", "CMYK": "CMYK", "LAB": "LAB"}


class ToSRGB(NamedTuple):
    """convert: from (a part of) the image without alpha, in `mode`, to L or RGB. notes: its effects, for the report."""

    mode: str
    convert: Callable[[Image.Image], Image.Image]
    notes: list[str]


def to_srgb(image: Image.Image, mode: str) -> ToSRGB:
    """The conversion of `image`'s colours, in `mode` (L, RGB, CMYK, LAB, YCbCr or HSV), to sRGB or grey."""
    notes = [f"{mode} converted to RGB"] if mode in OTHER else []
    profile, name, space = _profile(image)
    if profile and "sRGB" not in name:
        label = f"colour profile “{name}”" if name else "its colour profile"
        if space == mode:
            try:
                transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
                return ToSRGB(
                    mode, _through(transform, "L" if mode == "L" else "RGB"), [*notes, f"{label} converted to sRGB"]
                )
            except Exception:
                notes.append(f"{label} is damaged: left out")
        else:
            notes.append(f"{label} is for another kind of picture: left out")
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ToSRGB(mode, _through(ImageCms.buildTransform(lab, srgb, "LAB", "RGB"), "RGB"), notes)
    return ToSRGB(mode, lambda part: part if part.mode in ("L", "RGB") else part.convert("RGB"), notes)


def _through(transform: ImageCms.ImageCmsTransform, kept: str) -> Callable[[Image.Image], Image.Image]:
    def convert(part: Image.Image) -> Image.Image:
        result = ImageCms.applyTransform(part, transform)
        assert result is not None  # None only with inPlace
        return result.convert(kept)

    return convert


def _profile(image: Image.Image) -> tuple[ImageCms.ImageCmsProfile | None, str, str]:
    """(the embedded profile or None, its name, its mode)."""
    data = image.info.get("icc_profile")
    if not data:
        return None, "", ""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        return profile, ImageCms.getProfileDescription(profile).strip(), SPACES.get(profile.profile.xcolor_space, "")
    except Exception:
        return None, "", ""  # damaged: the values are used unconverted
