"""OpenCV's decoder, which is asked for 16-bit and float pictures only, and without its own words on stderr."""

from contextlib import suppress

import numpy as np


def imdecode(data: bytes) -> np.ndarray | None:
    """(H, W) or (H, W, blue, green, red and alpha) of the file's own type; None for what it can't read."""
    import cv2

    with suppress(AttributeError):  # from OpenCV 4.13 on; before that a warning is better than no picture
        cv2.utils.logging.setLogLevel(0)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
