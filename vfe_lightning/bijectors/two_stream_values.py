r"""The two streams of electron_gas flows: layer values and the slopes of their activations.

    u_i^0 = C_0 p_i^0 + b_0,                          h_i^0 = softplus(u_i^0),
    u_i^l = A_l h_i^{l-1} + B_l mean_j h_j^{l-1} + C_l p_i^l + b_l,   h_i^l = h_i^{l-1} + softplus(u_i^l),
    p_i^l = mean_j t_ij^l  (the mean includes j = i),
    t_ij^0 = pair features,   t_ij^1 = softplus(V_0 t_ij^0 + c_0),
    t_ij^{l+1} = t_ij^l + softplus(V_l t_ij^l + c_l),
    zeta_i = x_i + F h_i + f.

Every weight may carry a leading walker axis: one copy of the parameters a walker gives per-sample gradients
by a single backward pass.
"""

from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.pair_features import PairFeatures, pair_features
from vfe_lightning.bijectors.two_stream_spins import Blocks, Spins, each


class OneLayer(NamedTuple):
    """Weights (fan_in, fan_out) of a one-electron layer; the first layer has no electrons below it."""

    electron: Tensor | None  # A
    mean: Tensor | None  # B, of both spins with B' below it
    pair: Tensor  # C, of both spins with C' below it
    bias: Tensor


class TwoStreamWeights(NamedTuple):
    """All weights of the flow, each with or without a leading walker axis."""

    one: Sequence[OneLayer]
    pair: Sequence[Blocks[tuple[Tensor, Tensor]]]  # (V, c) a layer
    out: Tensor
    out_bias: Tensor
    spins: Spins


class Streams(NamedTuple):
    """Result of one pass, with the activations' slopes (logistic functions) that derivatives are made of."""

    zeta: Tensor  # (batch, n, dim)
    features: PairFeatures
    one_slopes: list[Tensor]  # (batch, i, width) a layer
    pair_slopes: list[Blocks[Tensor]]  # (batch, pair_width, i, j) a layer


def softplus_and_slope(y: Tensor) -> tuple[Tensor, Tensor]:
    """ln(1 + e^y) and its derivative from one exponential."""
    slope = torch.sigmoid(y)
    return y - torch.log(slope), slope


def transform(t: Tensor, weight: Tensor) -> Tensor:
    """t @ weight over the last axis: (batch, ..., fan_in) -> (batch, ..., fan_out)."""
    if weight.dim() == 2:
        return t @ weight
    return (t.flatten(1, -2) @ weight).unflatten(1, t.shape[1:-1])


def transform_features(weight: Tensor, t: Tensor) -> Tensor:
    """weight^T @ t over the second axis: (batch, fan_in, ...) -> (batch, fan_out, ...)."""
    transposed = weight.mT.expand(len(t), weight.shape[-1], weight.shape[-2])
    return torch.bmm(transposed, t.flatten(2)).unflatten(2, t.shape[2:])


def add_bias(t: Tensor, bias: Tensor) -> Tensor:
    """Bias (fan_out,) or (batch, fan_out) on the last axis of t (batch, n, fan_out)."""
    return t + (bias if bias.dim() == 1 else bias[:, None])


def add_feature_bias(t: Tensor, bias: Tensor) -> Tensor:
    """Bias (fan_out,) or (batch, fan_out) on the second axis of t (batch, fan_out, i, j)."""
    return t + bias[..., None, None]


def run_streams(weights: TwoStreamWeights, x: Tensor, length: float) -> Streams:
    """Values of the flow at x (batch, n, dim)."""
    spins = weights.spins
    features = pair_features(x, length, spins)
    t, one_slopes, pair_slopes = spins.blocks(features.values), [], []
    h = x.new_zeros(())
    for depth, layer in enumerate(weights.one):
        u = add_bias(transform(spins.mean_over_partners(t), layer.pair), layer.bias)
        if layer.electron is not None and layer.mean is not None:
            own = transform(h, layer.electron)
            means = transform(spins.own_and_other_mean(h, 1, 2), layer.mean)
            u = u + own + spins.to_electrons(means, 1)
        activation, slope = softplus_and_slope(u)
        h = activation if depth == 0 else h + activation
        one_slopes.append(slope)
        if depth < len(weights.pair):
            made = each(partial(_pair_layer, residual=depth > 0), t, weights.pair[depth])
            t, slopes = each(itemgetter(0), made), each(itemgetter(1), made)
            pair_slopes.append(slopes)
    zeta = x + add_bias(transform(h, weights.out), weights.out_bias)
    return Streams(zeta, features, one_slopes, pair_slopes)


def _pair_layer(t: Tensor, affine: tuple[Tensor, Tensor], residual: bool) -> tuple[Tensor, Tensor]:
    """One layer of the pair stream, in a block, with its slope."""
    weight, bias = affine
    activation, slope = softplus_and_slope(add_feature_bias(transform_features(weight, t), bias))
    return t + activation if residual else activation, slope
