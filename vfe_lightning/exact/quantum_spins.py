r"""Spins 1/2 by diagonalisation: all levels of few spins, the lowest levels and random traces of more.

$\mathrm{Tr} f(H)$ beyond the lowest levels is the mean of $\langle r | f(H) | r \rangle$ over random vectors
orthogonal to those, each by a short Lanczos recursion: Jaklic & Prelovsek, Phys. Rev. B 49, 5065 (1994).
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from vfe_lightning.hamiltonians.pauli import PauliSum
from vfe_lightning.result import Reference

MOST_DENSE = 11  # spins: 2048 levels take seconds


@dataclass(frozen=True)
class Thermal:
    """Thermodynamics of a whole system; free_energy_error is 0 where all levels are known.

    Attributes:
        purity: Tr rho^2.
        levels: energies of the lowest states in ascending order, all of them or some: (levels,).
    """

    free_energy: float
    energy: float
    entropy: float
    heat_capacity: float
    purity: float
    levels: Tensor
    free_energy_error: float = 0.0

    @property
    def reference(self) -> Reference:
        return Reference(self.free_energy, self.energy, self.entropy)


def matrix(hamiltonian: PauliSum) -> Tensor:
    """H in the basis of Z, real where it can be: (2^sites, 2^sites)."""
    return hamiltonian.apply_to(torch.eye(2**hamiltonian.sites, dtype=hamiltonian.phases.dtype))


def thermal_state(hamiltonian: PauliSum, beta: float) -> Thermal:
    """From all levels.

    Raises:
        ValueError: more than 11 spins.
    """
    if hamiltonian.sites > MOST_DENSE:
        raise ValueError(
            f"sites = {hamiltonian.sites}: all levels are computed of at most {MOST_DENSE} spins"
        )
    levels = torch.linalg.eigvalsh(matrix(hamiltonian))
    return _thermal(levels, torch.zeros_like(levels), beta, levels)


def lowest_states(hamiltonian: PauliSum, count: int) -> tuple[Tensor, Tensor]:
    """Energies and states by the Lanczos method, without the matrix: (count,), (2^sites, count)."""
    dtype = np.complex128 if hamiltonian.phases.is_complex() else np.float64

    def apply_to(v: np.ndarray) -> np.ndarray:
        psi = torch.from_numpy(np.ascontiguousarray(v, dtype=dtype)).reshape(len(v), -1)
        return hamiltonian.apply_to(psi).numpy().reshape(v.shape)

    size = 2**hamiltonian.sites
    operator = LinearOperator((size, size), matvec=apply_to, dtype=dtype)  # pyright: ignore
    start = np.random.default_rng(0).standard_normal(size).astype(dtype)
    levels, states = eigsh(operator, k=count, which="SA", v0=start)
    order = np.argsort(levels)
    return torch.from_numpy(levels[order]), torch.from_numpy(np.ascontiguousarray(states[:, order]))


def thermal_lanczos(
    hamiltonian: PauliSum, beta: float, lowest: int = 20, vectors: int = 32, steps: int = 60, seed: int = 0
) -> Thermal:
    """From the lowest levels and random traces of the others, with the error that these leave.

    Args:
        vectors: random vectors.
        steps: of the Lanczos recursion from each.
    """
    levels, states = lowest_states(hamiltonian, lowest)
    r = torch.randn(len(states), vectors, dtype=states.dtype, generator=torch.Generator().manual_seed(seed))
    r = r - states @ (states.mH @ r)
    ritz, log_weight = _lanczos(hamiltonian, r, steps)
    shares = (log_weight - beta * ritz).logsumexp(dim=1)  # ln <r| exp(-beta H) |r> of each vector
    low = (-beta * levels).logsumexp(0)
    log_z = torch.logaddexp(low, shares.logsumexp(0) - np.log(vectors))
    error = ((shares - log_z).exp().std() / vectors**0.5 / beta).item()
    everything = torch.cat([levels, ritz.flatten()])
    weights = torch.cat([torch.zeros_like(levels), (log_weight - np.log(vectors)).flatten()])
    return _thermal(everything, weights, beta, levels, error)


def _lanczos(hamiltonian: PauliSum, r: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Ritz values from each column and the logarithms of their weights: (vectors, steps) each."""
    norm = torch.linalg.vector_norm(r, dim=0)
    v, before, beta = r / norm, torch.zeros_like(r), torch.zeros_like(norm)
    diagonal, off = [], []
    for _ in range(steps):
        w = hamiltonian.apply_to(v) - beta * before
        alpha = (v.conj() * w).sum(dim=0).real
        w = w - alpha * v
        beta = torch.linalg.vector_norm(w, dim=0)
        before, v = v, w / beta
        diagonal.append(alpha)
        off.append(beta)
    a, b = torch.stack(diagonal, dim=1), torch.stack(off, dim=1)[:, :-1]
    ritz, vectors = torch.linalg.eigh(torch.diag_embed(a) + torch.diag_embed(b, 1) + torch.diag_embed(b, -1))
    return ritz, 2 * (vectors[:, 0].abs().log() + norm[:, None].log())


def _thermal(values: Tensor, log_weight: Tensor, beta: float, levels: Tensor, error: float = 0.0) -> Thermal:
    log_z = (log_weight - beta * values).logsumexp(0)
    p = (log_weight - beta * values - log_z).exp()
    energy = p @ values
    return Thermal(
        free_energy=(-log_z / beta).item(),
        energy=energy.item(),
        entropy=(beta * energy + log_z).item(),
        heat_capacity=(beta**2 * (p @ (values - energy).square())).item(),
        purity=((log_weight - 2 * beta * values).logsumexp(0) - 2 * log_z).exp().item(),
        levels=levels,
        free_energy_error=error,
    )
