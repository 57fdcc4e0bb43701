"""Inverse Ising: the couplings J whose Gibbs state has the correlations of the data.

The likelihood of data with correlations C grows along beta (C_ij - <s_i s_j>_J). The Gibbs state of J
is followed by a network that minimises F, and <s_i s_j>_J is measured on its reweighted samples: Wu,
Wang & Zhang, PRL 122, 080602 (2019). At zero field, where <s_i> = 0.
"""

import math
from dataclasses import replace
from functools import cached_property, partial

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from vfe_lightning import declarations, reductions
from vfe_lightning.analysis.spin_figures import couplings_figure
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.estimators.baselines import leave_one_out
from vfe_lightning.estimators.classical import by_score_function, weighted_rows
from vfe_lightning.estimators.thermodynamics import effective_sample_size
from vfe_lightning.exact import enumeration
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.hamiltonians.spins import PairwiseSpins, pair_energy, sherrington_kirkpatrick_couplings
from vfe_lightning.mean_field import inverse
from vfe_lightning.systems.spin_models import model_of


class Couplings(nn.Module):
    """A symmetric matrix J with zeros on its diagonal, all zero at first."""

    pairs: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.register_buffer("pairs", torch.triu_indices(n, n, 1), persistent=False)
        self.upper = nn.Parameter(torch.zeros(self.pairs.shape[1], dtype=torch.float64))

    def matrix(self) -> Tensor:
        """(n, n)."""
        i, j = self.pairs
        J = self.upper.new_zeros(self.n, self.n).index_put((i, j), self.upper)
        return J + J.mT


class InverseIsing(VariationalFreeEnergy):
    """n spins with unknown couplings; what is reported is of the couplings that were found."""

    declaration: declarations.InverseIsing
    true: Tensor  # the couplings that made the data, (n, n)
    data: Tensor  # <s_i s_j> of the data, (n, n)
    units, per = "J", "spin"
    energy_unit = 1.0
    comparable = False  # F of other couplings is another F

    def __init__(self, declaration: declarations.InverseIsing) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.size, self.temperature = d.n, 1 / d.beta
        true = sherrington_kirkpatrick_couplings(d.n, d.disorder_seed)
        self.register_buffer("true", true, persistent=False)
        self.register_buffer("data", measured_correlations(true, d), persistent=False)
        self.model = model_of(d.network, d.n, d.symmetrize)
        self.couplings = Couplings(d.n)

    def estimate(self, n_samples: int) -> Estimate:
        d = self.declaration
        J = self.couplings.matrix().detach()
        x = self.model.sample(n_samples, self.generator)
        energy = pair_energy(x, J)
        estimate = by_score_function(x, energy, self.model, d.beta, leave_one_out)
        assert estimate.log_weights is not None
        i, j = self.couplings.pairs
        rows = d.beta * (x[:, i] * x[:, j] - self.data[i, j])
        factor = Factor(
            "couplings",
            self.couplings,
            None,
            estimate.log_weights,
            weights=normalized,
            pullback=partial(weighted_rows, rows),
        )
        error = inverse.reconstruction_error(J, self.true)
        others = {
            f"error_of_J_{name}": error.new_full((), value) for name, value in self.closed_forms.items()
        }
        return replace(
            estimate,
            samples=x.detach,
            factors=(*estimate.factors, factor),
            diagnostics={"effective_sample_size": effective_sample_size(estimate)},
            minima={"error_of_J": error, **others},
        )

    @cached_property
    def closed_forms(self) -> dict[str, float]:
        """Reconstruction errors of the formulas that need no model, where they give finite couplings."""
        methods = {
            "naive_mean_field": inverse.naive_mean_field,
            "independent_pair": inverse.independent_pair,
            "sessak_monasson": inverse.sessak_monasson,
        }
        errors = {
            name: inverse.reconstruction_error(method(self.data, self.declaration.beta), self.true).item()
            for name, method in methods.items()
        }
        return {name: error for name, error in errors.items() if math.isfinite(error)}

    def figures(self) -> dict[str, Figure]:
        """Inferred against true couplings."""
        return {"couplings": couplings_figure(self.couplings.matrix(), self.true)}


def normalized(log_weights: Tensor) -> Tensor:
    """Importance weights that sum to one over all ranks: (batch,) -> (batch,)."""
    w = (log_weights - reductions.maximum(log_weights.max())).exp()
    return w / reductions.total(w.sum())


def measured_correlations(J: Tensor, d: declarations.InverseIsing) -> Tensor:
    """<s_i s_j> of the Gibbs state of J, exact or of a sample of `data_samples`: (n, n).

    Raises:
        ValueError: two spins that are always parallel, or always opposite, in the sample.
    """
    hamiltonian = PairwiseSpins(J)
    if not d.data_samples:
        return enumeration.correlations(hamiltonian.energy, d.n, d.beta)
    generator = torch.Generator().manual_seed(d.disorder_seed)
    levels = enumeration.energies(hamiltonian.energy, d.n)
    weights = (-d.beta * (levels - levels.min())).exp()
    drawn = torch.multinomial(weights, d.data_samples, replacement=True, generator=generator)
    s = (2 * (drawn[:, None] >> torch.arange(d.n) & 1) - 1).double()
    C = s.mT @ s / d.data_samples
    if (C - torch.eye(d.n, dtype=C.dtype)).abs().max() == 1:
        raise ValueError(f"data_samples = {d.data_samples} are too few: some spins were always aligned")
    return C
