"""Colour as every program shows it: embedded profiles, LAB and CMYK become sRGB."""

import io

from PIL import Image, ImageCms


def to_srgb(image: Image.Image) -> Image.Image:
    """Through the embedded colour profile where there is a usable one; LAB and CMYK come back as RGB."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        try:
            return _through_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except Exception:
            pass  # a profile that is damaged or for another colour space: show the numbers as they are
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _through_profile(image, lab)
    return image if image.mode in ("L", "LA", "RGBA", "P", "PA") else _plain_rgb(image)


def _through_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    if "sRGB" in ImageCms.getProfileDescription(profile):
        return image
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    colour = image if alpha is None else image.convert(image.mode.removesuffix("A"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(profile, srgb, colour.mode, "RGB")
    result = ImageCms.applyTransform(colour, transform)
    assert result is not None  # None only with inPlace
    if alpha is not None:
        result.putalpha(alpha)
    elif "transparency" in image.info:
        raise ValueError("a transparent colour would not survive the conversion")
    return result


def _plain_rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGBA" if image.has_transparency_data else "RGB")
