r"""Jacobian J = d zeta / d x of the two-stream flow in pull-back order.

The dim outputs of each electron are pulled back through its own layers first, so that only cotangents of the
pair features (n^2 of them, dim outputs) and of the mean fields remain:

    J = 1 + sum_l Rp_l^T dp^l + sum_l Rm_l^T dm^l,   m^l = mean_i h_i^l.

A function of a pair depends on r_ij alone: with G_ij its gradient in r_ij,
d(mean_j t_ij)/dx_m = (delta_im sum_j G_ij - G_im) / n.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.pair_features import to_particles
from vfe_lightning.bijectors.two_stream_spins import Blocks, each, joined
from vfe_lightning.bijectors.two_stream_values import (
    Streams,
    TwoStreamWeights,
    run_streams,
    transform,
    transform_features,
)


def pull_back(
    weights: TwoStreamWeights, slopes: list[Tensor], cotangent: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Pull cotangents (batch, i, output, width) of h_i^l, l = len(slopes) - 1, back through its layers.

    Returns:
        Cotangents (batch, i, output, .) of the pair means p_i^0..p_i^l and of the mean fields m^0..m^{l-1}.
    """
    to_pairs: list[Tensor] = []
    to_means: list[Tensor] = []
    for layer, slope in zip(reversed(weights.one[: len(slopes)]), reversed(slopes), strict=True):
        activation = cotangent * slope[:, :, None]
        to_pairs.append(transform(activation, layer.pair.mT))
        if layer.electron is not None and layer.mean is not None:
            to_means.append(weights.spins.on_fields(transform(activation, layer.mean.mT)))
            cotangent = cotangent + transform(activation, layer.electron.mT)
    return to_pairs[::-1], to_means[::-1]


class _Block(NamedTuple):
    """A block of pairs."""

    gradient: Tensor  # of the features, (batch, a, 3, i, j)
    weights: Sequence[Tensor]  # V of each layer of the pair stream
    slopes: Sequence[Tensor]  # (batch, f, i, j) a layer


def _blocks(weights: TwoStreamWeights, streams: Streams) -> Blocks[_Block]:
    depth = len(weights.pair)

    def block(gradient: Tensor, *layers: Any) -> _Block:
        return _Block(gradient, [weight for weight, _ in layers[:depth]], layers[depth:])

    return each(block, weights.spins.blocks(streams.features.gradient), *weights.pair, *streams.pair_slopes)


def _pairs_to_features(block: _Block, *to_pairs: Tensor) -> Tensor:
    """Pull cotangents of p_i^0..p_i^l back to r_ij: (batch, a, output, i, j)."""
    by_level = [cotangent.mT for cotangent in to_pairs]  # (batch, i, f, output)
    outputs = by_level[-1].shape[-1]
    pulled = by_level[-1][..., None]  # (batch, i, f, output, j or 1)
    for level in range(len(to_pairs) - 2, -1, -1):
        weight = block.weights[level]
        slope = block.slopes[level].transpose(1, 2)  # (batch, i, f, j)
        if level == len(to_pairs) - 2:  # not yet dependent on j: join it with the weight first
            joint = weight[..., None, :, None, :] * by_level[-1].mT[:, :, None]
            onto = (joint.flatten(2, 3) @ slope).unflatten(2, (-1, outputs))
        else:
            bent = (pulled * slope[:, :, :, None]).transpose(1, 2)
            onto = transform_features(weight.mT, bent).transpose(1, 2)
        residual = pulled if level else 0
        pulled = onto + residual + by_level[level][..., None]
    dim = block.gradient.shape[1]
    gradient = block.gradient.permute(0, 3, 2, 1, 4)[:, :, :, :, None]  # (batch, i, 3, a, 1, j)
    along_axes = (
        gradient[:, :, 0] * pulled[:, :, :dim]
        + gradient[:, :, 1] * pulled[:, :, dim : 2 * dim]
        + gradient[:, :, 2] * pulled[:, :, 2 * dim :]
    )
    return along_axes.permute(0, 2, 3, 1, 4)


def _pair_gradients(block: _Block, levels: int) -> list[Tensor]:
    """Gradients in r_ij of t^1..t^levels: (batch, f, a, i, j) each."""
    gradients: list[Tensor] = []
    if levels < 1:
        return gradients
    waves = block.gradient
    first = block.weights[0]
    dim = waves.shape[1]
    axes = torch.arange(dim, device=waves.device)
    rows = torch.stack((axes, axes + dim, torch.full_like(axes, 2 * dim)), 1)  # features that vary with r_a
    weight = first[..., rows, :].movedim(-1, -3)  # (f, a, 3)
    weight = weight if first.dim() == 3 else weight[None]
    gradient = (weight[..., None, None] * waves[:, None]).sum(3) * block.slopes[0][:, :, None]
    gradients.append(gradient)
    for level in range(1, levels):
        step = transform_features(block.weights[level], gradient)
        gradient = gradient + step * block.slopes[level][:, :, None]
        gradients.append(gradient)
    return gradients


