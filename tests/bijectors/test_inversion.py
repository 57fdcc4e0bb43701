"""Inversion of flows: round trips, walkers that need more than Newton's method, flows without inverse."""

import pytest
import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.errors import NotInvertible

LENGTH = 4.0


def flow_of_scale(scale: float, dim: int = 2, seed: int = 0) -> TwoStreamFlow:
    generator = torch.Generator().manual_seed(seed)
    return TwoStreamFlow(TwoStream(init_scale=scale), dim, LENGTH, generator)


def uniform(batch: int, n: int, dim: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return LENGTH * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)


class Sine(nn.Module):
    """zeta = x - amplitude sin(x), a bijection for amplitude <= 1; stiff near x = 0 when close to 1."""

    def __init__(self, amplitude: float):
        super().__init__()
        self.amplitude = amplitude

    def forward(self, x: Tensor) -> Tensor:
        return x - self.amplitude * torch.sin(x)

    def jac(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self(x), torch.diag_embed(1 - self.amplitude * torch.cos(x).flatten(1))


@pytest.mark.parametrize(
    ("scale", "n", "dim"), [(0.01, 5, 2), (0.2, 6, 2), (0.25, 5, 3), (0.25, 1, 2), (0.25, 2, 3)]
)
def test_round_trip(scale: float, n: int, dim: int) -> None:
    flow, z = flow_of_scale(scale, dim), uniform(32, n, dim)
    solution = invert(flow, z, chunk_size=5)
    with torch.no_grad():
        error = (flow(solution.x) - z).flatten(1).norm(dim=1)
    assert float(error.max()) < 1e-12
    assert bool((solution.residual < 1e-10).all())
    assert bool((solution.sign == 1).all())
    torch.testing.assert_close(
        solution.log_det, torch.linalg.slogdet(flow.jac(solution.x)[1])[1], atol=1e-8, rtol=0
    )


def test_a_stiff_bijection_is_inverted_for_every_walker() -> None:
    flow = Sine(0.999)
    z = torch.linspace(-20, 20, 400, dtype=torch.float64).view(100, 2, 2)
    solution = invert(flow, z)
    torch.testing.assert_close(flow(solution.x), z, atol=1e-10, rtol=0)


def test_a_walker_does_not_depend_on_its_neighbours() -> None:
    flow, z = flow_of_scale(0.2), uniform(8, 5, 2)
    together = invert(flow, z).x
    alone = torch.cat([invert(flow, walker[None]).x for walker in z])
    torch.testing.assert_close(together, alone, atol=1e-12, rtol=0)


def test_a_folded_flow_is_refused() -> None:
    with pytest.raises(NotInvertible, match="not a bijection"):
        invert(flow_of_scale(3.0), uniform(16, 5, 2))


def test_a_negative_determinant_at_a_solution_is_refused() -> None:
    z = torch.zeros(3, 1, 1, dtype=torch.float64)
    with pytest.raises(NotInvertible, match=r"det J <= 0 .* 3 of 3 walkers"):
        invert(Sine(2.0), z)


def test_a_map_without_a_solution_is_refused_with_the_number_of_walkers() -> None:
    class Bounded(Sine):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x)

        def jac(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self(x), torch.diag_embed(1 / torch.cosh(x).square().flatten(1))

    z = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64).view(3, 1, 1)
    with pytest.raises(NotInvertible, match="2 of 3 walkers"):
        invert(Bounded(0.0), z)
