"""The value range, black to white, of a domain of floats or of more than 8 bits: one range for all its files."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from translate.data.items import Item
from translate.data.settings import DataSettings
from translate.image import decode, rgb8
from translate.image.raw import Extremes, Range, common_range, extremes, parse_range, range_words


def domain_range(letter: str, items: list[Item], settings: DataSettings, say: Callable[[str], None]) -> Range | None:
    """The range from the setting, or the common one of all files of the domain; None for files of 8 bits. UserError if
    no single range fits. Reports a range that was found through `say`. Unreadable files are skipped; the later
    check reports them."""
    if fixed := parse_range(getattr(settings, f"range_{letter}")):
        return fixed

    def one(item: Item) -> Extremes | None:
        try:
            if item.place is not None or not item.path.is_file():
                return None
            with open(item.path, "rb") as file:
                if not decode.may_take_range(file.read(4)):
                    return None
            data = rgb8.contents(item.path)
            if not decode.takes_range(data):
                return None
            return extremes(decode.decode(data, settings.max_pixels), item.name)
        except (rgb8.ImageError, OSError):
            return None

    unique = list({item.path: item for item in items}.values())
    with ThreadPoolExecutor(cpu_count()) as threads:
        found = list(threads.map(one, unique))
    span = common_range(found, f"--set data.range_{letter}=")
    if span:
        deep = [extreme for extreme in found if extreme]
        say(
            f"{letter}: {len(deep):,} files hold {deep[0].kind}, from {min(e.low for e in deep):g} to "
            f"{max(e.high for e in deep):g}; {range_words(span)} are black and white (data.range_{letter})"
        )
    return span
