"""The parameters of a fused step, without its tensors."""

from typing import NamedTuple


class Spec(NamedTuple):
    """The parameters of a fused step.

    group: channels that are normalised together; 0 without a norm. batch: statistics over the whole batch.
    slope: of the activation for negative values; 1 without an activation. pad: pixels on every side.
    kind: of padding: 'zeros', 'reflect' or 'replicate'. channels: of the result, filled up with zeros; 0: as x.
    plain: whether the result without the pad is returned as well.
    """

    group: int = 0
    batch: bool = False
    eps: float = 1e-5
    slope: float = 1.0
    pad: int = 0
    kind: str = "zeros"
    channels: int = 0
    plain: bool = False
