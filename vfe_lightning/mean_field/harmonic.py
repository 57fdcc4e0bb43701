r"""A cluster of equal atoms as a rigid rotor with harmonic vibrations: exact for labelled atoms as T -> 0.

$$ Z = \frac{n!}{g} \, 8 \pi^2 \sqrt{\det I} \; e^{-\beta U_0} \prod_i \sqrt{2 \pi / \beta \kappa_i} $$

g rotations carry the minimum into itself with other labels, I is its tensor of inertia for unit masses, and
kappa_i > 0 are the eigenvalues of the second derivatives there: Wales, Energy Landscapes, chapter 7 (2003).
"""

import math
from typing import Any

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

ROTATIONS = 3  # directions without a force


def scaled_to_minimum(hamiltonian: ContinuousHamiltonian, x: Tensor) -> Tensor:
    """The arrangement with the lowest energy among x by any factor near one: (n, dim) -> (n, dim)."""

    def energy(scale: float) -> float:
        return hamiltonian.energy(scale * x[None]).item()

    found: Any = minimize_scalar(energy, bracket=(0.9, 1.0, 1.1), tol=1e-12)
    return found.x * x


def harmonic_log_z(hamiltonian: ContinuousHamiltonian, minimum: Tensor, symmetry: int, beta: float) -> float:
    """ln Z of labelled atoms around a minimum (n, 3) in a trap, and around all its images.

    Args:
        symmetry: g, proper rotations that the minimum has.
    """
    n = len(minimum)
    curvature = torch.autograd.functional.hessian(
        lambda y: hamiltonian.energy(y.view(1, n, 3)).sum(), minimum.flatten()
    )
    stiffness = torch.linalg.eigvalsh(torch.as_tensor(curvature))[ROTATIONS:]
    relative = minimum - minimum.mean(dim=0)
    square = torch.eye(3, dtype=minimum.dtype) * relative.square().sum()
    inertia = square - relative.T @ relative
    rotations = math.log(8 * math.pi**2) + 0.5 * torch.logdet(inertia).item()
    vibrations = 0.5 * (2 * math.pi / (beta * stiffness)).log().sum().item()
    energy = hamiltonian.energy(minimum[None]).item()
    return math.lgamma(n + 1) - math.log(symmetry) + rotations + vibrations - beta * energy
