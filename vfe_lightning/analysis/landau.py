r"""Energies of quasi-particles and Landau's functional, by regression on the occupations of the orbitals.

$$ E_K = E_0 + \sum_{k\sigma} \epsilon_{k\sigma} \delta n_{k\sigma}
   + \tfrac12 \sum_{k\sigma \neq k'\sigma'} f_{kk'}^{\sigma\sigma'} \delta n_{k\sigma} \delta n_{k'\sigma'} $$

delta n is counted from the mean occupation, so that eps is the energy of one more quasi-particle among those
that are there: Landau, Sov. Phys. JETP 3, 920 (1957). The number of particles does not change, which leaves
eps up to a constant and f up to a_k + a_k'. f is a product of a Legendre polynomial of the angle (a cosine
in the plane) and of radial functions 1 and (k / k_F)^2 - 1, without the terms that the gauge takes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ANGULAR = 2  # the largest l of f
DEGREE = 2  # of the smooth dispersion, in (k / k_F)^2
RESAMPLED = 200  # bootstrap
FOLDS = 5  # of which each is predicted from the others
NEGLIGIBLE = 1e-10  # of the largest: a feature that does not vary, an eigenvalue that is zero
LEAST_NOISE = 1e-6  # of the variance of y
WIDTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of small coefficients, in standard deviations of y
ALIKE = 1e-5  # of a feature, that is new beside those before it: less is not told apart


@dataclass(frozen=True)
class PairTerm:
    """One term of f: between equal or opposite spins, l, and the radial functions of k and k'."""

    spins: str
    degree: int
    radial: tuple[int, int]
    matrix: Tensor  # (orbitals, orbitals)


def pair_terms(k: Tensor, k_fermi: float, spins: int) -> list[PairTerm]:
    """All terms of f on orbitals k: (orbitals, dim)."""
    length = k.norm(dim=1)
    direction = torch.where(length[:, None] > 0, k / length[:, None].clamp(min=1e-300), 0.0)
    cosine = (direction @ direction.T).clamp(-1, 1)
    radial = torch.stack([torch.ones_like(length), (length / k_fermi) ** 2 - 1])
    terms = []
    for relation in ("equal", "opposite")[:spins]:
        for degree in range(ANGULAR + 1):
            for a, b in ((0, 0), (0, 1), (1, 1)):
                if degree == 0 and a == 0:
                    continue  # of the gauge
                product = (radial[a][:, None] * radial[b] + radial[b][:, None] * radial[a]) / 2
                terms.append(
                    PairTerm(relation, degree, (a, b), product * _angular(cosine, degree, k.shape[1]))
                )
    return terms


def _angular(cosine: Tensor, degree: int, dim: int) -> Tensor:
    if degree == 0:
        return torch.ones_like(cosine)
    polynomial = {2: torch.special.chebyshev_polynomial_t, 3: torch.special.legendre_polynomial_p}[dim]
    return polynomial(cosine, degree)


def pair_features(dn: Tensor, terms: Sequence[PairTerm]) -> Tensor:
    """What multiplies each coefficient of f: (samples, spins, orbitals) -> (samples, terms)."""
    columns = []
    for term in terms:
        if term.spins == "equal":
            itself = dn.square() @ term.matrix.diagonal()
            columns.append(0.5 * ((dn @ term.matrix * dn).sum(2) - itself).sum(1))
        else:
            columns.append((dn[:, 0] @ term.matrix * dn[:, 1]).sum(1))
    return torch.stack(columns, dim=1) if columns else dn.new_zeros(len(dn), 0)


def powers(k: Tensor, k_fermi: float) -> Tensor:
    """(k / k_F)^(2 j) - 1 of the smooth dispersion, j = 1 ... DEGREE: (orbitals, dim) -> (orbitals, j)."""
    t = k.square().sum(dim=1, keepdim=True) / k_fermi**2
    return t ** torch.arange(1, DEGREE + 1, device=k.device) - 1


