r"""Spins 1/2 by diagonalisation: all levels of few spins, the lowest levels and random traces of more.

$\mathrm{Tr} f(H)$ beyond the lowest levels is the mean of $\langle r | f(H) | r \rangle$ over random vectors
orthogonal to those, each by a short Lanczos recursion: Jaklic & Prelovsek, Phys. Rev. B 49, 5065 (1994).
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from vfe_lightning.exact.ideal_gas import EPSILON
from vfe_lightning.hamiltonians.pauli import PauliSum
from vfe_lightning.result import Reference

MOST_DENSE = 11  # spins: 2048 levels take seconds
_SPLITTING = (
    1e-9  # of degenerate levels, over the norm of H; it moves levels by its square over their distance
)


@dataclass(frozen=True)
class Thermal:
    """Thermodynamics of a whole system; free_energy_error is a standard error where not all levels are known.

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
    free_energy_error: float
    energy_error: float
    entropy_error: float
    heat_capacity_error: float

    @property
    def reference(self) -> Reference:
        return Reference(
            self.free_energy,
            self.energy,
            self.entropy,
            self.heat_capacity,
            self.free_energy_error,
            self.energy_error,
            self.entropy_error,
            self.heat_capacity_error,
        )


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
    rounding = len(levels) * EPSILON * _norm(hamiltonian)
    return _thermal(levels, torch.zeros_like(levels), beta, levels, rounding)


def lowest_states(hamiltonian: PauliSum, count: int) -> tuple[Tensor, Tensor]:
    """Energies and states by the Lanczos method, without the matrix: (count,), (2^sites, count).

    ARPACK misses levels where there are few of high multiplicity, and refuses H = 0: noise on the diagonal
    splits them, and H itself is diagonalised among the states that are found.
    """
    dtype = np.complex128 if hamiltonian.phases.is_complex() else np.float64
    size, random = 2**hamiltonian.sites, np.random.default_rng(0)
    noise = torch.from_numpy(_SPLITTING * (_norm(hamiltonian) or 1.0) * random.random((size, 1)))

    def apply_to(v: np.ndarray) -> np.ndarray:
        psi = torch.from_numpy(np.ascontiguousarray(v, dtype=dtype)).reshape(len(v), -1)
        return (hamiltonian.apply_to(psi) + noise * psi).numpy().reshape(v.shape)

    operator = LinearOperator((size, size), matvec=apply_to, dtype=dtype)  # pyright: ignore
    start = random.standard_normal(size).astype(dtype)
    _, found = eigsh(operator, k=count, which="SA", v0=start)
    states = torch.from_numpy(np.ascontiguousarray(found))
    levels, rotation = torch.linalg.eigh(states.mH @ hamiltonian.apply_to(states))
    return levels, states @ rotation


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
    # of the length that all have on average, which is the trace of one: without noise at high temperature
    r = r * ((len(states) - lowest) ** 0.5 / torch.linalg.vector_norm(r, dim=0))
    ritz, log_weight = _lanczos(hamiltonian, r, steps)
    shares = (log_weight - beta * ritz).logsumexp(dim=1)  # ln <r| exp(-beta H) |r> of each vector
    low = (-beta * levels).logsumexp(0)
    log_z = torch.logaddexp(low, shares.logsumexp(0) - np.log(vectors))
    error = ((shares - log_z).exp().std() / vectors**0.5 / beta).item()
    everything = torch.cat([levels, ritz.flatten()])
    weights = torch.cat([torch.zeros_like(levels), (log_weight - np.log(vectors)).flatten()])
    return _thermal(everything, weights, beta, levels, error)


def _lanczos(hamiltonian: PauliSum, r: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Ritz values from each column and the logarithms of their weights: (vectors, steps) each.

    Where a vector stays within fewer states than there are steps, the rest of its steps have no weight.
    """
    norm, smallest = torch.linalg.vector_norm(r, dim=0), 1e-12 * _norm(hamiltonian)
    v, before, beta = r / norm, torch.zeros_like(r), torch.zeros_like(norm)
    diagonal, off = [], []
    for _ in range(steps):
        w = hamiltonian.apply_to(v) - beta * before
        alpha = (v.conj() * w).sum(dim=0).real
        w = w - alpha * v
        beta = torch.linalg.vector_norm(w, dim=0)
        beta = torch.where(beta > smallest, beta, 0.0)
        before, v = v, torch.where(beta > 0, w / beta, 0.0)
        diagonal.append(alpha)
        off.append(beta)
    a, b = torch.stack(diagonal, dim=1), torch.stack(off, dim=1)[:, :-1]
    ritz, vectors = torch.linalg.eigh(torch.diag_embed(a) + torch.diag_embed(b, 1) + torch.diag_embed(b, -1))
    return ritz, 2 * (vectors[:, 0].abs().log() + norm[:, None].log())


def _norm(hamiltonian: PauliSum) -> float:
    """A bound on the modulus of the levels."""
    return float(hamiltonian.phases.abs().amax(dim=1).sum())


def _thermal(values: Tensor, log_weight: Tensor, beta: float, levels: Tensor, error: float) -> Thermal:
    """From levels and the logarithms of how often each counts; `error` bounds that of the levels and of F.

    To first order a change of the levels by delta moves a mean <A> by beta delta times the spread of A.
    """
    ground = values.min()
    excitation = values - ground  # so that a small entropy keeps its digits
    log_z = (log_weight - beta * excitation).logsumexp(0)
    p = (log_weight - beta * excitation - log_z).exp()
    mean = p @ excitation
    squares = (excitation - mean).square()
    variance = p @ squares
    spread, spread_of_squares = variance.sqrt().item(), (p @ (squares - variance).square()).sqrt().item()
    return Thermal(
        free_energy=(ground - log_z / beta).item(),
        energy=(ground + mean).item(),
        entropy=(beta * mean + log_z).item(),
        heat_capacity=(beta * (beta * variance)).item(),
        purity=((log_weight - 2 * beta * excitation).logsumexp(0) - 2 * log_z).exp().item(),
        levels=levels,
        free_energy_error=error,
        energy_error=error * (1 + beta * spread),
        entropy_error=beta * error * (1 + beta * spread),
        heat_capacity_error=beta * error * (2 * beta * spread + beta * (beta * spread_of_squares)),
    )
