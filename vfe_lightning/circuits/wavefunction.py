r"""The states $U |x\rangle$ of a circuit as wavefunctions of the spins along z."""

import torch
from torch import Tensor

from vfe_lightning.circuits.ansatz import Circuit
from vfe_lightning.circuits.statevector import basis_states, chunks, evolved


class CircuitWavefunction:
    r"""$\Psi_x(z) = \langle z | U | x \rangle$ of numbers x and z of basis states."""

    def __init__(self, circuit: Circuit, sites: int) -> None:
        self.circuit, self.sites = circuit, sites

    @torch.no_grad()
    def log_psi(self, x: Tensor, z: Tensor) -> Tensor:
        """ln Psi, complex: (batch,), (batch,) -> (batch,)."""
        found = torch.empty(len(x), dtype=torch.complex128, device=x.device)
        for rows, psi in self._columns(x):
            found[rows] = psi.gather(0, z[rows][None])[0].to(found.dtype)
        return found.log()

    @torch.no_grad()
    def sample(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """z ~ |Psi_x(z)|^2: (batch,) -> (batch,)."""
        found = torch.empty_like(x)
        for rows, psi in self._columns(x):
            p = psi.abs().double().square().cumsum(dim=0)
            u = torch.rand(len(rows), generator=generator, dtype=p.dtype, device=p.device) * p[-1]
            found[rows] = (p < u).sum(dim=0)
        return found

    def _columns(self, x: Tensor):
        """Rows of a few samples, and the amplitudes of their states: (few,), (2^sites, few)."""
        unitaries = self.circuit.unitaries()
        for rows in chunks(torch.arange(len(x), device=x.device), self.sites):
            if len(rows):
                psi = basis_states(x[rows], self.sites, unitaries.dtype)
                yield rows, evolved(psi, unitaries, self.circuit.places)
