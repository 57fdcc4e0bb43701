r"""Smooth periodic features of electron pairs, and their derivatives in closed form.

For r = x_i - x_j in a cube of side L, with kappa = pi / L, one component a at a time:

    t = [cos(2 kappa r_a), sin(2 kappa r_a), rho],   rho = |sin(kappa r)| = sqrt(sum_a sin^2(kappa r_a)).

Sines and cosines of pairs come from those of electrons by angle addition, n of them and not n^2. The pair
indices (i, j) stand last in every tensor: long inner loops, and one matrix product a walker and layer.
rho has a kink at r = 0, which only a self pair reaches; all self pairs are constant and get derivative 0.

With both spins rho of opposite spins is smooth at contact: rho^2 is raised by a constant.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.two_stream_spins import Spins


class PairFeatures(NamedTuple):
    """Features and what their derivatives are made of; the pair indices stand last."""

    values: Tensor  # (batch, 2 dim + 1, i, j)
    gradient: Tensor  # (batch, dim, 3, i, j): d/dr_a of cos_a, of sin_a and of rho
    inverse_rho: Tensor  # (batch, i, j), 0 on self pairs
    pairs: Tensor  # (i, j), 1 on pairs and 0 on self pairs


class PairJet(NamedTuple):
    """Values and derivatives with respect to r of functions of a pair, one function a feature f."""

    value: Tensor  # (batch, f, i, j)
    gradient: Tensor  # (batch, f, a, i, j)
    hessian: Tensor  # (batch, f, a, b, i, j)
    grad_laplacian: Tensor  # (batch, f, a, i, j): d/dr_a of the trace of the Hessian


def pair_features(x: Tensor, length: float, spins: Spins) -> PairFeatures:
    """Features of all pairs and their first derivatives: x (batch, n, dim)."""
    kappa = math.pi / length
    angle = kappa * x.mT
    sin, cos = torch.sin(angle), torch.cos(angle)
    sin_i, cos_i, sin_j, cos_j = sin[..., None], cos[..., None], sin[..., None, :], cos[..., None, :]
    s = sin_i * cos_j - cos_i * sin_j
    c = cos_i * cos_j + sin_i * sin_j
    sin2, cos2 = 2 * s * c, 1 - 2 * s * s
    self_pairs = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    pairs = 1 - self_pairs
    raised = self_pairs
    if spins.n_down:
        up = torch.arange(x.shape[1], device=x.device) < spins.n_up
        raised = raised + (kappa * spins.smooth) ** 2 * (up[:, None] != up).to(x.dtype)
    rho = (s.square().sum(1) + raised).sqrt()
    inverse_rho = pairs / rho
    values = torch.cat((cos2, sin2, (rho * pairs)[:, None]), 1)
    slope = (2 * kappa) * pairs * torch.stack((-sin2, cos2), 2)
    gradient = torch.cat((slope, ((0.5 * kappa) * sin2 * inverse_rho[:, None])[:, :, None]), 2)
    return PairFeatures(values, gradient, inverse_rho, pairs)


def pair_jet(features: PairFeatures, length: float, metric: Tensor | None = None) -> PairJet:
    """All derivatives that an exact Laplacian of ln|det J| needs, of the features alone.

    Args:
        metric: what second derivatives are contracted with, (batch, a, b, i, j); by default the unit.
    """
    kappa = math.pi / length
    dim = features.gradient.shape[1]
    cos2, sin2 = features.values[:, :dim], features.values[:, dim : 2 * dim]
    pairs, inverse = features.pairs, features.inverse_rho[:, None]
    slope = features.gradient[:, :, 2]
    unit = torch.eye(dim, dtype=cos2.dtype, device=cos2.device)[:, :, None, None]
    # rho rho' = (kappa / 2) sin(2 kappa r) differentiated once and twice more
    hessian = (
        unit * (kappa**2 * cos2 * inverse)[:, None] - slope[:, :, None] * slope[:, None] * inverse[:, None]
    )
    laplacian = trace(hessian[:, None], metric)
    along = raised(slope[:, None], metric)[:, 0]
    cubes = -2 * kappa**3 * sin2
    if metric is not None:
        axes = torch.diagonal(metric, dim1=1, dim2=2).movedim(-1, 1)
        cubes = cubes * axes
    third = (cubes - 2 * (hessian * along[:, :, None]).sum(1) - laplacian * slope) * inverse

    def along_axes(t: Tensor) -> Tensor:  # (batch, a, i, j) -> (batch, a, b, i, j), zero unless a = b
        return unit * t[:, :, None]

    gradient = torch.cat(
        (
            along_axes(features.gradient[:, :, 0]),
            along_axes(features.gradient[:, :, 1]),
            slope[:, None],
        ),
        1,
    )
    second = (-4 * kappa**2) * features.values[:, : 2 * dim] * pairs
    diagonal = unit[:, :, None] * unit[:, None]  # 1 where all three axes agree
    waves = diagonal.repeat(2, 1, 1, 1, 1) * second[:, :, None, None]
    cube = (-4 * kappa**2) * gradient[:, : 2 * dim]
    if metric is not None:
        cube = cube * axes[:, None]
    return PairJet(
        features.values,
        gradient,
        torch.cat((waves, hessian[:, None]), 1),
        torch.cat((cube, third[:, None]), 1),
    )


def trace(hessian: Tensor, metric: Tensor | None) -> Tensor:
    """sum_ab metric_ab H_ab, by default the trace: (batch, f, a, b, i, j) -> (batch, f, i, j)."""
    if metric is None:
        return torch.diagonal(hessian, dim1=2, dim2=3).sum(-1)
    return (hessian * metric[:, None]).sum((2, 3))


def raised(gradient: Tensor, metric: Tensor | None) -> Tensor:
    """sum_a metric_ab g_a, by default g itself: (batch, f, a, i, j), and so is the result."""
    return gradient if metric is None else (gradient[:, :, :, None] * metric[:, None]).sum(2)


def to_particles(pairs: Tensor) -> Tensor:
    """Gradient of sum_j t(x_i - x_j) from t's gradient: delta_im sum_j g_ij - g_im over the last two axes.

    Self pairs cancel whatever they hold.
    """
    out = -pairs
    torch.diagonal(out, dim1=-2, dim2=-1).add_(pairs.sum(-1))
    return out


def differences(gradient: Tensor, n: int) -> Tensor:
    """P_i - P_j of gradients P of per-electron functions: (batch, f, i, n dim) -> (batch, f, a, i, j)."""
    by_electron = gradient.unflatten(-1, (n, -1)).permute(0, 1, 4, 2, 3)
    return torch.diagonal(by_electron, dim1=-2, dim2=-1)[..., None] - by_electron
