"""Precision and recall of a distribution of images: how much of what is made is real, how much of the real is made.

T. Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative models", Algorithm 1: a
set's manifold is the union of spheres around its features, each as large as the distance to the 3rd nearest of the set.
"""

import torch
from torch import Tensor

NEAREST = 3  # the paper's k


def precision(outputs: Tensor, real: Tensor) -> Tensor:
    """float64 (N,): 1 for each of the outputs' features (N, d) that lies in the manifold of the real ones (M, d), else
    0. The mean is the precision; with the two exchanged it is the recall. M >= 2."""
    outputs, real = outputs.double(), real.double()
    nearest = min(NEAREST, len(real) - 1)
    radii = torch.cdist(real, real).kthvalue(nearest + 1, dim=1).values  # the nearest is the feature itself
    return (torch.cdist(outputs, real) <= radii).any(1).double()
