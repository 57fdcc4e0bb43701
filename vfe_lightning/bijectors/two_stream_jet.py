r"""Third-order jet of the two-stream flow: J, Laplacian zeta, T_acm = d_c d_m zeta_a and grad Laplacian zeta.

For units y = sigma(u) with P = grad u (the rules of the forward Laplacian, Li et al., Nat. Mach. Intell. 6,
209 (2024), extended by the gradient of the Laplacian):

    grad y = s' P,   Lap y = s' Lap u + s'' |P|^2,
    grad Lap y = s' grad Lap u + s'' (Lap u P + 2 (Hess u) P) + s''' |P|^2 P.

Functions of a pair are carried in the dim variables r_ij; Hessians of electrons stay factored
(two_stream_hessian.py).  Nothing here is seen by autograd, so large tensors are reused in place.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.flow import Jet
from vfe_lightning.bijectors.pair_features import PairJet, pair_features, pair_jet, to_particles
from vfe_lightning.bijectors.two_stream_hessian import (
    Units,
    hessian_times_gradient,
    mean_hessian,
    output_hessian,
)
from vfe_lightning.bijectors.two_stream_values import (
    TwoStreamWeights,
    add_bias,
    add_feature_bias,
    softplus_and_slope,
    transform,
    transform_features,
)


class _Electrons(NamedTuple):
    """Jet of a one-electron stream h (or of its mean pair features)."""

    value: Tensor  # (batch, i, f)
    gradient: Tensor  # (batch, f, i, D)
    laplacian: Tensor  # (batch, i, f)
    grad_laplacian: Tensor  # (batch, f, i, D)
    pair_hessian: Tensor  # (batch, f, a, b, i, j)


def jet(weights: TwoStreamWeights, x: Tensor, length: float) -> Jet:
    """Exact jet at x (batch, n, dim)."""
    batch, n, dim = x.shape
    size = n * dim
    pair = pair_jet(pair_features(x, length), length)
    units: list[Units] = []
    means: list[Tensor] = []
    h: _Electrons | None = None
    for depth, layer in enumerate(weights.one):
        u = _mean_over_pairs(pair, layer.pair)
        if h is not None and layer.electron is not None and layer.mean is not None:
            u = _add(u, _from_electrons(h, layer.electron, layer.mean))
        u = u._replace(value=add_bias(u.value, layer.bias))
        step, unit = _activate(u, hessian_times_gradient(weights, u.gradient, u.pair_hessian, units, means))
        h = step if h is None else _add(h, step)
        units.append(unit)
        if depth < len(weights.pair):
            means.append(mean_hessian(weights, h.pair_hessian, units, means))
            pair = _advance_pairs(pair, *weights.pair[depth], residual=depth > 0)
    assert h is not None
    out = weights.out

    def output(t: Tensor) -> Tensor:  # (batch, f, i, D) -> (batch, D, D)
        return transform_features(out, t).transpose(1, 2).reshape(batch, size, size)

    return Jet(
        zeta=x + add_bias(transform(h.value, out), weights.out_bias),
        jacobian=output(h.gradient) + torch.eye(size, dtype=x.dtype, device=x.device),
        laplacian=transform(h.laplacian, out),
        hessian=output_hessian(weights, transform_features(out, h.pair_hessian), units, means),
        grad_laplacian=output(h.grad_laplacian),
    )


def _add(a: _Electrons, b: _Electrons) -> _Electrons:
    return _Electrons(*(s + t for s, t in zip(a, b, strict=True)))


def _mean_over_pairs(pair: PairJet, weight: Tensor) -> _Electrons:
    """Jet of C^T mean_j t_ij: weights first, on pairs, so that dense gradients are made only once."""
    n = pair.value.shape[-1]
    gradient = transform_features(weight / n, pair.gradient)
    hessian = transform_features(weight / n, pair.hessian)
    third = transform_features(2 * weight / n, pair.grad_laplacian)
    trace = torch.diagonal(hessian, dim1=2, dim2=3).sum(-1)

    def dense(t: Tensor) -> Tensor:  # (batch, f, a, i, m) -> (batch, f, i, D)
        return to_particles(t).permute(0, 1, 3, 4, 2).flatten(3)

    value = transform(pair.value.mean(-1).mT, weight)
    return _Electrons(value, dense(gradient), 2 * trace.sum(-1).mT, dense(third), hessian)


def _from_electrons(h: _Electrons, electron: Tensor, mean: Tensor) -> _Electrons:
    """Jet of A^T h_i + B^T mean_j h_j, without the mean's Hessian (kept apart as M)."""

    def dense(t: Tensor) -> Tensor:
        return transform_features(electron, t) + transform_features(mean, t.mean(2, keepdim=True))

    def local(t: Tensor) -> Tensor:
        return transform(t, electron) + transform(t.mean(1, keepdim=True), mean)

    return _Electrons(
        local(h.value),
        dense(h.gradient),
        local(h.laplacian),
        dense(h.grad_laplacian),
        transform_features(electron, h.pair_hessian),
    )


def _activate(u: _Electrons, curved: Tensor) -> tuple[_Electrons, Units]:
    """Jet of softplus(u); curved = (Hess u) grad u, (batch, f, i, D)."""
    value, slope = softplus_and_slope(u.value)
    bend = slope * (1 - slope)
    squared = u.gradient.square().sum(-1).mT
    along = bend * u.laplacian + bend * (1 - 2 * slope) * squared
    first, second = slope.mT[..., None], bend.mT[..., None]
    step = _Electrons(
        value,
        first * u.gradient,
        slope * u.laplacian + bend * squared,
        first * u.grad_laplacian + along.mT[..., None] * u.gradient + (2 * second) * curved,
        slope.mT[:, :, None, None, :, None] * u.pair_hessian,
    )
    return step, Units(slope, bend, u.gradient)


def _advance_pairs(pair: PairJet, weight: Tensor, bias: Tensor, residual: bool) -> PairJet:
    """Jet of (t +) softplus(V^T t + c), all in the dim variables r_ij."""
    value, slope = softplus_and_slope(add_feature_bias(transform_features(weight, pair.value), bias))
    gradient, hessian, third = (
        transform_features(weight, t) for t in (pair.gradient, pair.hessian, pair.grad_laplacian)
    )
    bend = slope * (1 - slope)
    trace = torch.diagonal(hessian, dim1=2, dim2=3).sum(-1)
    along = bend * trace + bend * (1 - 2 * slope) * gradient.square().sum(2)
    first = slope[:, :, None]
    bent = bend[:, :, None] * gradient
    third.mul_(first).addcmul_(along[:, :, None], gradient).add_((hessian * bent[:, :, None]).sum(3), alpha=2)
    hessian.mul_(first[:, :, None]).addcmul_(bent[:, :, :, None], gradient[:, :, None])
    gradient.mul_(first)
    step = PairJet(value, gradient, hessian, third)
    if residual:
        for mine, below in zip(step, pair, strict=True):
            mine.add_(below)
    return step
