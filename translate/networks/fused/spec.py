"""What a fused step computes, without its tensors."""

from typing import NamedTuple


class Spec(NamedTuple):
    """A fused step without its tensors.

    group: channels that are normalised together; 0 where there is no norm. batch: over the whole batch.
    slope: of the activation for negative numbers; 1 where there is none. pad: pixels on every side, of `kind`.
    channels: of the result; those that x hasn't are zeros. plain: the result without the pad is wanted as well.
    """

    group: int = 0
    batch: bool = False
    eps: float = 1e-5
    slope: float = 1.0
    pad: int = 0
    kind: str = "zeros"
    channels: int = 0
    plain: bool = False
