r"""The continuous dual of the periodic L x L Ising model, $K = \beta A$ with A the adjacency of the lattice.

With $\tilde K = K + a$, a such that its smallest eigenvalue is `delta`, a Gaussian average over x gives

$$ Z_{Ising} = \sum_s e^{\frac12 s^T K s} \propto \int dx \, e^{-E(x)}, \quad
   E = \tfrac12 x^T \tilde K^{-1} x - \sum_i \ln \cosh x_i, \quad
   p(s | x) = \prod_i \frac{e^{s_i x_i}}{2 \cosh x_i} $$

Li & Wang, PRL 121, 260601 (2018), eq. (6); Zhang, E & Wang, arXiv 1809.10188. The matrix is diagonal in
momentum space.
"""

import math

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

DELTA = 0.1  # smallest eigenvalue, as in the two papers
CRITICAL_BETA = math.log(1 + math.sqrt(2)) / 2


class IsingDual(ContinuousHamiltonian):
    """Fields are (batch, L, L); the energy has no units, beta is inside of it."""

    spectrum: Tensor  # eigenvalues of K~ by momentum, (L, L)

    def __init__(self, L: int, beta: float, delta: float = DELTA) -> None:
        super().__init__()
        self.beta = beta
        momentum = torch.arange(L)
        # equal cosines are equal numbers, however large beta is
        cos = torch.cos(2 * math.pi * torch.minimum(momentum, L - momentum).double() / L)
        rise = cos - cos.min()
        self.shift = delta - 4 * beta * cos.min().item()
        self.register_buffer("spectrum", delta + 2 * beta * (rise[:, None] + rise), persistent=False)

    def solve(self, x: Tensor) -> Tensor:
        """K~^-1 x: (batch, L, L) -> (batch, L, L)."""
        half = self.spectrum[:, : x.shape[-1] // 2 + 1]
        return torch.fft.irfft2(torch.fft.rfft2(x) / half, s=x.shape[-2:])

    def energy(self, x: Tensor) -> Tensor:
        """(batch, L, L) -> (batch,)."""
        return (0.5 * x * self.solve(x) - log_cosh(x)).sum(dim=(-1, -2))

    def gradient(self, x: Tensor) -> Tensor:
        """(batch, L, L) -> (batch, L, L)."""
        x = x.detach()
        return self.solve(x) - torch.tanh(x)

    def log_offset(self) -> float:
        """ln int dx e^-E - ln Z_Ising."""
        n = self.spectrum.numel()
        log_det = self.spectrum.log().sum().item()
        return 0.5 * (n * math.log(2 * math.pi) + log_det + n * self.shift) - n * math.log(2)

    def spins(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Spins +-1 drawn from p(s | x), which are those of the Ising model: (batch, L, L)."""
        coin = x.new_empty(x.shape).uniform_(generator=generator)
        return torch.where(coin < torch.sigmoid(2 * x), 1.0, -1.0).to(x)


def structure_factor(x: Tensor) -> Tensor:
    """<(sum s)^2> / N^2 of the spins that are drawn from p(s | x): (batch, L, L) -> (batch,)."""
    s = torch.tanh(x).flatten(1)
    return (s.sum(dim=1).square() + (1 - s.square()).sum(dim=1)) / s.shape[1] ** 2


def ising_energy(x: Tensor) -> Tensor:
    """-<sum s_i s_j> / N over bonds of the spins that are drawn from p(s | x): (batch, L, L) -> (batch,)."""
    s = torch.tanh(x)
    return -(s * (s.roll(1, 1) + s.roll(1, 2))).mean(dim=(1, 2))


def log_cosh(x: Tensor) -> Tensor:
    """ln cosh x of each number, for any size of it."""
    magnitude = x.abs()
    return magnitude + torch.log1p(torch.exp(-2 * magnitude)) - math.log(2)
