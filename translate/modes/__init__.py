"""The games by name: one file a paper."""

from translate.modes.cycle import Cycle
from translate.modes.game import GameSettings, Mode
from translate.modes.pix2pix import Pix2Pix

MODES: dict[str, type[Mode]] = {"pix2pix": Pix2Pix, "cycle": Cycle}
ALIASES = {"cyclegan": "cycle", "cycle_gan": "cycle"}

__all__ = ["ALIASES", "MODES", "Cycle", "GameSettings", "Mode", "Pix2Pix"]
