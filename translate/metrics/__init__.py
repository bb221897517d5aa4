"""Scores: `Scorer` for training and evaluation; each metric has a module."""

from translate.metrics.scorer import Score, Scorer

__all__ = ["Score", "Scorer"]
