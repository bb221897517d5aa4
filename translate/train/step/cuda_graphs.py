"""A round recorded once and replayed (CUDA graphs): one launch instead of thousands."""

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Batches = Sequence[Sequence[Tensor]]
WARM_UP_ROUNDS = 3  # before a recording: in the first ones libraries choose kernels and optimizers make their state
MOST_RECORDINGS = 12  # of kinds of rounds; others are played without


def capture(body: Callable[[], None], pool: Any = None) -> Callable[[], None]:
    """Record what `body` launches, without executing it; the result executes it. pool: memory that recordings share."""
    graph = torch.cuda.CUDAGraph()
    # thread_local: other threads, which load images, may still allocate memory.
    with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
        body()
    return graph.replay


@dataclass
class Recording:
    """One kind of round: the batches that it reads, in place, and its replay once it is recorded."""

    batches: list[list[Tensor]]
    rounds: int = 0
    replay: Callable[[], None] | None = field(default=None)


class GraphedRound:
    """`body`, a function of batches that reads and changes tensors in place and never synchronises with the device.

    Of each kind of round (shapes of the batches, and what `kind` returns) the first rounds are executed as they are, in
    a stream of their own; then one is recorded, and replayed from there on with new batches in the old ones' place. So
    a last batch of another size, and rounds with and without a lazy penalty, need no case of their own.
    """

    def __init__(self, body: Callable[[Batches], None], kind: Callable[[], Hashable] = lambda: None):
        self.body, self.kind = body, kind
        self.recordings: dict[Hashable, Recording] = {}
        self.pool = torch.cuda.graph_pool_handle() if torch.cuda.is_available() else None

    def __call__(self, batches: Batches) -> None:
        key = (self.kind(), tuple(tuple(t.shape for t in batch) for batch in batches))
        if key not in self.recordings:
            if len(self.recordings) == MOST_RECORDINGS:
                return self.body(batches)
            self.recordings[key] = Recording([[t.clone() for t in batch] for batch in batches])
        recording = self.recordings[key]
        for kept, new in zip(recording.batches, batches, strict=True):
            for target, source in zip(kept, new, strict=True):
                target.copy_(source)
        if recording.replay is None:
            if recording.rounds < WARM_UP_ROUNDS:
                recording.rounds += 1
                return self._warm_up(recording.batches)
            recording.replay = capture(lambda: self.body(recording.batches), self.pool)
        recording.replay()

    def _warm_up(self, batches: Batches) -> None:
        if not torch.cuda.is_available():
            return self.body(batches)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*capturable")  # capturable optimizers warn outside a capture
            self.body(batches)
        torch.cuda.current_stream().wait_stream(side)
