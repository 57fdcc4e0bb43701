r"""Parametrised circuits, and the one that devices have: rotations and controlled Z."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacfwd

from vfe_lightning.circuits.statevector import Qubits


class Circuit(nn.Module, ABC):
    """Gates that depend on parameters.

    Attributes:
        places: the k qubits of each gate, in the order in which they act.
    """

    places: tuple[Qubits, ...]

    @abstractmethod
    def unitaries(self) -> Tensor:
        """The gates: (gates, 2^k, 2^k), complex128, or float64 where they are real."""

    @abstractmethod
    def derivatives(self) -> Tensor:
        """d gates / d parameters, in the order of `parameters()`: (parameters, gates, 2^k, 2^k)."""


class HardwareCircuit(Circuit):
    r"""`depth` layers of rotations $R_z R_y R_z$ of every qubit and CZ on every bond; rotations at the end.

    Kandala et al., Nature 549, 242 (2017). The rotations are multiplied into the gate of a bond.
    """

    def __init__(self, bonds: Sequence[Qubits], depth: int, width: float) -> None:
        super().__init__()
        self.bonds = tuple(bonds)
        self.places = self.bonds * depth
        qubits = 1 + max(max(bond) for bond in bonds)
        self.angles = nn.Parameter(width * torch.randn(depth + 1, qubits, 3, dtype=torch.float64))

    def unitaries(self) -> Tensor:
        rotations = euler_rotation(self.angles)
        controlled = torch.diag(rotations.new_tensor([1, 1, 1, -1]))
        one = torch.eye(2, dtype=rotations.dtype, device=rotations.device)
        last = {qubit: k for k, bond in enumerate(self.bonds) for qubit in bond}
        gates = []
        for layer, before in enumerate(rotations[:-1]):
            waiting = set(last)
            for k, (i, j) in enumerate(self.bonds):
                first = [before[q] if q in waiting else one for q in (i, j)]
                waiting -= {i, j}
                gate = controlled @ torch.kron(*first)
                if layer + 1 == len(rotations) - 1:
                    ends = [rotations[-1][q] if last[q] == k else one for q in (i, j)]
                    gate = torch.kron(*ends) @ gate
                gates.append(gate)
        return torch.stack(gates)

    def derivatives(self) -> Tensor:
        def gates(angles: Tensor) -> Tensor:
            return torch.view_as_real(functional_call(_Unitaries(self), {"circuit.angles": angles}, ()))

        with torch.inference_mode(False):
            slopes = jacfwd(gates)(self.angles.detach().clone())
        return torch.view_as_complex(slopes.flatten(4).movedim(-1, 0).contiguous())  # pyright: ignore


class _Unitaries(nn.Module):
    """The gates of a circuit as the forward pass of a module, which functional_call insists on."""

    def __init__(self, circuit: Circuit) -> None:
        super().__init__()
        self.circuit = circuit

    def forward(self) -> Tensor:
        return self.circuit.unitaries()


def euler_rotation(angles: Tensor) -> Tensor:
    r"""$R_z(\theta_3) R_y(\theta_2) R_z(\theta_1)$: (..., 3) -> (..., 2, 2)."""
    first, second, third = angles.unbind(dim=-1)
    c, s = (second / 2).cos(), (second / 2).sin()
    plus, minus = torch.exp(-0.5j * (third + first)), torch.exp(-0.5j * (third - first))
    rows = [plus * c, -minus * s, minus.conj() * s, plus.conj() * c]
    return torch.stack(rows, dim=-1).unflatten(-1, (2, 2))
