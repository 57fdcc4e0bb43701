r"""Trainable functions of a distance and of time, with their derivatives in closed form.

$$ u_o(r, t) = c^0_o + \sum_h c_{oh} \tanh(a_h r + b_h + e_h t) $$
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.calculus.forward_laplacian import Field, composed, value_of


class RadialFunctions(nn.Module):
    """u_o(r, t); its parameters may carry a leading walker axis.

    The hidden layer starts at random, since units that start alike stay alike; the output at zero, or with
    normal weights such that u varies by about `start`.
    """

    def __init__(
        self,
        outputs: int,
        width: int,
        generator: torch.Generator | None = None,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        draw = torch.randn(2, width, generator=generator, dtype=torch.float64)
        self.scale = nn.Parameter(0.2 + 0.8 * draw[0])
        self.bias = nn.Parameter(torch.linspace(-2.5, 1.5, width, dtype=torch.float64))
        self.drift = nn.Parameter(0.5 * draw[1])
        weight = torch.zeros(width, outputs, dtype=torch.float64)
        if start:
            weight.normal_(0, start / width**0.5, generator=generator)
        self.weight = nn.Parameter(weight)
        self.offset = nn.Parameter(torch.zeros(outputs, dtype=torch.float64))

    def forward(self, r: Field, t: float) -> tuple[Field, Field]:
        """u and du/dr, (batch, outputs, distances), at r (batch, distances)."""
        if isinstance(r, Tensor):
            u, slope = self.derivatives(r, t, 2)
            return u, slope
        u = self.derivatives(r.value, t, 4)
        r = r.unsqueeze(-2)
        return composed(r, u), composed(r, u[1:])

    def derivatives(self, r: Tensor, t: float, count: int) -> list[Tensor]:
        """u and its derivatives in r, count in all: (batch, distances) -> (batch, outputs, distances)."""
        scale = self.scale.unsqueeze(-2)
        tanh = torch.tanh(r[..., None] * scale + (self.bias + t * self.drift).unsqueeze(-2))
        found, weight = [tanh @ self.weight + self.offset.unsqueeze(-2)], self.weight
        square = 1 - tanh * tanh
        for order in range(1, count):
            weight = weight * scale.mT
            if order == 1:
                found.append(square @ weight)
            elif order == 2:
                found.append((-2 * tanh * square) @ weight)
            else:
                found.append((square * (4 - 6 * square)) @ weight)
        return [u.mT for u in found]


def enough(functions: RadialFunctions, rho: Field, t: float) -> list[Tensor]:
    """As many derivatives as a force and its divergence need, and two more where rho has derivatives."""
    return functions.derivatives(value_of(rho), t, 2 if isinstance(rho, Tensor) else 4)


def ended(rho: Field, derivatives: list[Tensor], reach: float) -> tuple[Field, Field]:
    """u exp(-(rho / reach)^2) and its slope, of u and its derivatives in rho."""
    x = value_of(rho) / reach
    bell = torch.exp(-x.square())
    window = [
        bell,
        -2 / reach * x * bell,
        (4 * x.square() - 2) / reach**2 * bell,
        (12 * x - 8 * x**3) / reach**3 * bell,
    ]
    product = [
        torch.as_tensor(sum(math.comb(n, k) * derivatives[k] * window[n - k] for k in range(n + 1)))
        for n in range(len(derivatives))
    ]
    return composed(rho, product), composed(rho, product[1:])
