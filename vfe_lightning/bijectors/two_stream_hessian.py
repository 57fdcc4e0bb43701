r"""Hessians of the two-stream flow, kept factored until the very end.

A Hessian is never carried dense along the layers.  It is the sum of three parts,

    Hess h_i = sum over units of (cotangent s'') P P^T  +  sum over mean fields of (cotangent) M
             + pair blocks: H_ij in the dim x dim places (i, i) and (j, j), -H_ij in (i, j) and (j, i),

where P is the gradient of a unit's input, and M = Hess(mean_i h_i) is shared by all electrons.  The
coefficients H_ij travel forward with the layers, by matrix products over pairs.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.pair_features import differences, to_particles
from vfe_lightning.bijectors.two_stream_spins import Spins, joined, own_first
from vfe_lightning.bijectors.two_stream_values import TwoStreamWeights, transform, transform_features


class Units(NamedTuple):
    """What the Hessian remembers of one layer of units."""

    slope: Tensor  # s' (batch, i, f)
    bend: Tensor  # s''
    gradient: Tensor  # P (batch, f, i, D)


def _pull(
    weights: TwoStreamWeights, units: list[Units], cotangent: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Cotangents (batch, i, output, f) of h^l, l = len(units) - 1, on all units and on m^0..m^{l-1}."""
    on_units: list[Tensor] = []
    on_means: list[Tensor] = []
    for layer, unit in zip(reversed(weights.one[: len(units)]), reversed(units), strict=True):
        on_units.append(cotangent)
        if layer.electron is not None and layer.mean is not None:
            inner = cotangent * unit.slope[:, :, None]
            on_means.append(weights.spins.on_fields(transform(inner, layer.mean.mT)))
            cotangent = cotangent + transform(inner, layer.electron.mT)
    return on_units[::-1], on_means[::-1]


def hessian_times_gradient(
    weights: TwoStreamWeights, gradient: Tensor, pair_hessian: Tensor, units: list[Units], means: list[Tensor]
) -> Tensor:
    """(Hess u_i) grad u_i of the next layer's inputs u: (batch, f, i, D), like their gradient."""
    batch, _, n, _ = gradient.shape
    pairs = (pair_hessian * differences(gradient, n)[:, :, None]).sum(3)
    curved = to_particles(pairs).permute(0, 1, 3, 4, 2).flatten(3)
    layer = weights.one[len(units)]
    if layer.electron is None or layer.mean is None:
        return curved
    curved = curved + _on_means(weights.spins, layer.mean, gradient, means[-1])
    cotangent = layer.electron.mT.expand(batch, n, -1, -1)
    on_units, on_means = _pull(weights, units, cotangent)
    by_electron = gradient.transpose(1, 2).contiguous()
    inner = torch.zeros_like(by_electron)
    for unit, on_unit in zip(units, on_units, strict=True):
        below = unit.gradient.transpose(1, 2)
        overlap = by_electron @ below.mT
        inner = inner + (on_unit * unit.bend[:, :, None] * overlap) @ below
    for on_mean, mean in zip(on_means, means[:-1], strict=True):
        for field in range(on_mean.shape[-1]):  # in a different proportion for every electron
            turned = (by_electron.flatten(1, 2) @ mean[:, field]).view_as(inner)
            inner += turned.mul_(on_mean[..., field, None])
    return curved + inner.transpose(1, 2)


def _on_means(spins: Spins, weight: Tensor, gradient: Tensor, mean: Tensor) -> Tensor:
    """Gradients (batch, f, i, D) times what each electron reads of the means' Hessians."""
    own_and_other = spins.by_kind(weight, -2)
    parts = [
        rows @ transform_features(joined(own_first(own_and_other, spin), -2), mean)
        for spin, rows in enumerate(spins.by_spin(gradient, 2))
    ]
    return joined(parts, 2)


