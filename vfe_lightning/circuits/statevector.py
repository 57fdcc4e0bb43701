r"""State vectors under gates of a few qubits: columns of amplitudes, (2^qubits, batch), qubit 0 the high bit.

A gate on k qubits is one product of a (2^k, 2^k) matrix with the amplitudes, its qubits in front. They stay
there: the order of the qubits is kept beside the amplitudes, which are copied once a gate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

Qubits = tuple[int, ...]
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
        """A gate (2^k, 2^k) on the k first qubits."""
        return type(self)((matrix @ self.split(len(matrix))).view(self.values.shape), self.order)

    def split(self, states: int) -> Tensor:
        """The states of the first qubits, and all the rest: (states, others)."""
        return self.values.view(states, -1)

    def plain(self) -> Tensor:
        """(2^qubits, batch) with the qubits in their natural order."""
        return self.in_front(range(len(self.order))).values


def basis_states(index: Tensor, qubits: int, dtype: torch.dtype) -> Tensor:
    """|x> of each number x: (batch,) -> (2^qubits, batch)."""
    psi = torch.zeros(2**qubits, len(index), dtype=dtype, device=index.device)
    psi[index, torch.arange(len(index), device=index.device)] = 1
    return psi


def evolved(psi: Tensor, unitaries: Tensor, places: Sequence[Qubits]) -> Tensor:
    """U |psi> of gates (gates, 2^k, 2^k) in their order: (2^qubits, batch) -> (2^qubits, batch)."""
    state = Amplitudes.of(psi)
    for matrix, place in zip(unitaries, places, strict=True):
        state = state.in_front(place).transformed(matrix)
    return state.plain()


def columns_at_once(qubits: int) -> int:
    """How many columns are computed together, which bounds the memory."""
    return max(1, MOST_AMPLITUDES >> qubits)


def chunks(index: Tensor, qubits: int) -> Iterator[Tensor]:
    """Shares of the columns that are computed together."""
    yield from index.split(columns_at_once(qubits))
