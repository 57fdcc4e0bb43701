"""Superpositions of determinants against single determinants."""

import math

import pytest
import torch
from torch import Tensor

from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.spin_determinants import SpinDeterminants
from vfe_lightning.wavefunctions.superpositions import Superpositions

LENGTH = 2.5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def superpositions(
    n: int, dim: int, terms: int = 4, batch: int = 3, n_down: int = 0
) -> tuple[Superpositions, Tensor]:
    g = generator(n + dim)
    table = torch.cartesian_prod(*[torch.arange(-2.0, 3.0, dtype=torch.float64)] * dim)
    rows = [torch.randperm(len(table), generator=g)[:n] for _ in range(batch * terms)]
    k = 2 * math.pi / LENGTH * table[torch.stack(rows)].view(batch, terms, n, dim)
    c = torch.randn(batch, terms, generator=g, dtype=torch.float64)
    c = c / c.norm(dim=1, keepdim=True)
    zeta = LENGTH * torch.rand(batch, n, dim, generator=g, dtype=torch.float64)
    return Superpositions(k, c, LENGTH, n_down), zeta


@pytest.mark.parametrize(("n", "dim"), [(2, 3), (3, 2)])
def test_one_term_is_a_determinant(n: int, dim: int) -> None:
    states, zeta = superpositions(n, dim, terms=1)
    determinants = SlaterDeterminants(states.k[:, 0], LENGTH)
    torch.testing.assert_close(states.log_psi(zeta).real, determinants.log_psi(zeta).real)
    torch.testing.assert_close(states.momentum, determinants.momentum)
    torch.testing.assert_close(states.gradient(zeta), determinants.gradient(zeta))


def test_one_term_of_both_spins_is_a_product_of_determinants() -> None:
    states, zeta = superpositions(3, 2, terms=1, n_down=1)
    product = SpinDeterminants(states.k[:, 0], LENGTH, 2)
    torch.testing.assert_close(states.log_psi(zeta).real, product.log_psi(zeta).real)
    torch.testing.assert_close(states.gradient(zeta), product.gradient(zeta))
