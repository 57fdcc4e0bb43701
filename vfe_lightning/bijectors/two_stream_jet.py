r"""Third-order jet of the two-stream flow: J, Laplacian zeta, T_acm = d_c d_m zeta_a and grad Laplacian zeta.

For units y = sigma(u) with P = grad u (the rules of the forward Laplacian, Li et al., Nat. Mach. Intell. 6,
209 (2024), extended by the gradient of the Laplacian):

    grad y = s' P,   Lap y = s' Lap u + s'' |P|^2,
    grad Lap y = s' grad Lap u + s'' (Lap u P + 2 (Hess u) P) + s''' |P|^2 P.

Functions of a pair are carried in the dim variables r_ij; Hessians of electrons stay factored
(two_stream_hessian.py).  Where coordinates stand between x and the particles, a metric G takes the place of
the unit in all Laplacians, |P|^2 -> P.G P and (Hess u) P -> (Hess u) G P, as if it were constant.  Nothing
here is seen by autograd, so large tensors are reused in place.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.flow import Jet
from vfe_lightning.bijectors.pair_features import (
    PairJet,
    pair_features,
    pair_jet,
    raised,
    to_particles,
    trace,
)
from vfe_lightning.bijectors.two_stream_hessian import (
    Units,
    hessian_times_gradient,
    mean_hessian,
    output_hessian,
)
from vfe_lightning.bijectors.two_stream_spins import Blocks, Spins, each
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


def jet(weights: TwoStreamWeights, x: Tensor, length: float, metric: Tensor | None = None) -> Jet:
    """Exact jet at x (batch, n, dim); metric (batch, n dim, n dim), symmetric."""
    batch, n, dim = x.shape
    size = n * dim
    spins = weights.spins
    of_pairs = None if metric is None else _metric_of_pairs(metric, n)
    whole = pair_jet(pair_features(x, length, spins), length, of_pairs)
    pair = each(PairJet, *map(spins.blocks, whole))
    of_blocks = each(lambda _: None, pair) if of_pairs is None else spins.blocks(of_pairs)
    units: list[Units] = []
    fields = spins.kinds * weights.out.shape[0]
    all_means = x.new_empty(batch, len(weights.pair) * fields, size, size)
    means: list[Tensor] = []
    h: _Electrons | None = None
    for depth, layer in enumerate(weights.one):
        u = _mean_over_pairs(spins, pair, layer.pair, of_pairs)
        if h is not None and layer.electron is not None and layer.mean is not None:
            u = _add(u, _from_electrons(spins, h, layer.electron, layer.mean))
        u = u._replace(value=add_bias(u.value, layer.bias))
        along = u.gradient if metric is None else u.gradient @ metric[:, None]
        curved = hessian_times_gradient(weights, along, u.pair_hessian, units, means)
        step, unit = _activate(u, along, curved)
        h = step if h is None else _add(h, step)
        units.append(unit)
        if depth < len(weights.pair):
            made = all_means[:, depth * fields : (depth + 1) * fields]
            mean_hessian(weights, h.pair_hessian, units, means, made)
            means.append(made)
            pair = each(partial(_advance_pairs, residual=depth > 0), pair, weights.pair[depth], of_blocks)
    assert h is not None
    out = weights.out

    def output(t: Tensor) -> Tensor:  # (batch, f, i, D) -> (batch, D, D)
        return transform_features(out, t).transpose(1, 2).reshape(batch, size, size)

    return Jet(
        zeta=x + add_bias(transform(h.value, out), weights.out_bias),
        jacobian=output(h.gradient) + torch.eye(size, dtype=x.dtype, device=x.device),
        laplacian=transform(h.laplacian, out),
        hessian=output_hessian(weights, transform_features(out, h.pair_hessian), units, all_means),
        grad_laplacian=output(h.grad_laplacian),
    )


def _add(a: _Electrons, b: _Electrons) -> _Electrons:
    return _Electrons(*(s + t for s, t in zip(a, b, strict=True)))


def _metric_of_pairs(metric: Tensor, n: int) -> Tensor:
    """What second derivatives in r_ij are contracted with, halved: (batch, a, b, i, j), the unit if G is."""
    blocks = metric.view(len(metric), n, -1, n, metric.shape[1] // n).permute(0, 2, 4, 1, 3)
    own = torch.diagonal(blocks, dim1=3, dim2=4)
    return (own[..., None] + own[..., None, :] - blocks - blocks.transpose(3, 4)) / 2


def _mean_over_pairs(
    spins: Spins, pair: Blocks[PairJet], weight: Tensor, metric: Tensor | None
) -> _Electrons:
    """Jet of C^T mean_j t_ij: weights first, on pairs, so that dense gradients are made only once."""
    n = spins.n_up + spins.n_down

    def read(weight: Tensor, derivative: Callable[[PairJet], Tensor]) -> Tensor:
        kinds = [list(spins.by_kind(weight, -2))] * len(pair)
        return spins.matrix(each(lambda c, t: transform_features(c, derivative(t)), kinds, pair))

    def dense(t: Tensor) -> Tensor:  # (batch, f, a, i, m) -> (batch, f, i, D)
        return to_particles(t).permute(0, 1, 3, 4, 2).flatten(3)

    gradient = read(weight / n, lambda t: t.gradient)
    hessian = read(weight / n, lambda t: t.hessian)
    third = read(2 * weight / n, lambda t: t.grad_laplacian)
    laplacian = trace(hessian, metric)
    value = transform(spins.mean_over_partners(each(lambda t: t.value, pair)), weight)
    return _Electrons(value, dense(gradient), 2 * laplacian.sum(-1).mT, dense(third), hessian)


def _from_electrons(spins: Spins, h: _Electrons, electron: Tensor, mean: Tensor) -> _Electrons:
    """Jet of A^T h_i + B^T mean_j h_j, without the mean's Hessian (kept apart as M)."""

    def dense(t: Tensor) -> Tensor:
        means = transform_features(mean, spins.own_and_other_mean(t, 2, 1))
        return transform_features(electron, t) + spins.to_electrons(means, 2)

    def local(t: Tensor) -> Tensor:
        means = transform(spins.own_and_other_mean(t, 1, 2), mean)
        return transform(t, electron) + spins.to_electrons(means, 1)

    return _Electrons(
        local(h.value),
        dense(h.gradient),
        local(h.laplacian),
        dense(h.grad_laplacian),
        transform_features(electron, h.pair_hessian),
    )


