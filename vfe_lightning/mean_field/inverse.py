"""Couplings from correlations in closed form, at zero magnetisation.

Spins that are always parallel, or always opposite, have no finite couplings: those are infinite then.
All map C_ij = <s_i s_j>, (n, n) with ones on the diagonal, to J, (n, n) with zeros on the diagonal.
"""

import torch
from torch import Tensor


def naive_mean_field(C: Tensor, beta: float) -> Tensor:
    """J = -C^-1 / beta: Kappen & Rodriguez, Neural Comput. 10, 1137 (1998)."""
    return _off_diagonal(-_inverse(C)) / beta


def independent_pair(C: Tensor, beta: float) -> Tensor:
    """Each pair as if it were alone: J = atanh(C) / beta."""
    return torch.atanh(_off_diagonal(C)) / beta


def sessak_monasson(C: Tensor, beta: float) -> Tensor:
    """Small correlations: J = [-C^-1 + atanh C - C / (1 - C^2)] / beta, J. Phys. A 42, 055001 (2009)."""
    c = _off_diagonal(C)
    return (_off_diagonal(-_inverse(C)) + torch.atanh(c) - c / (1 - c.square())) / beta


def reconstruction_error(J: Tensor, true: Tensor) -> Tensor:
    """Root of the mean squared error over all n^2 entries: ()."""
    return (J - true).square().mean().sqrt()


def _inverse(C: Tensor) -> Tensor:
    inverse, failed = torch.linalg.inv_ex(C)
    return torch.full_like(C, torch.inf) if failed else inverse


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix.masked_fill(torch.eye(len(matrix), dtype=torch.bool, device=matrix.device), 0.0)
