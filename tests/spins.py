"""Small systems of spins with all their configurations, for tests of everything that samples spins."""

import torch
from torch import Tensor

from vfe_lightning.exact.enumeration import configurations


def all_spins(n: int) -> Tensor:
    """(2^n, n)."""
    return torch.cat(list(configurations(n)))


def random_couplings(n: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    """Symmetric, with zeros on the diagonal: (n, n)."""
    J = torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).triu(1) * scale
    return J + J.mT


def randomize(module: torch.nn.Module, seed: int = 0, scale: float = 0.5) -> None:
    """Parameters far from their first values."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=p.dtype))


def scores_by_autograd(model: torch.nn.Module, x: Tensor) -> Tensor:
    """d ln p / d parameters of one sample after the other: (batch, parameters)."""
    parameters = list(model.parameters())
    rows = (torch.autograd.grad(model.log_prob(s[None]).sum(), parameters) for s in x)
    return torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
