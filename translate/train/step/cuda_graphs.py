"""A round recorded once and replayed (CUDA graphs): one launch where there were thousands."""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Batches = Sequence[Sequence[Tensor]]
WARM_UP = 3  # rounds before the recording: in the first ones libraries choose kernels and optimizers make their state


def capture(body: Callable[[], None]) -> Callable[[], None]:
    """Record what `body` launches, without doing it; the result does it."""
    graph = torch.cuda.CUDAGraph()
    # (Other threads, which load images, may go on asking for memory.)
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        body()
    return graph.replay


class GraphedRound:
    """`body`, a function of batches that reads and changes tensors in place and asks nothing of the device.

    The first rounds are played as they are, in a stream of their own; then one is recorded, and replayed from there on
    with new batches in the old ones' place. Batches of other shapes are played as they are.
    """

    def __init__(self, body: Callable[[Batches], None]):
        self.body = body
        self.batches: list[list[Tensor]] = []
        self.played = 0
        self.replay: Callable[[], None] | None = None

    def __call__(self, batches: Batches) -> None:
        shapes = [[t.shape for t in batch] for batch in batches]
        if not self.batches:
            self.batches = [[t.clone() for t in batch] for batch in batches]
        elif shapes != [[t.shape for t in batch] for batch in self.batches]:
            return self.body(batches)
        for kept, new in zip(self.batches, batches, strict=True):
            for target, source in zip(kept, new, strict=True):
                target.copy_(source)
        if self.replay is None:
            if self.played < WARM_UP:
                self.played += 1
                return self._warm_up()
            self.replay = capture(lambda: self.body(self.batches))
        self.replay()

    def _warm_up(self) -> None:
        if not torch.cuda.is_available():
            return self.body(self.batches)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*capturable")  # optimizers wonder that nothing is captured yet
            self.body(self.batches)
        torch.cuda.current_stream().wait_stream(side)
