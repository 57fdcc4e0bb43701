"""What every bijector z <-> x of continuous variables is, and their composition."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn


class Bijector(nn.Module, ABC):
    """A smooth invertible map with its Jacobian determinant; shapes are (batch, ...) throughout.

    Attributes:
        rounding: the distance by which the way back may miss, where it is the inverse but for an error of
            integration; None where it is the inverse itself.
    """

    rounding: float | None = None

    @abstractmethod
    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x of z and ln|det dx/dz|, (batch,)."""

    @abstractmethod
    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z of x and ln|det dz/dx|, (batch,)."""


class Composed(Bijector):
    """Bijectors one after the other, the first next to z."""

    def __init__(self, parts: Iterable[Bijector]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    @property
    def rounding(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return max((part.rounding for part in self._parts if part.rounding is not None), default=None)

    @property
    def _parts(self) -> list[Bijector]:
        return cast(list[Bijector], list(self.parts))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, log_det = z, z.new_zeros(len(z))
        for part in self._parts:
            x, change = part(x)
            log_det = log_det + change
        return x, log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, log_det = x, x.new_zeros(len(x))
        for part in reversed(self._parts):
            z, change = part.inverse(z)
            log_det = log_det + change
        return z, log_det
