"""OpenCV's decoder, used only for 16-bit and float pictures, without its messages on stderr."""

from contextlib import suppress

import numpy as np

from translate.system.output import quiet


def imdecode(data: bytes) -> np.ndarray | None:
    """(H, W), or (H, W, C) in the order blue, green, red, alpha, of the file's own type; None if it can't be read."""
    import cv2

    with suppress(AttributeError):  # exists from OpenCV 4.13 on; older versions print their warnings
        cv2.utils.logging.setLogLevel(0)
    try:
        with quiet():  # libpng and libtiff write past OpenCV's level
            return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
