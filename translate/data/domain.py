"""One domain of opened data."""

from dataclasses import dataclass

import numpy as np

from translate.catalog import Recipe
from translate.data.reader import LabelReader, ValuesReader
from translate.data.store import Pictures
from translate.values.domain import DomainType
from translate.values.label_map import LabelMap


@dataclass
class Domain:
    """The images of one domain. `recipe` is None for a user's own folder."""

    name: str
    recipe: Recipe | None
    train: Pictures
    test: Pictures

    @property
    def type(self) -> DomainType | None:
        """Of measured values; None for pictures of 8 bits."""
        reader = self.train.reader
        return reader.type if isinstance(reader, ValuesReader) else None

    @property
    def label_map(self) -> LabelMap | None:
        """The classes of label maps; None for other images."""
        reader = self.train.reader
        return reader.map if isinstance(reader, LabelReader) else None

    def by_class(self) -> list[np.ndarray]:
        """The indices of the training images of each class; [] where they have none."""
        names = np.array([item.label for item in self.train.items])
        return [np.flatnonzero(names == name) for name in np.unique(names)] if names.size and all(names) else []