def _activate(u: _Electrons, along: Tensor, curved: Tensor) -> tuple[_Electrons, Units]:
    """Jet of softplus(u); along = G grad u and curved = (Hess u) G grad u, (batch, f, i, D)."""
    value, slope = softplus_and_slope(u.value)
    bend = slope * (1 - slope)
    squared = (u.gradient * along).sum(-1).mT
    turning = bend * u.laplacian + bend * (1 - 2 * slope) * squared
    first, second = slope.mT[..., None], bend.mT[..., None]
    step = _Electrons(
        value,
        first * u.gradient,
        slope * u.laplacian + bend * squared,
        first * u.grad_laplacian + turning.mT[..., None] * u.gradient + (2 * second) * curved,
        slope.mT[:, :, None, None, :, None] * u.pair_hessian,
    )
    return step, Units(slope, bend, u.gradient)


def _advance_pairs(
    pair: PairJet, affine: tuple[Tensor, Tensor], metric: Tensor | None, residual: bool
) -> PairJet:
    """Jet of (t +) softplus(V^T t + c), all in the dim variables r_ij."""
    weight, bias = affine
    value, slope = softplus_and_slope(add_feature_bias(transform_features(weight, pair.value), bias))
    gradient, hessian, third = (
        transform_features(weight, t) for t in (pair.gradient, pair.hessian, pair.grad_laplacian)
    )
    bend = slope * (1 - slope)
    raised_gradient = raised(gradient, metric)
    along = bend * trace(hessian, metric) + bend * (1 - 2 * slope) * (gradient * raised_gradient).sum(2)
    first = slope[:, :, None]
    curved = (hessian * (bend[:, :, None] * raised_gradient)[:, :, None]).sum(3)
    bent = bend[:, :, None] * gradient
    third.mul_(first).addcmul_(along[:, :, None], gradient).add_(curved, alpha=2)
    hessian.mul_(first[:, :, None]).addcmul_(bent[:, :, :, None], gradient[:, :, None])
    gradient.mul_(first)
    step = PairJet(value, gradient, hessian, third)
    if residual:
        for mine, below in zip(step, pair, strict=True):
            mine.add_(below)
    return step
