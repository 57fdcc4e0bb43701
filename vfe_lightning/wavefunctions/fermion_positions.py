r"""Positions of free fermions of one spin at a temperature, the diagonal of their canonical density matrix.

$$ p_0(z) = \sum_K \frac{e^{-\beta E_K}}{Z} \frac{|\det e^{i k_a \cdot z_j}|^2}{n!}
   = \frac{1}{n! \, Z} \det_{ij} \sum_k e^{-\beta \epsilon_k} \cos k \cdot (z_i - z_j), $$

by the formula of Cauchy and Binet, with Z the elementary symmetric polynomial of all exp(-beta eps): exact
for any set of orbitals that has -k with each k, sampled exactly, with the symmetries of the cube. Fermions
stay apart and have weak long waves, a better start for repelling particles than independent ones. It is a
determinantal point process of fixed size: Kulesza & Taskar, Found. Trends Mach. Learn. 5, 123 (2012).
"""

import math

import torch
from torch import Tensor

from vfe_lightning.exact.ideal_gas import conditional_logits, log_symmetric_polynomials
from vfe_lightning.generative.occupation import drawn
from vfe_lightning.generative.torus_flow import Start
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.wavefunctions.free_fermions import free_fermions

DIM = 3
FULL = 10.0  # -beta eps above that of the n-th orbital: of more the determinants would round
ENOUGH = 2  # orbitals for each fermion, or more; fewer make another density, which is as exact


class FermionPositions(Start):
    """n fermions at a temperature theta in units of the Fermi temperature of the infinite gas.

    Args:
        theta: the lower, the better particles are spread, down to the full shells of the lowest orbitals.
    """

    k: Tensor  # (orbitals, 3)
    weights: Tensor  # -beta eps, (orbitals,)
    logits: Tensor  # of sorted occupied orbitals, (n, orbitals)

    def __init__(self, n: int, theta: float) -> None:
        super().__init__()
        self.n = n
        cutoff = 1
        while len(grid := plane_waves(DIM, cutoff, (0.0,) * DIM)) < ENOUGH * n:
            cutoff += 1
        unit = (2 * math.pi / box_length(n, DIM)) ** 2
        weights = -grid.square().sum(dim=1) * unit / (theta * fermi_energy(DIM))
        weights = weights.clamp(max=weights[n - 1].item() + FULL)
        weights = weights - weights[:n].mean()
        self.register_buffer("k", 2 * math.pi * grid, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("logits", conditional_logits(weights, n), persistent=False)
        self.log_norm = math.lgamma(n + 1) + log_symmetric_polynomials(weights, n)[n, 0].item()

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        occupied = drawn(self.logits.unbind(), n_samples, None, lambda index: index, None, generator)
        return free_fermions(self.k[occupied], 1.0, generator)

    def log_prob(self, z: Tensor) -> Tensor:
        phase, share = z @ self.k.mT, (0.5 * self.weights).exp()
        waves = torch.cat([phase.cos() * share, phase.sin() * share], dim=-1)
        return torch.linalg.slogdet(waves @ waves.mT)[1] - self.log_norm
