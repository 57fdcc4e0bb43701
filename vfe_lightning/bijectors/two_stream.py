r"""Two-stream flow zeta(x) on the torus: permutation equivariant, periodic, translation covariant.

A one-electron stream reads the means of a pair stream (equations in two_stream_values.py), as in FermiNet
(Pfau, Spencer, Matthews, Foulkes, Phys. Rev. Research 2, 033429 (2020)) and in the flow of Xie, Zhang, Wang,
SciPost Phys. 14, 154 (2023), from whose published weights this class differs only by the first layer's rows
for an empty one-electron stream.  With both spins see two_stream_spins.py.  zeta is a bijection if and only
if det J > 0 everywhere.
"""

from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.flow import FlowWithJet, Jet
from vfe_lightning.bijectors.two_stream_jacobian import jacobian
from vfe_lightning.bijectors.two_stream_jet import jet
from vfe_lightning.bijectors.two_stream_spins import Spins
from vfe_lightning.bijectors.two_stream_values import (
    OneLayer,
    TwoStreamWeights,
    run_streams,
    transform,
)
from vfe_lightning.declarations.flow import TwoStream


class Affine(nn.Module):
    """Weight (fan_in, fan_out) and bias, float64; normal weights of a given scale, zero bias."""

    def __init__(self, fan_in: int, fan_out: int, scale: float, generator: torch.Generator | None):
        super().__init__()
        weight = torch.randn(fan_in, fan_out, generator=generator, dtype=torch.float64)
        self.weight = nn.Parameter(scale * weight)
        self.bias = nn.Parameter(torch.zeros(fan_out, dtype=torch.float64))


class MomentumBias(nn.Module):
    """Shifts of the biases of all layers, linear in cos and sin of P L / n; zero at the start.

    Periodic in the total momentum P with period n 2 pi / L, since a shift of all momenta by one vector of the
    grid moves the centre of mass and leaves the relative motion as it is.
    """

    def __init__(self, dim: int, widths: list[int]):
        super().__init__()
        self.widths = widths
        self.weight = nn.Parameter(torch.zeros(2 * dim, sum(widths), dtype=torch.float64))

    def forward(self, angle: Tensor) -> list[Tensor]:
        """P L / n, (batch, dim) -> (batch, width) a layer."""
        periodic = torch.cat([angle.cos(), angle.sin()], dim=-1)[:, None]
        return list(transform(periodic, self.weight)[:, 0].split(self.widths, dim=-1))


class TwoStreamFlow(FlowWithJet):
    """The flow of a declaration for electrons in dim dimensions in a cube of the given side.

    Every method also works when each parameter carries a leading walker axis (torch.func.functional_call),
    except jet, which no gradient passes through.

    Args:
        spins: of the electrons, where there are both.
    """

    def __init__(
        self,
        declaration: TwoStream,
        dim: int,
        length: float,
        generator: torch.Generator | None = None,
        spins: Spins | None = None,
    ):
        super().__init__()
        self.dim = dim
        self.length = length
        scale, width, pair_width = declaration.init_scale, declaration.width, declaration.pair_width
        self.spins = spins
        kinds = 1 if spins is None else 2
        features = 2 * dim + 1
        later = range(declaration.depth - 1)
        fan_in = [kinds * features] + [(1 + kinds) * width + kinds * pair_width for _ in later]
        pair_fan_in = [features if layer == 0 else pair_width for layer in later]
        self.one = nn.ModuleList(Affine(f, width, scale, generator) for f in fan_in)
        self.pair = nn.ModuleList(Affine(f, kinds * pair_width, scale, generator) for f in pair_fan_in)
        self.out = Affine(width, dim, scale, generator)
        widths = [width] * len(fan_in) + [kinds * pair_width] * len(pair_fan_in)
        self.conditioner = MomentumBias(dim, widths) if declaration.momentum_dependent else None
        self.centred = declaration.centred

    def forward(self, x: Tensor, momentum: Tensor | None = None) -> Tensor:
        """zeta(x): (batch, n, dim) -> (batch, n, dim)."""
        zeta = run_streams(self._weights(momentum, x.shape[1]), x, self.length).zeta
        return x + self._less_means(zeta - x, x.shape[1]) if self.centred else zeta

    def jac(self, x: Tensor, momentum: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """zeta and J (batch, n dim, n dim), J[b, i dim + a, m dim + c] = d zeta_ia / d x_mc."""
        zeta, j = jacobian(self._weights(momentum, x.shape[1]), x, self.length)
        return self._kept(x, zeta, j) if self.centred else (zeta, j)

    @torch.no_grad()
    def jet(self, x: Tensor, momentum: Tensor | None = None, metric: Tensor | None = None) -> Jet:
        """zeta and all derivatives that the exact Laplacian of ln Psi needs; constants to autograd."""
        found = jet(self._weights(momentum, x.shape[1]), x, self.length, metric)
        if not self.centred:
            return found
        zeta, j, *higher = found
        return Jet(*self._kept(x, zeta, j), *(self._less_means(t, x.shape[1]) for t in higher))

    def _kept(self, x: Tensor, zeta: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        n, one = x.shape[1], torch.eye(j.shape[-1], dtype=j.dtype, device=j.device)
        return x + self._less_means(zeta - x, n), one + self._less_means(j - one, n)

    def _less_means(self, t: Tensor, n: int) -> Tensor:
        """Of all electrons, (batch, n dim, ...) or (batch, n, dim), less the mean of their spin."""
        spins = (self.spins or Spins(n)).by_spin(t.reshape(len(t), n, -1), 1)
        return torch.cat([part - part.mean(1, keepdim=True) for part in spins], 1).view_as(t)

    def _weights(self, momentum: Tensor | None, n: int) -> TwoStreamWeights:
        width = self.out.weight.shape[-2]
        means = width * (2 if self.spins is None else 3)  # where the rows of the means end
        layers = cast(list[Affine], [*self.one, *self.pair])
        biases = [layer.bias for layer in layers]
        if self.conditioner is not None:
            if momentum is None:
                raise ValueError("this flow depends on the total momentum of K: pass it, (batch, dim)")
            shifts = self.conditioner(momentum * (self.length / n))
            biases = [bias + shift for bias, shift in zip(biases, shifts, strict=True)]
        affine = [(layer.weight, bias) for layer, bias in zip(layers, biases, strict=True)]
        (first, first_bias), *later = affine[: len(self.one)]
        one = [OneLayer(None, None, first, first_bias)]
        for weight, bias in later:
            electron, mean = weight[..., :width, :], weight[..., width:means, :]
            one.append(OneLayer(electron, mean, weight[..., means:, :], bias))
        pair = []
        spins = self.spins or Spins(n)
        for weight, bias in affine[len(self.one) :]:
            kinds = list(zip(spins.by_kind(weight, -1), spins.by_kind(bias, -1), strict=True))
            pair.append([kinds] * len(kinds))  # for either spin of i
        return TwoStreamWeights(one, pair, self.out.weight, self.out.bias, spins)
