"""Translation of videos with OpenCV: all frames in order at the same frame rate, without sound; even sizes."""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from translate.convert.plan import Job
from translate.image import picture
from translate.image.picture import Picture
from translate.image.source import ImageError, refuse_special
from translate.model.rules import Rules
from translate.model.translator import Translator
from translate.system.files import beside
from translate.system.output import quiet

# The most widely supported of the codecs in OpenCV's wheels: VP9 (also in browsers), MPEG-4 part 2, Motion JPEG.
CODECS = {".mp4": "vp09", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "VP90", ".webm": "VP90", ".avi": "MJPG"}
SILENT = "no sound: OpenCV carries none"
MATROSKA = b"\x1a\x45\xdf\xa3"  # WebM as well
QUICKTIME = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}  # boxes that MP4 and MOV begin with
BOXES = {*QUICKTIME, b"uuid", b"sidx", b"meta", b"udta"}
SPARE = 2  # frames by which a container's count may be wrong; some containers declare a duration only
UNKNOWN = 1e9  # counts from here on mean that the container declares none


def convert_video(
    translator: Translator, job: Job, rules: Rules, batch: int, stopped: Callable[[], object] = lambda: False
) -> Path | None:
    """Translate a video into a temporary file beside the target; returns its path, or None when stopped.

    The caller renames it. batch: frames in a batch. Raises ImageError for a file that is no video or is damaged, and
    OSError.
    """
    import cv2

    _refuse_other(job.source)
    with quiet():
        reader = cv2.VideoCapture(str(job.source))
    fps = reader.get(cv2.CAP_PROP_FPS)
    if not reader.isOpened() or not fps > 0:
        raise ImageError("not a video that OpenCV can read")
    declared = min(reader.get(cv2.CAP_PROP_FRAME_COUNT), shown_seconds(job.source) * fps)
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
        if written + max(SPARE, declared / 100) < declared < UNKNOWN:
            raise ImageError(f"only {written} of its {declared:.0f} frames can be read: cut or damaged")
        found = _count(name)
        if found != written:
            raise ImageError(f"only {found} of {written} frames could be written; is the disk full?")
        return temporary
    except BaseException:
        _abandon(writer, temporary)
        raise
    finally:
        reader.release()


def _refuse_other(path: Path) -> None:
    """ImageError unless the file has the signature of a supported container. Playlists could refer to other files."""
    refuse_special(path.stat().st_mode)
    with open(path, "rb") as file:
        head = file.read(16)
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    if not riff and not head.startswith(MATROSKA) and head[4:8] not in QUICKTIME:
        raise ImageError("empty (0 bytes)" if not head else "not a video of a kind that is read")


def shown_seconds(path: Path) -> float:
    """The presentation duration of an MP4 or MOV in seconds (ISO/IEC 14496-12, boxes moov and mvhd).

    It is shorter than the frames' duration when the video was trimmed without re-encoding. Infinity for other
    containers and where the duration is missing.
    """
    with open(path, "rb") as file:
        while len(head := file.read(16)) == 16:
            size, name = struct.unpack(">I4s", head[:8])
            if name == b"moov":
                content = file.read(20)
                if head[12:16] != b"mvhd" or len(content) < 20:
                    break
                version, _, _, unit, duration = struct.unpack(">B3xIIII", content)
                return duration / unit if version == 0 and unit and duration else float("inf")
            if size == 1:
                size = int.from_bytes(head[8:16], "big")
            if name not in BOXES or size < 8:
                break
            file.seek(size - 16, os.SEEK_CUR)
    return float("inf")


def _abandon(writer, temporary: Path) -> None:
    if writer is not None:
        writer.release()  # Windows can't remove open files
    temporary.unlink(missing_ok=True)


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
        yield colours[: len(colours) // 2 * 2, : colours.shape[1] // 2 * 2]  # the codecs need even sizes


def _count(path: str) -> int:
    import cv2

    reader = cv2.VideoCapture(path)
    count = 0
    while reader.grab():
        count += 1
    reader.release()
    return count
