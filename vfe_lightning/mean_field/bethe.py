r"""Bethe's approximation by belief propagation, for lattices and for arbitrary couplings.

Cavity fields times beta obey $h_{i \to j} = \beta h_i + \sum_{k \ne j} u_{k \to i}$ with
$\tanh u_{i \to j} = \tanh \beta J_{ij} \tanh h_{i \to j}$, and

$$ \ln Z = \sum_i \Big[ \ln 2 \cosh H_i + \sum_j \ln \frac{\cosh \beta J_{ij}}{\cosh u_{j \to i}} \Big]
   - \sum_{i<j} \ln [ \cosh \beta J_{ij} (1 + \tanh \beta J_{ij} \tanh h_{i \to j} \tanh h_{j \to i}) ], $$

all of it in logarithms of hyperbolic cosines, such as $2 u_{i \to j} = \ln \cosh(\beta J_{ij} + h_{i \to j})
- \ln \cosh(\beta J_{ij} - h_{i \to j})$, which no temperature can overflow.

Exact on trees; elsewhere neither a bound nor certain to converge. Mezard & Montanari, Information,
Physics, and Computation (2009), chapter 14.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

ITERATIONS = 4000
MESSAGES = 10**8  # over all iterations: dense couplings of thousands of spins get fewer of them
DAMPING = 0.5
TOLERANCE = 1e-10  # of fields, as a share of the largest or of one


@dataclass(frozen=True)
class Bethe:
    """A fixed point of belief propagation, or where it stood when the patience ended.

    Attributes:
        free_energy: of all spins; means nothing unless `converged`.
        fields: H_i = beta times the local fields, (n,).
    """

    free_energy: float
    fields: Tensor
    converged: bool
    iterations: int


def bethe(J: Tensor, beta: float, seed: int = 0, h: Tensor | None = None) -> Bethe:
    """The lowest of the fixed points from small random and from uniform cavity fields.

    The first start stays in the symmetric solution as long as that one is stable.

    Args:
        J: symmetric couplings with a zero diagonal, H = -1/2 s^T J s - h s: (n, n).
        h: fields, (n,); None: no one.
    """
    generator = torch.Generator().manual_seed(seed)
    small = 1e-3 * torch.randn(int(J.count_nonzero()), generator=generator, dtype=J.dtype)
    found = [propagate(J, beta, start, h) for start in (small, torch.ones_like(small))]
    converged = [solution for solution in found if solution.converged]
    return min(converged or found[:1], key=lambda solution: solution.free_energy)


def propagate(J: Tensor, beta: float, start: Tensor, external: Tensor | None = None) -> Bethe:
    """Belief propagation from cavity fields on the directed bonds, in the order of J.nonzero()."""
    n = len(J)
    local = torch.zeros(n, dtype=J.dtype) if external is None else beta * external
    source, target = J.nonzero(as_tuple=True)
    coupling = beta * J[source, target]
    reverse = _reverse(source, target, n)
    patience = min(ITERATIONS, 100 + MESSAGES // max(len(source), 1))
    h, iterations, converged = start, 0, False

    def messages(h: Tensor) -> tuple[Tensor, Tensor]:
        u = (_log_cosh(coupling + h) - _log_cosh(coupling - h)) / 2
        return u, local.index_add(0, target, u)

    while not converged and iterations < patience:
        u, fields = messages(h)
        new = fields[source] - u[reverse]
        converged = bool((new - h).abs().max() < TOLERANCE * new.abs().max().clamp(min=1.0))
        h = DAMPING * h + (1 - DAMPING) * new
        iterations += 1
    u, fields = messages(h)
    sites = (math.log(2) + _log_cosh(fields)).sum() + (_log_cosh(coupling) - _log_cosh(u)).sum()
    back = h[reverse]
    bonds = torch.logaddexp(coupling + _log_cosh(h + back), _log_cosh(h - back) - coupling)
    bonds = bonds - math.log(2) - _log_cosh(h) - _log_cosh(back)
    log_z = sites - bonds.sum() / 2
    return Bethe(-log_z.item() / beta, fields, converged, iterations)


def _reverse(source: Tensor, target: Tensor, n: int) -> Tensor:
    """For each bond i -> j, where j -> i stands; the bonds are sorted by source, then target."""
    return torch.argsort(target * n + source)


def _log_cosh(x: Tensor) -> Tensor:
    return x.abs() + torch.log1p(torch.exp(-2 * x.abs())) - math.log(2)
