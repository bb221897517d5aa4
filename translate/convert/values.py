"""The value range (black, white) of files of floats and 32-bit integers: one range for the whole conversion."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from translate.convert.plan import Job
from translate.image import decode, rgb8
from translate.image.raw import Extremes, Range, common_range, extremes


def found_over(jobs: Iterable[Job], max_pixels: int, workers: int) -> Range | None:
    """The common range of all files whose format has no largest value; None without such files.

    UserError when no single range fits all of them. 16-bit integers are left out: their white is 65,535 by default.
    Files that can't be read are skipped here and reported during the conversion.
    """

    def one(job: Job) -> Extremes | None:
        try:
            with open(job.source, "rb") as file:
                if not decode.may_take_range(file.read(4)):
                    return None
            data = rgb8.contents(job.source)
            if not decode.takes_range(data):
                return None
            raw = decode.decode(data, max_pixels)
            return None if raw.peak else extremes(raw, job.name)
        except (rgb8.ImageError, OSError):
            return None

    pictures = [job for job in jobs if not job.video and _regular(job.source)]
    with ThreadPoolExecutor(workers) as threads:
        return common_range(threads.map(one, pictures), "--range ")


def _regular(path: Path) -> bool:
    """Whether it is a regular file; opening a FIFO could block for ever."""
    try:
        return path.is_file()
    except OSError:
        return False
