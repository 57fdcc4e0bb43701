"""Electrons and as many protons in a periodic cube, in Bohr and Hartree."""

from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian


class Interactions(NamedTuple):
    """Potential energies of each configuration, (batch,)."""

    electrons: Tensor
    protons: Tensor
    attraction: Tensor


class Hydrogen(Hamiltonian):
    r"""$V = \sum_{i<j} v(x_i - x_j) + \sum_{I<J} v(S_I - S_J) - \sum_{i I} v(x_i - S_I)$ with all images.

    v is 1/r without its mean over the cube, and each charge sees its own images: with U the energy of unit
    charges the attraction is U(x) + U(S) - U(x, S), in which images and backgrounds cancel.
    """

    def __init__(self, electrons: int, length: float) -> None:
        super().__init__()
        self.electrons, self.length = electrons, length
        self.ewald = Ewald(3)

    def energy(self, r: Tensor) -> Tensor:
        """Of positions of the electrons, then of the protons, (batch, n + N, 3)."""
        of_electrons, of_protons, attraction = self.interactions(
            r[:, : self.electrons], r[:, self.electrons :]
        )
        return of_electrons + of_protons + attraction

    def interactions(self, x: Tensor, protons: Tensor) -> Interactions:
        """Of electrons (batch, n, 3) among protons (batch, N, 3)."""
        of_electrons, of_protons = self._of_charges(x), self._of_charges(protons)
        together = self._of_charges(torch.cat([x, protons], dim=1))
        return Interactions(of_electrons, of_protons, of_electrons + of_protons - together)

    def _of_charges(self, r: Tensor) -> Tensor:
        return self.ewald(r / self.length) / self.length