def _through_features(block: _Block, summed: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """What cotangents (batch, i, output, f) of p_i^0 give at x_i and, with a minus, at x_j.

    Args:
        summed: the features' gradients, over j.

    Returns:
        Both summed over the other electron of the pair, (batch, output, a, electron).
    """
    dim = block.gradient.shape[1]
    features = cotangent.permute(0, 3, 2, 1)  # (batch, f, output, i)
    waves = features[:, : 2 * dim].unflatten(1, (2, dim)).transpose(1, 2)
    distance = features[:, None, 2 * dim :].expand(-1, dim, -1, -1, -1)
    both = torch.cat((waves, distance), 2)  # (batch, a, 3, output, i)
    total = (both * summed[:, :, :, None]).sum(2)
    others = both.transpose(2, 3).flatten(3) @ block.gradient.flatten(2, 3)
    return total.transpose(1, 2), others.transpose(1, 2)


def _through_pairs(gradient: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """The same of p_i^l, by the gradient of t^l."""
    at_electron = cotangent.permute(0, 2, 3, 1)  # (batch, output, f, i)
    total = torch.einsum("bofm,bfam->boam", at_electron, gradient.sum(-1))
    others = at_electron.flatten(2) @ gradient.transpose(2, 3).flatten(1, 2).flatten(2)
    return total, others.unflatten(2, (gradient.shape[2], -1))


def _mean_field_jacobians(
    weights: TwoStreamWeights, streams: Streams, blocks: Blocks[_Block]
) -> list[Tensor]:
    """d m^l / dx for every mean field that a later layer reads: (batch, spins width, a, m) each."""
    spins = weights.spins
    count = len(weights.one) - 1
    batch, n, width = streams.one_slopes[0].shape
    unit = torch.eye(width, dtype=streams.zeta.dtype, device=streams.zeta.device).expand(batch, n, -1, -1)
    summed = each(lambda block: block.gradient.sum(-1), blocks)
    deeper = each(lambda block: _pair_gradients(block, count - 1), blocks)
    jacobians: list[Tensor] = []
    for level in range(count):
        to_pairs, to_means = pull_back(weights, streams.one_slopes[: level + 1], unit)
        by_block = [spins.on_pairs(cotangent) for cotangent in to_pairs]
        of_spins: list[Tensor] = []
        for spin, row in enumerate(blocks):
            total, others = spins.at(spin, map(_through_features, row, summed[spin], by_block[0][spin]))
            jacobian = total - others
            for below in range(level):
                gradients = [of_block[below] for of_block in deeper[spin]]
                total, others = spins.at(spin, map(_through_pairs, gradients, by_block[below + 1][spin]))
                jacobian = jacobian + total - others
            jacobian = jacobian / n**2
            for cotangent, lower in zip(to_means, jacobians, strict=True):
                mean = spins.mean(cotangent, 1, spin).squeeze(1)
                jacobian = jacobian + torch.einsum("bof,bfam->boam", mean, lower)
            of_spins.append(jacobian)
        jacobians.append(joined(of_spins, 1))
    return jacobians


def jacobian(weights: TwoStreamWeights, x: Tensor, length: float) -> tuple[Tensor, Tensor]:
    """zeta (batch, n, dim) and J (batch, n dim, n dim), J[b, i dim + a, m dim + c] = d zeta_ia / d x_mc."""
    batch, n, dim = x.shape
    streams = run_streams(weights, x, length)
    blocks = _blocks(weights, streams)
    cotangent = (weights.out.mT if weights.out.dim() == 2 else weights.out.mT[:, None]).expand(
        batch, n, -1, -1
    )
    to_pairs, to_means = pull_back(weights, streams.one_slopes, cotangent)
    pairs = each(_pairs_to_features, blocks, *map(weights.spins.on_pairs, to_pairs))
    direct = to_particles(weights.spins.matrix(pairs)) / n  # (batch, a, output, i, m)
    jacobian = direct.permute(0, 3, 2, 1, 4).reshape(batch, n * dim, dim * n)
    mean_fields = _mean_field_jacobians(weights, streams, blocks)
    for cotangent, mean_field in zip(to_means, mean_fields, strict=True):
        jacobian = jacobian + cotangent.flatten(1, 2) @ mean_field.flatten(2)
    jacobian = jacobian.unflatten(2, (dim, n)).mT.reshape(batch, n * dim, n * dim)
    return streams.zeta, jacobian + torch.eye(n * dim, dtype=x.dtype, device=x.device)