@dataclass(frozen=True)
class Regression:
    """Coefficients of centred features, and as many again from resampled data.

    Attributes:
        intercept: y at the mean of the features.
        coefficients: (features,); zero of a feature that those before it and the intercept make up.
        varies: whether a feature is not the same in all samples, (features,).
        resampled: of the intercept and the coefficients, (RESAMPLED, 1 + features).
        determination: R^2 of samples that were not fitted.
        mean: of the features, (features,).
    """

    intercept: float
    coefficients: Tensor
    varies: Tensor
    resampled: Tensor
    determination: float
    mean: Tensor

    @property
    def errors(self) -> Tensor:
        """Of the coefficients: (features,)."""
        return self.resampled[:, 1:].std(dim=0)


def regression(features: Tensor, y: Tensor, small: int, generator: torch.Generator) -> Regression:
    """Least squares: (samples, features), (samples,).

    Args:
        small: how many of the last coefficients are taken to be normal around zero, by a width that
            predicts best what was not fitted (ridge regression).
    """
    n, mean, total = len(y), features.mean(dim=0), y.var()
    scale = (features - mean).square().mean(dim=0).sqrt()
    varies = scale > NEGLIGIBLE * scale.max()
    scale = torch.where(varies, scale, 1.0)
    x = torch.cat([torch.ones_like(y)[:, None], torch.where(varies, (features - mean) / scale, 0.0)], dim=1)
    free = x.shape[1] - small
    new = torch.linalg.qr(x[:, :free]).R.diagonal().abs() > ALIKE * math.sqrt(n)
    new = torch.cat([new, varies[-small:]])
    unit = torch.cat([torch.ones_like(scale[:1]), scale])[new]
    x, penalty = (
        x[:, new],
        torch.where(torch.arange(len(new), device=y.device) < free, 0.0, 1.0)[new] / unit**2,
    )

    def fitted(weights: Tensor, width: float) -> Tensor:  # (fits, samples) -> (fits, those that are new)
        gram = torch.einsum("bs,sp,sq->bpq", weights, x, x) + noise / width**2 * penalty.diag()
        right = torch.einsum("bs,sp->bp", weights, x * y[:, None])
        return (torch.linalg.pinv(gram, hermitian=True, rtol=NEGLIGIBLE) @ right[..., None])[..., 0]

    fold = torch.randperm(n, generator=generator, device=y.device) % FOLDS
    held_out = (fold == torch.arange(FOLDS, device=y.device)[:, None]).to(y.dtype)

    def missed(width: float) -> float:
        predicted = (held_out * (fitted(1 - held_out, width) @ x.T)).sum(dim=0)
        return float((y - predicted).square().mean())

    noise = torch.ones_like(total)
    noise = missed(float(1e-9 * total.sqrt())) + LEAST_NOISE * total  # with no small coefficients at all
    left = {width: missed(width) for share in WIDTHS if (width := float(share * total.sqrt()))}
    width = min(left, key=left.__getitem__)

    def of_all(coefficients: Tensor) -> Tensor:  # (fits, those that are new) -> (fits, 1 + features)
        zero = coefficients.new_zeros(len(coefficients), len(new))
        return zero.index_copy(1, new.nonzero()[:, 0], coefficients / unit)

    drawn = torch.randint(n, (RESAMPLED, n), generator=generator, device=y.device)
    counts = torch.zeros(RESAMPLED, n, dtype=y.dtype, device=y.device)
    counts.scatter_add_(1, drawn, torch.ones_like(counts))
    best = of_all(fitted(torch.ones_like(counts[:1]), width))[0]
    return Regression(
        intercept=float(best[0]),
        coefficients=best[1:],
        varies=varies,
        resampled=of_all(torch.cat([fitted(part, width) for part in counts.split(20)])),
        determination=1 - left[width] / float(total),
        mean=mean,
    )
