r"""Jacobian J = d zeta / d x of the two-stream flow in pull-back order.

The dim outputs of each electron are pulled back through its own layers first, so that only cotangents of the
pair features (n^2 of them, dim outputs) and of the mean fields remain:

    J = 1 + sum_l Rp_l^T dp^l + sum_l Rm_l^T dm^l,   m^l = mean_i h_i^l.

A function of a pair depends on r_ij alone: with G_ij its gradient in r_ij,
d(mean_j t_ij)/dx_m = (delta_im sum_j G_ij - G_im) / n.
"""

import torch
from torch import Tensor

from vfe_lightning.bijectors.pair_features import to_particles
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
            to_means.append(transform(activation, layer.mean.mT))
            cotangent = cotangent + transform(activation, layer.electron.mT)
    return to_pairs[::-1], to_means[::-1]


def _pairs_to_features(weights: TwoStreamWeights, streams: Streams, to_pairs: list[Tensor]) -> Tensor:
    """Pull cotangents of p_i^0..p_i^l back to the pair features: (batch, i, feature, output, j or 1)."""
    by_level = [cotangent.mT for cotangent in to_pairs]  # (batch, i, f, output)
    outputs = by_level[-1].shape[-1]
    pulled = by_level[-1][..., None]
    for level in range(len(to_pairs) - 2, -1, -1):
        weight = weights.pair[level][0]
        slope = streams.pair_slopes[level].transpose(1, 2)  # (batch, i, f, j)
        if level == len(to_pairs) - 2:  # not yet dependent on j: join it with the weight first
            joint = weight[..., None, :, None, :] * by_level[-1].mT[:, :, None]
            onto = (joint.flatten(2, 3) @ slope).unflatten(2, (-1, outputs))
        else:
            bent = (pulled * slope[:, :, :, None]).transpose(1, 2)
            onto = transform_features(weight.mT, bent).transpose(1, 2)
        residual = pulled if level else 0
        pulled = onto + residual + by_level[level][..., None]
    return pulled


def _pair_gradients(weights: TwoStreamWeights, streams: Streams, levels: int) -> list[Tensor]:
    """Gradients in r_ij of t^1..t^levels: (batch, f, a, i, j) each."""
    gradients: list[Tensor] = []
    if levels < 1:
        return gradients
    waves = streams.features.gradient
    first = weights.pair[0][0]
    dim = waves.shape[1]
    axes = torch.arange(dim, device=waves.device)
    rows = torch.stack((axes, axes + dim, torch.full_like(axes, 2 * dim)), 1)  # features that vary with r_a
    if weights.spins is not None:
        rows = torch.cat((rows, rows + (2 * dim + 1)), 1)
    weight = first[..., rows, :].movedim(-1, -3)  # (f, a, kinds 3)
    weight = weight if first.dim() == 3 else weight[None]
    gradient = (weight[..., None, None] * waves[:, None]).sum(3) * streams.pair_slopes[0][:, :, None]
    gradients.append(gradient)
    for level in range(1, levels):
        step = transform_features(weights.pair[level][0], gradient)
        gradient = gradient + step * streams.pair_slopes[level][:, :, None]
        gradients.append(gradient)
    return gradients


