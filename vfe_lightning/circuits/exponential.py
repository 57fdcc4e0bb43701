r"""Circuits of gates $\exp(\sum_a \theta_a A_a)$: any unitary of two qubits, any rotation of a few."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vfe_lightning.circuits.ansatz import Circuit
from vfe_lightning.circuits.statevector import Qubits

PAULIS = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


class ExponentialCircuit(Circuit):
    r"""`depth` times at every place $\exp(\sum_a \theta_a A_a)$, with the same antihermitian A in all gates.

    Args:
        layer: the qubits of each gate of one layer.
        width: standard deviation of the first angles.
        generators: the A, (angles, 2^k, 2^k).
    """

    generators: Tensor

    def __init__(self, layer: Sequence[Qubits], depth: int, width: float, generators: Tensor) -> None:
        super().__init__()
        self.places = (*layer,) * depth
        self.register_buffer("generators", generators, persistent=False)
        angles = torch.randn(len(self.places), len(generators), dtype=torch.float64)
        self.angles = nn.Parameter(width * angles)

    def unitaries(self) -> Tensor:
        return torch.linalg.matrix_exp(self._exponents())

    def derivatives(self) -> Tensor:
        """The upper right block of exp of (A, dA; 0, A): Higham, Functions of Matrices (2008), thm. 3.6."""
        with torch.no_grad():
            a, (gates, angles) = self._exponents(), self.angles.shape
            k = a.shape[-1]
            block = a.new_zeros(gates, angles, 2 * k, 2 * k)
            block[..., :k, :k] = block[..., k:, k:] = a[:, None]
            block[..., :k, k:] = self.generators
            full = a.new_zeros(gates, angles, gates, k, k)
            own = torch.arange(gates, device=a.device)
            full[own, :, own] = torch.linalg.matrix_exp(block)[..., :k, k:]
            return full.flatten(0, 1)

    def _exponents(self) -> Tensor:
        angles = self.angles.to(self.generators.dtype)
        return (angles @ self.generators.flatten(1)).unflatten(-1, self.generators.shape[1:])


class GeneralCircuit(ExponentialCircuit):
    r"""On every bond $\exp(-\frac{i}{2} \sum_a \theta_a P_a)$, the 15 two-qubit Paulis: SU(4).

    Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011 (2021).
    """

    def __init__(self, bonds: Sequence[Qubits], depth: int, width: float) -> None:
        paulis = torch.stack([torch.kron(a, b) for a in PAULIS for b in PAULIS][1:])
        super().__init__(bonds, depth, width, -0.5j * paulis.to(torch.complex128))


class OrthogonalCircuit(ExponentialCircuit):
    """On every block of k qubits any rotation of their 2^k states, SO(2^k): for real Hamiltonians."""

    def __init__(self, blocks: Sequence[Qubits], depth: int, width: float) -> None:
        states = 2 ** len(blocks[0])
        i, j = torch.triu_indices(states, states, offset=1)
        own = torch.arange(len(i))
        planes = torch.zeros(len(i), states, states, dtype=torch.float64)
        planes[own, i, j], planes[own, j, i] = 1, -1
        super().__init__(blocks, depth, width, planes)
