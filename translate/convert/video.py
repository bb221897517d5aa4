"""Videos, frame by frame, through OpenCV: frames in order, the frame rate kept, no sound; sizes are even."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from translate.convert.plan import Job
from translate.image import picture
from translate.image.picture import Picture
from translate.image.rgb8 import ImageError
from translate.model.translator import Rules, Translator
from translate.system.files import beside

# Of what OpenCV's wheels can encode, what plays in most places: VP9 (also in browsers), MPEG-4 part 2, Motion JPEG.
CODECS = {".mp4": "vp09", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "VP90", ".webm": "VP90", ".avi": "MJPG"}
SILENT = "no sound: OpenCV carries none"


def convert_video(
    translator: Translator, job: Job, rules: Rules, batch: int, stopped: Callable[[], object] = lambda: False
) -> Path | None:
    """The translated video in a temporary file beside the target, whose name is still to be given; None when stopped.

    Raises ImageError for a file that is no video, and OSError.
    """
    import cv2

    with quiet():
        reader = cv2.VideoCapture(str(job.source))
    fps = reader.get(cv2.CAP_PROP_FPS)
    if not reader.isOpened() or not fps > 0:
        raise ImageError("not a video that OpenCV can read")
    suffix = job.target.suffix.lower()
    temporary, descriptor = beside(job.target, suffix)
    os.close(descriptor)  # OpenCV opens files by name
    name, writer, written = str(temporary), None, 0
    try:
        for frames in _batches(reader, batch):
            if stopped():
                _abandon(writer, temporary)
                return None
            for frame in _translate(translator, frames, rules):
                if writer is None:
                    size = frame.shape[1], frame.shape[0]
                    with quiet():
                        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*CODECS[suffix]), fps, size)
                    if not writer.isOpened():
                        raise ImageError(f"OpenCV can't write {suffix} videos here")
                writer.write(np.ascontiguousarray(frame[..., ::-1]))
                written += 1
        if writer is None:
            raise ImageError("has no frames that can be read")
        writer.release()
        found = _count(name)
        if found != written:
            raise ImageError(f"only {found} of {written} frames could be written; is the disk full?")
        return temporary
    except BaseException:
        _abandon(writer, temporary)
        raise
    finally:
        reader.release()


def _abandon(writer, temporary: Path) -> None:
    if writer is not None:
        writer.release()  # Windows doesn't remove open files
    temporary.unlink(missing_ok=True)


@contextmanager
def quiet() -> Iterator[None]:
    """FFmpeg writes to file descriptor 2 past everything; what is wrong is said in our own words."""
    sys.stderr.flush()
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def _batches(reader, size: int) -> Iterator[list[np.ndarray]]:
    frames: list[np.ndarray] = []
    while True:
        there, frame = reader.read()
        if there:
            frames.append(np.ascontiguousarray(frame[..., ::-1]))
        if frames and (not there or len(frames) == size):
            yield frames
            frames = []
        if not there:
            return


def _translate(translator: Translator, frames: list[np.ndarray], rules: Rules) -> Iterator[np.ndarray]:
    pictures = [Picture(frame) for frame in frames]
    levels = np.stack([translator.prepare(entry, rules) for entry in pictures])
    for entry, result in zip(pictures, translator.run(levels, rules), strict=True):
        colours = picture.to_bytes(translator.finish(entry, result, rules).colours)
        colours = np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else colours
        yield colours[: len(colours) // 2 * 2, : colours.shape[1] // 2 * 2]  # what the codecs can hold


def _count(path: str) -> int:
    import cv2

    reader = cv2.VideoCapture(path)
    count = 0
    while reader.grab():
        count += 1
    reader.release()
    return count
