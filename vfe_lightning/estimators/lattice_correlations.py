"""Correlations of fields on an L x L torus, averaged over translations and over both axes."""

import torch
from torch import Tensor


def correlation(x: Tensor) -> Tensor:
    """Mean over y of x_y x_{y + r} for each r: (batch, L, L) -> (batch, L, L)."""
    power = torch.fft.rfft2(x).abs().square()
    return torch.fft.irfft2(power, s=x.shape[-2:]) / x[0].numel()


def two_point(x: Tensor) -> Tensor:
    """At distance 0 to L / 2 along an axis: (batch, L, L) -> (batch, L // 2 + 1)."""
    half, c = x.shape[-1] // 2 + 1, correlation(x)
    return 0.5 * (c[:, 0, :half] + c[:, :half, 0])


def line_correlation(x: Tensor) -> Tensor:
    """Summed over the line across, which leaves one momentum: (batch, L, L) -> (batch, L // 2 + 1)."""
    half, c = x.shape[-1] // 2 + 1, correlation(x)
    return 0.5 * (c.sum(dim=1)[:, :half] + c.sum(dim=2)[:, :half])


def mean_square(x: Tensor) -> Tensor:
    """(batch, L, L) -> (batch,)."""
    return x.square().mean(dim=(1, 2))


def abs_mean(x: Tensor) -> Tensor:
    """Modulus of the magnetisation: (batch, L, L) -> (batch,)."""
    return x.mean(dim=(1, 2)).abs()


def susceptibility(x: Tensor) -> Tensor:
    """L^2 M^2, for <M> = 0: (batch, L, L) -> (batch,)."""
    return x.sum(dim=(1, 2)).square() / x[0].numel()


def neighbour_product(x: Tensor) -> Tensor:
    """x_y x_{y + 1} over all bonds, the Ising energy of a scalar field: (batch, L, L) -> (batch,)."""
    return 0.5 * (x * (x.roll(1, 1) + x.roll(1, 2))).mean(dim=(1, 2))
