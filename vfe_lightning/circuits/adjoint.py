r"""Energies $\langle x | U^\dagger H U | x \rangle$ of a circuit, differentiated by running it backwards.

With $\lambda = H U |x \rangle$ the derivative for gate k is $2 \lambda_k \psi_{k-1}^\dagger$, and one step
back is $U_k^\dagger$ on both: memory does not grow with the depth. Jones & Gacon, arXiv 2009.02823 (2020).
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from vfe_lightning.circuits.statevector import Amplitudes, Qubits, basis_states, chunks, evolved
from vfe_lightning.hamiltonians.pauli import PauliSum, overlap


def energies(unitaries: Tensor, index: Tensor, places: Sequence[Qubits], hamiltonian: PauliSum) -> Tensor:
    """Energy of the circuit's state of each basis state x, differentiable in the gates.

    Args:
        unitaries: the gates, (gates, 2^k, 2^k), complex, or real of a real Hamiltonian.
        index: the numbers x of the basis states, (batch,).
        places: the k qubits of each gate.
    """
    return cast(Tensor, _Energies.apply(unitaries, index, places, hamiltonian))


class _Energies(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, unitaries: Tensor, index: Tensor, places: Sequence[Qubits], hamiltonian: PauliSum
    ) -> Tensor:
        ctx.index, ctx.places, ctx.hamiltonian = index, places, hamiltonian
        measured, states = [], []
        for part in chunks(index, hamiltonian.sites):
            psi = evolved(basis_states(part, hamiltonian.sites, unitaries.dtype), unitaries, places)
            lam = hamiltonian.apply_to(psi)
            measured.append(overlap(psi, lam).real)
            states = [psi, lam]
        # The states of several chunks would be too many to keep, and are computed again.
        ctx.kept = len(measured) == 1
        ctx.save_for_backward(unitaries, *(states if ctx.kept else ()))
        return torch.cat(measured)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        unitaries, *states = ctx.saved_tensors
        [slope], hamiltonian = slopes, ctx.hamiltonian
        total = torch.zeros_like(unitaries)
        weights = chunks(slope, hamiltonian.sites)
        for part, weight in zip(chunks(ctx.index, hamiltonian.sites), weights, strict=True):
            wanted = weight.nonzero().squeeze(1)
            if ctx.kept:
                psi, lam = (state.index_select(1, wanted) for state in states)
            else:
                psi = basis_states(part[wanted], hamiltonian.sites, unitaries.dtype)
                psi = evolved(psi, unitaries, ctx.places)
                lam = hamiltonian.apply_to(psi)
            total += gate_gradients(psi, lam * weight[wanted], unitaries, ctx.places)
        return total, None, None, None


def gate_gradients(psi: Tensor, lam: Tensor, unitaries: Tensor, places: Sequence[Qubits]) -> Tensor:
    """The derivative of 2 Re <lambda|U|x> at fixed lambda, summed over the columns: (gates, 2^k, 2^k).

    Args:
        psi: U |x>, (2^qubits, batch).
        lam: lambda, (2^qubits, batch).
    """
    gradients = torch.empty_like(unitaries)
    ket, bra = Amplitudes.of(psi), Amplitudes.of(lam)
    for k in reversed(range(len(places))):
        inverse = unitaries[k].mH
        bra = bra.in_front(places[k])
        ket = ket.in_front(places[k]).transformed(inverse)
        gradients[k] = 2 * (bra.split(len(inverse)) @ ket.split(len(inverse)).mH)
        bra = bra.transformed(inverse)
    return gradients
