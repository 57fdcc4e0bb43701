"""What a flow transforms: states Phi(zeta) of n fermions whose derivatives are known in closed form."""

from typing import Protocol, Self

import torch
from torch import Tensor


class BaseJet(Protocol):
    """ln Phi at a batch of points with its first and second derivatives."""

    @property
    def log_psi(self) -> Tensor:
        """ln Phi, complex (batch,)."""
        ...

    @property
    def gradient(self) -> Tensor:
        """d ln Phi / d zeta, complex (batch, n, dim)."""
        ...

    def hessian_contraction(self, metric: Tensor) -> Tensor:
        """sum_ab (d_a d_b ln Phi) metric_ab for symmetric real metrics: (batch, n dim, n dim) -> (batch,)."""
        ...


class BaseStates(Protocol):
    """A batch of states, one a walker, in a periodic cube or a trap; zeta is (batch, n, dim) throughout.

    States of one system are orthonormal and each has a total momentum, in a trap an angular momentum: a flow
    that depends on it keeps states of different total momentum orthogonal.
    """

    @property
    def momentum(self) -> Tensor:
        """Total momentum of each state in absolute units, (batch, dim); in a trap, (batch, 1), M in hbar."""
        ...

    def __getitem__(self, rows: slice | Tensor) -> Self: ...

    def __len__(self) -> int: ...

    def log_psi(self, zeta: Tensor) -> Tensor:
        """ln Phi, complex (batch,)."""
        ...

    def gradient(self, zeta: Tensor) -> Tensor:
        """d ln Phi / d zeta, complex (batch, n, dim)."""
        ...

    def jet(self, zeta: Tensor) -> BaseJet:
        """ln Phi with its derivatives."""
        ...

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent zeta ~ |Phi|^2, one a walker."""
        ...
