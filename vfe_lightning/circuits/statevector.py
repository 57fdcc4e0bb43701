r"""State vectors under two-qubit gates: columns of amplitudes, (2^qubits, batch), qubit 0 the highest bit.

A gate is one product of a 4 x 4 matrix with the amplitudes, its two qubits in front. They stay there: the
order of the qubits is kept beside the amplitudes, which are copied once a gate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

Pair = tuple[int, int]
MOST_AMPLITUDES = 2**18  # of one chunk of columns: 4 MiB in double precision


@dataclass(frozen=True)
class Amplitudes:
    """Columns of amplitudes whose qubits are in some order.

    Attributes:
        values: (2^qubits, batch).
        order: the qubits from the highest to the lowest bit of the rows of `values`.
    """

    values: Tensor
    order: tuple[int, ...]

    @classmethod
    def of(cls, psi: Tensor) -> Self:
        return cls(psi, tuple(range(len(psi).bit_length() - 1)))

    def in_front(self, qubits: Sequence[int]) -> Self:
        """The same state with these qubits first."""
        order = (*qubits, *(q for q in self.order if q not in qubits))
        if order == self.order:
            return self
        axes = [self.order.index(q) for q in order]
        tensor = self.values.view(*[2] * len(order), -1)
        return type(self)(tensor.permute(*axes, len(order)).reshape(self.values.shape), order)

    def transformed(self, matrix: Tensor) -> Self:
        """A gate (4, 4) on the two first qubits."""
        return type(self)((matrix @ self.values.view(4, -1)).view(self.values.shape), self.order)

    def plain(self) -> Tensor:
        """(2^qubits, batch) with the qubits in their natural order."""
        return self.in_front(range(len(self.order))).values


def basis_states(index: Tensor, qubits: int, dtype: torch.dtype) -> Tensor:
    """|x> of each number x: (batch,) -> (2^qubits, batch)."""
    psi = torch.zeros(2**qubits, len(index), dtype=dtype, device=index.device)
    psi[index, torch.arange(len(index), device=index.device)] = 1
    return psi


def evolved(psi: Tensor, unitaries: Tensor, pairs: Sequence[Pair]) -> Tensor:
    """U |psi> of gates (gates, 4, 4) in their order: (2^qubits, batch) -> (2^qubits, batch)."""
    state = Amplitudes.of(psi)
    for matrix, pair in zip(unitaries, pairs, strict=True):
        state = state.in_front(pair).transformed(matrix)
    return state.plain()


def columns_at_once(qubits: int) -> int:
    """How many columns are computed together, which bounds the memory."""
    return max(1, MOST_AMPLITUDES >> qubits)


def chunks(index: Tensor, qubits: int) -> Iterator[Tensor]:
    """Shares of the columns that are computed together."""
    yield from index.split(columns_at_once(qubits))
