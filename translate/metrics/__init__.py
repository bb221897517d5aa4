"""Scores: `Scorer` for training and evaluation; each metric has a module."""

from translate.metrics.score import Score
from translate.metrics.scorer import Scorer

__all__ = ["Score", "Scorer"]