def mean_hessian(
    weights: TwoStreamWeights, pair_hessian: Tensor, units: list[Units], means: list[Tensor], out: Tensor
) -> None:
    """M = Hess(mean_i h_i), of the electrons of each spin, into out (batch, spins f, D, D)."""
    batch, features, dim, _, n, _ = pair_hessian.shape
    spins = weights.spins
    unit = torch.eye(features, dtype=pair_hessian.dtype, device=pair_hessian.device).expand(
        batch, n, features, features
    )
    on_units, on_means = _pull(weights, units, unit / n)
    top = units[-1]
    for spin, made in enumerate(spins.by_kind(out, 1)):
        gradient = spins.by_spin(top.gradient, 2)[spin]
        weighted = gradient * (spins.by_spin(top.bend, 1)[spin].mT / n)[..., None]
        mean = weighted.mT @ gradient  # the last layer's units reach their own output only
        for lower, on_unit in zip(units[:-1], on_units[:-1], strict=True):
            gradient = spins.by_spin(lower.gradient, 2)[spin].flatten(1, 2)  # ((f, i), D)
            weight = spins.by_spin(on_unit * lower.bend[:, :, None], 1)[spin]
            weight = weight.permute(0, 3, 1, 2).flatten(1, 2)  # ((f, i), output)
            weighted = (gradient[:, :, None] * weight[..., None]).flatten(2)
            mean += (weighted.mT @ gradient).unflatten(1, (features, n * dim))
        for lower_mean, on_mean in zip(means, on_means, strict=True):
            total = spins.by_spin(on_mean, 1)[spin].sum(1)
            mean += (total @ lower_mean.flatten(2)).unflatten(2, (n * dim, n * dim))
        _add_pairs(spins, spin, mean, pair_hessian, made)


def _add_pairs(spins: Spins, spin: int, mean: Tensor, pair_hessian: Tensor, out: Tensor) -> None:
    """mean (batch, f, D, D) and the pairs of the electrons i of one spin, over n, into out."""
    batch, features, dim, _, n, _ = pair_hessian.shape
    mean, out = (t.view(batch, features, n, dim, n, dim) for t in (mean, out))

    def block(t: Tensor, i: int, j: int) -> Tensor:
        return spins.by_spin(spins.by_spin(t, 2)[i], 4)[j]

    def subtract(pairs: Tensor, i: int, j: int) -> None:
        torch.sub(block(mean, i, j), pairs.permute(0, 1, 4, 2, 5, 3), out=block(out, i, j))

    on_site = spins.by_spin(torch.diagonal(out, dim1=2, dim2=4), -1)
    equal, *opposite = spins.blocks(pair_hessian)[spin]
    both = (equal + equal.mT).div_(n)
    subtract(both, spin, spin)
    on_site[spin].add_(both.sum(-1))
    for pairs in opposite:
        other, pairs = 1 - spin, pairs / n
        subtract(pairs, spin, other)
        subtract(pairs.mT, other, spin)
        block(out, other, other).copy_(block(mean, other, other))
        on_site[spin].add_(pairs.sum(-1))
        on_site[other].add_(pairs.sum(-2))


def output_hessian(
    weights: TwoStreamWeights, pair_hessian: Tensor, units: list[Units], means: Tensor
) -> Tensor:
    """Hessians of all outputs: (batch, D, D, D); pair_hessian (batch, output, a, b, i, j).

    Args:
        means: M of all levels, (batch, levels spins f, D, D).
    """
    batch, dim, _, _, n, _ = pair_hessian.shape
    size = n * dim
    on_units, on_means = _pull(weights, units, weights.out.mT.expand(batch, n, -1, -1))
    gradient = torch.cat([unit.gradient.transpose(1, 2) for unit in units], 2)  # (batch, i, units, D)
    weight = torch.cat([c * unit.bend[:, :, None] for c, unit in zip(on_units, units, strict=True)], -1)
    weighted = (weight.mT[..., None] * gradient[:, :, :, None]).flatten(3)  # (batch, i, units, (output, D))
    left, right = weighted.flatten(0, 1).mT, gradient.flatten(0, 1)
    if on_means:
        on_all = torch.cat(on_means, -1).flatten(1, 2)
        hessian = (on_all @ means.flatten(2)).view(batch * n, dim * size, size)
        hessian.baddbmm_(left, right)  # the largest tensor by far: made once, then added to in place
    else:
        hessian = torch.bmm(left, right)
    blocks = hessian.view(batch, n, dim, n, dim, n, dim)  # i, output, c, a, m, b
    torch.diagonal(blocks, dim1=3, dim2=5).add_(pair_hessian.permute(0, 4, 1, 2, 3, 5))
    torch.diagonal(blocks, dim1=1, dim2=3).sub_(pair_hessian.permute(0, 1, 2, 5, 3, 4))
    torch.diagonal(blocks, dim1=1, dim2=5).sub_(pair_hessian.permute(0, 1, 5, 2, 3, 4))
    on_site = torch.diagonal(torch.diagonal(blocks, dim1=1, dim2=3), dim1=3, dim2=5)
    on_site.add_(pair_hessian.sum(-1))
    return hessian.view(batch, size, size, size)
