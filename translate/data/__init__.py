"""Image data for training and testing: finding, checking, pairing, splitting, augmentation and batches."""

from translate.data.dataset import Data
from translate.data.items import Item, Problem
from translate.data.opening import open_data
from translate.data.settings import DataSettings

__all__ = ["Data", "DataSettings", "Item", "Problem", "open_data"]