def _mean_field_jacobians(weights: TwoStreamWeights, streams: Streams) -> list[Tensor]:
    """d m^l / dx for every mean field that a later layer reads: (batch, width, a, m) each."""
    count = len(weights.one) - 1
    gradient = streams.features.gradient  # (batch, a, kinds 3, i, j)
    batch, dim, features_of_axis, n, _ = gradient.shape
    kinds = features_of_axis // 3
    rows_summed = gradient.sum(-1)
    deeper = _pair_gradients(weights, streams, count - 1)
    jacobians: list[Tensor] = []
    for level in range(count):
        slopes = streams.one_slopes[: level + 1]
        width = slopes[-1].shape[-1]
        unit = torch.eye(width, dtype=gradient.dtype, device=gradient.device).expand(batch, n, width, width)
        to_pairs, to_means = pull_back(weights, slopes, unit)
        features = to_pairs[0].permute(0, 3, 2, 1)  # (batch, f, output, i)
        features = features.unflatten(1, (kinds, 2 * dim + 1))
        waves = features[:, :, : 2 * dim].unflatten(2, (2, dim)).movedim(3, 1)
        distance = features[:, None, :, 2 * dim :].expand(-1, dim, -1, -1, -1, -1)
        both = torch.cat((waves, distance), 3).flatten(2, 3)  # (batch, a, kinds 3, output, i)
        jacobian = (both * rows_summed[:, :, :, None]).sum(2) - both.transpose(2, 3).flatten(
            3
        ) @ gradient.flatten(2, 3)
        jacobian = jacobian.transpose(1, 2)  # (batch, output, a, m)
        for cotangent, pair_gradient in zip(to_pairs[1:], deeper, strict=False):
            at_electron = cotangent.permute(0, 2, 3, 1)  # (batch, output, f, i)
            total = torch.einsum("bofm,bfam->boam", at_electron, pair_gradient.sum(-1))
            others = at_electron.flatten(2) @ pair_gradient.transpose(2, 3).flatten(1, 2).flatten(2)
            jacobian = jacobian + total - others.unflatten(2, (dim, n))
        jacobian = jacobian / n**2
        for cotangent, lower in zip(to_means, jacobians, strict=True):
            jacobian = jacobian + torch.einsum("bof,bfam->boam", cotangent.mean(1), lower)
        jacobians.append(jacobian)
    return jacobians


def jacobian(weights: TwoStreamWeights, x: Tensor, length: float) -> tuple[Tensor, Tensor]:
    """zeta (batch, n, dim) and J (batch, n dim, n dim), J[b, i dim + a, m dim + c] = d zeta_ia / d x_mc."""
    batch, n, dim = x.shape
    streams = run_streams(weights, x, length)
    cotangent = (weights.out.mT if weights.out.dim() == 2 else weights.out.mT[:, None]).expand(
        batch, n, -1, -1
    )
    to_pairs, to_means = pull_back(weights, streams.one_slopes, cotangent)
    pulled = _pairs_to_features(weights, streams, to_pairs)  # (batch, i, f, output, j)
    gradient = streams.features.gradient.permute(0, 3, 2, 1, 4)[:, :, :, :, None]  # (batch, i, 3, a, 1, j)
    pairs = _along_axes(gradient[:, :, :3], pulled[:, :, : 2 * dim + 1])
    if weights.spins is not None:
        pairs = pairs + _along_axes(gradient[:, :, 3:], pulled[:, :, 2 * dim + 1 :])
    direct = to_particles(pairs.permute(0, 2, 3, 1, 4)) / n  # (batch, a, output, i, m)
    jacobian = direct.permute(0, 3, 2, 1, 4).reshape(batch, n * dim, dim * n)
    for cotangent, mean_field in zip(to_means, _mean_field_jacobians(weights, streams), strict=True):
        jacobian = jacobian + cotangent.flatten(1, 2) @ mean_field.flatten(2)
    jacobian = jacobian.unflatten(2, (dim, n)).mT.reshape(batch, n * dim, n * dim)
    return streams.zeta, jacobian + torch.eye(n * dim, dtype=x.dtype, device=x.device)


def _along_axes(gradient: Tensor, pulled: Tensor) -> Tensor:
    """Gradients (batch, i, 3, a, 1, j) of features times cotangents: (batch, i, a, output, j)."""
    dim = gradient.shape[3]
    return (
        gradient[:, :, 0] * pulled[:, :, :dim]
        + gradient[:, :, 1] * pulled[:, :, dim : 2 * dim]
        + gradient[:, :, 2] * pulled[:, :, 2 * dim :]
    )
