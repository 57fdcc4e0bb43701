r"""Parametrised circuits of two-qubit gates on the bonds of a lattice."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacfwd

from vfe_lightning.circuits.statevector import Pair

PAULIS = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GENERATORS = torch.stack([torch.kron(a, b) for a in PAULIS for b in PAULIS][1:]).to(torch.complex128)
CONTROLLED_Z = torch.diag(torch.tensor([1, 1, 1, -1], dtype=torch.complex128))


class Circuit(nn.Module, ABC):
    """Gates that depend on parameters.

    Attributes:
        pairs: the two qubits of each gate, in the order in which they act.
    """

    pairs: tuple[Pair, ...]

    @abstractmethod
    def unitaries(self) -> Tensor:
        """The gates: (gates, 4, 4), complex128."""

    @abstractmethod
    def derivatives(self) -> Tensor:
        """d gates / d parameters, in the order of `parameters()`: (parameters, gates, 4, 4)."""


class GeneralCircuit(Circuit):
    r"""`depth` times on every bond $\exp(-\frac{i}{2} \sum_a \theta_a P_a)$, the 15 two-qubit Paulis: SU(4).

    Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011 (2021).
    """

    def __init__(self, bonds: Sequence[Pair], depth: int, width: float) -> None:
        super().__init__()
        self.pairs = (*bonds,) * depth
        self.angles = nn.Parameter(width * torch.randn(len(self.pairs), 15, dtype=torch.float64))

    def unitaries(self) -> Tensor:
        return special_unitary(self.angles)

    def derivatives(self) -> Tensor:
        gates = len(self.pairs)
        with torch.no_grad():
            eye = torch.eye(15, dtype=self.angles.dtype, device=self.angles.device)
            slopes = special_unitary_slopes(self.angles, eye)  # (15, gates, 4, 4)
            full = slopes.new_zeros(gates, 15, gates, 4, 4)
            own = torch.arange(gates, device=slopes.device)
            full[own, :, own] = slopes.movedim(1, 0)
            return full.flatten(0, 1)


class HardwareCircuit(Circuit):
    r"""`depth` layers of rotations $R_z R_y R_z$ of every qubit and CZ on every bond; rotations at the end.

    Kandala et al., Nature 549, 242 (2017). The rotations are multiplied into the gate of a bond.
    """

    def __init__(self, bonds: Sequence[Pair], depth: int, width: float) -> None:
        super().__init__()
        self.bonds = tuple(bonds)
        self.pairs = self.bonds * depth
        qubits = 1 + max(max(bond) for bond in bonds)
        self.angles = nn.Parameter(width * torch.randn(depth + 1, qubits, 3, dtype=torch.float64))

    def unitaries(self) -> Tensor:
        rotations = euler_rotation(self.angles)
        controlled = CONTROLLED_Z.to(rotations.device)
        last = {qubit: k for k, bond in enumerate(self.bonds) for qubit in bond}
        gates = []
        for layer, before in enumerate(rotations[:-1]):
            waiting = set(last)
            for k, (i, j) in enumerate(self.bonds):
                first = [before[q] if q in waiting else torch.eye(2).to(before) for q in (i, j)]
                waiting -= {i, j}
                gate = controlled @ torch.kron(*first)
                if layer + 1 == len(rotations) - 1:
                    ends = [rotations[-1][q] if last[q] == k else torch.eye(2).to(before) for q in (i, j)]
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


def special_unitary(angles: Tensor) -> Tensor:
    r"""$\exp(-\frac{i}{2} \sum_a \theta_a P_a)$: (..., 15) -> (..., 4, 4)."""
    return torch.linalg.matrix_exp(_exponents(angles))


def special_unitary_slopes(angles: Tensor, directions: Tensor) -> Tensor:
    """Derivatives of `special_unitary` in some directions: (gates, 15), (k, 15) -> (k, gates, 4, 4).

    The upper right block of exp of (A, dA; 0, A): Higham, Functions of Matrices (2008), theorem 3.6.
    """
    a, da = _exponents(angles), _exponents(directions)[:, None].expand(-1, len(angles), 4, 4)
    block = a.new_zeros(*da.shape[:2], 8, 8)
    block[..., :4, :4], block[..., 4:, 4:], block[..., :4, 4:] = a, a, da
    return torch.linalg.matrix_exp(block)[..., :4, 4:]


def _exponents(angles: Tensor) -> Tensor:
    return -0.5j * (angles.to(torch.complex128) @ GENERATORS.to(angles.device).flatten(1)).unflatten(
        -1, (4, 4)
    )


def euler_rotation(angles: Tensor) -> Tensor:
    r"""$R_z(\theta_3) R_y(\theta_2) R_z(\theta_1)$: (..., 3) -> (..., 2, 2)."""
    first, second, third = angles.unbind(dim=-1)
    c, s = (second / 2).cos(), (second / 2).sin()
    plus, minus = torch.exp(-0.5j * (third + first)), torch.exp(-0.5j * (third - first))
    rows = [plus * c, -minus * s, minus.conj() * s, plus.conj() * c]
    return torch.stack(rows, dim=-1).unflatten(-1, (2, 2))
