r"""Metric of the gates of a circuit in $\rho = \sum_x p_x U |x \rangle \langle x| U^\dagger$.

A change of U makes a relative entropy $KL(\rho' || \rho) = \frac12 \delta^T G \delta$ with

$$ G_{ij} = \sum_{xy} (p_x - p_y) (\ln p_x - \ln p_y) \,
   \mathrm{Re} \, \overline{A^i_{yx}} A^j_{yx}, \qquad A^i = U^\dagger \partial_i U, $$

the Kubo-Mori metric, Petz & Toth, Lett. Math. Phys. 27, 205 (1993). It is to U what the Fisher matrix is to
p: where rho is the Gibbs state it is the Hessian of beta F. Rows with x drawn from p and superpositions
of y with p_y < p_x with random weights, which count each pair once, give G in the mean.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from vfe_lightning.circuits.ansatz import Circuit
from vfe_lightning.circuits.statevector import Amplitudes, Qubits, basis_states, columns_at_once


def metric_rows(
    circuit: Circuit, index: Tensor, log_prob: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Rows whose mean square is G in the mean: (2 batch, parameters).

    Args:
        index: numbers x of basis states that were drawn from p, (batch,).
        log_prob: ln p of all basis states, (2^qubits,).
    """
    with torch.inference_mode(False), torch.no_grad():
        unitaries, qubits = circuit.unitaries().to(torch.complex128), len(log_prob).bit_length() - 1
        derivatives = circuit.derivatives().to(torch.complex128)
        tangents = torch.einsum("pgab,gcb->gacp", derivatives, unitaries.conj())
        elements = []
        for part in index.split(columns_at_once(qubits)):
            kets = basis_states(part, qubits, unitaries.dtype)
            elements.append(
                gate_elements(_probes(part, log_prob, generator), kets, unitaries, circuit.places)
            )
        rows = torch.cat(elements, dim=-1).flatten(0, 2).mT @ tangents.flatten(0, 2)
        return torch.view_as_real(2**0.5 * rows).movedim(-1, 1).flatten(0, 1)


def _probes(index: Tensor, log_prob: Tensor, generator: torch.Generator | None) -> Tensor:
    """Random superpositions of the states y that are less likely than x: (2^qubits, batch)."""
    ratio = (log_prob[:, None] - log_prob[index]).clamp(max=0)
    weight = (-2 * ratio * -torch.expm1(ratio)).sqrt()
    noise = torch.randn(weight.shape, dtype=torch.complex128, device=weight.device, generator=generator)
    return weight * noise  # complex, of unit variance


def gate_elements(bras: Tensor, kets: Tensor, unitaries: Tensor, places: Sequence[Qubits]) -> Tensor:
    """<z| |a><c| |psi> on the k qubits of each gate after it, of all (a, c): (gates, 2^k, 2^k, batch)."""
    bra, ket, elements = Amplitudes.of(bras), Amplitudes.of(kets), []
    batch = bras.shape[1]
    for matrix, place in zip(unitaries, places, strict=True):
        bra, ket = (state.in_front(place).transformed(matrix) for state in (bra, ket))
        z, psi = (state.values.view(len(matrix), -1, batch) for state in (bra, ket))
        elements.append(torch.einsum("arb,crb->acb", z.conj(), psi))
    return torch.stack(elements)
