"""Measured values as pictures: chosen channels between two values as black and white, for sheets and for the networks
of scores."""

from dataclasses import dataclass

import numpy as np

from translate.values.domain import DomainType

ABSENT = 255  # the level of pixels without a value


@dataclass(frozen=True)
class Shown:
    """How a domain is shown. channels: indices of one (grey) or three (red, green, blue). low, high: black and white,
    on the scale of a network, where the domain's range is [-1, 1]."""

    channels: tuple[int, ...] = (0,)
    low: float = -1.0
    high: float = 1.0

    @classmethod
    def of(cls, domain: DomainType, channels: str = "auto", window: tuple[float, float] | None = None) -> "Shown":
        """channels: "auto", or numbers from 1 with commas; ValueError for one that the domain lacks. window: in the
        domain's values; None: all of its range."""
        places: tuple[int, ...] = (0, 1, 2) if domain.channels >= 3 else (0,)
        if channels != "auto":
            places = tuple(int(number) - 1 for number in channels.split(","))
        if max(places) >= domain.channels:
            raise ValueError(f"there is no channel {max(places) + 1}: the files have {domain.channels}")
        if window is None:
            return cls(places)
        return cls(places, *domain.levels_of(window))

    def picture(self, levels: np.ndarray) -> np.ndarray:
        """float32 (…, H, W, C) in [-1, 1] with NaN where there is no value → uint8 (…, H, W, 1 or 3)."""
        chosen = levels[..., list(self.channels)]
        with np.errstate(invalid="ignore"):
            share = np.clip((chosen - self.low) * (255 / (self.high - self.low)), 0, 255)
        share[np.isnan(chosen)] = ABSENT
        return np.rint(share).astype(np.uint8)


def words(shown: Shown, domain: DomainType) -> str:
    """How it is shown: "channel 1, 40:400 HU black and white"."""
    names = [domain.names[place] if domain.names else f"{place + 1}" for place in shown.channels]
    values = [(edge + 1) * ((domain.high - domain.low) / 2) + domain.low for edge in (shown.low, shown.high)]
    unit = f" {domain.unit}" if domain.unit else ""
    plural = "s" if len(names) > 1 else ""
    return f"channel{plural} {', '.join(names)}; {values[0]:g} to {values[1]:g}{unit} from black to white"
