"""Scores: `Scorer` for a training or evaluation; the single measures live in the modules beside it."""

from translate.metrics.scorer import Score, Scorer

__all__ = ["Score", "Scorer"]
