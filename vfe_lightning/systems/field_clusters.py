"""Clusters of the field that is dual to Ising spins: x to spins, clusters of these, and back to x.

p(s | x) is a product, p(s) the Ising model, p(x | s) = N(K~ s, K~): the way there is the way back, so that
the step has detailed balance in exp(-E), but in none of its powers. Swendsen & Wang, PRL 58, 86 (1987).
"""

import torch
from torch import Tensor

from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.ising_dual import IsingDual
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Kernel
from vfe_lightning.samplers.spin_steps import Clusters


class FieldClusters(Kernel):
    """One round of Swendsen and Wang."""

    only = 1.0

    def __init__(self, bridge: Bridge, hamiltonian: IsingDual) -> None:
        self.bridge, self.hamiltonian = bridge, hamiltonian
        spectrum = hamiltonian.spectrum
        bonds = lattices.bonds(len(spectrum), lattices.SQUARE).to(spectrum.device)
        gains = spectrum.new_full((len(bonds),), 2 * hamiltonian.beta)
        self.clusters = Clusters(bridge, bonds, gains, spectrum.new_tensor([-1.0, 1.0]))

    def step(
        self, x: Tensor, action: Tensor, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        spins = self.hamiltonian.spins(x, generator).flatten(1)
        spins = self.clusters.turned(spins, 1.0, generator).view_as(x)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        spectrum = self.hamiltonian.spectrum
        modes = spectrum * torch.fft.fft2(spins) + spectrum.sqrt() * torch.fft.fft2(noise)
        x = torch.fft.ifft2(modes).real
        return x, self.bridge.action(x), torch.ones_like(action)
