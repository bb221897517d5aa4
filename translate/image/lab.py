"""Converts CIE LAB of 8 or 16 bits, as TIFF 6.0 stores it, to sRGB of the same depth.

White point D50 and its adaptation to sRGB's D65: International Color Consortium, ICC.1:2022, Annex E.
sRGB: IEC 61966-2-1.
"""

import numpy as np

from translate.image.raw import blocks

D50 = np.array([0.9642, 1.0, 0.8249])
TO_RGB = np.array(  # XYZ of D50 to linear sRGB (Bradford)
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)


def to_srgb(values: np.ndarray, bits: int) -> np.ndarray:
    """LAB to sRGB, both (H, W, 3). L* is from 0 to the largest level, a* and b* are signed, stored as unsigned."""
    peak, kind = (1 << bits) - 1, values.dtype
    result = np.empty(values.shape, kind)
    for part in blocks(values.shape):
        stored = values[part, :, 1:].astype(np.int64)
        signed = np.where(stored > peak // 2, stored - peak - 1, stored) / (256 if bits == 16 else 1)
        lightness = values[part, :, 0] * (100 / peak)
        y = (lightness + 16) / 116
        ratios = np.stack([y + signed[..., 0] / 500, y, y - signed[..., 1] / 200], axis=-1)
        xyz = np.where(ratios > 6 / 29, ratios**3, (ratios - 4 / 29) * 3 * (6 / 29) ** 2) * D50
        linear = np.clip(xyz @ TO_RGB.T, 0, 1)
        gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        result[part] = np.rint(gamma * peak)
    return result
