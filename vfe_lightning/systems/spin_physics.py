"""Ising spins with pair couplings: their exact values, and what is measured."""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import cast

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import spin_figures as figures
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import enumeration, ising_torus
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.hopfield import hopfield
from vfe_lightning.exact.transfer_matrix import WIDEST, open_lattice
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import (
    PairwiseSpins,
    balanced_patterns,
    hopfield_couplings,
    sherrington_kirkpatrick_couplings,
)
from vfe_lightning.mean_field.bethe import bethe
from vfe_lightning.mean_field.naive import naive_mean_field
from vfe_lightning.result import Reference
from vfe_lightning.samplers.elsewhere import any_values
from vfe_lightning.systems.physics import Figures, Measured, Physics
from vfe_lightning.systems.spin_kernels import ising_kernels
from vfe_lightning.systems.spin_models import model_of
from vfe_lightning.systems.spins import Spins

MOST_ENUMERATED = 22  # spins: seconds on a laptop
PAIRS: Measured = {  # q^2 with q = s . s' / n of each sample and the one before it: one number a sample
    "squared_overlap": lambda s: (s * torch.roll(s, 1, dims=0)).mean(dim=1).square()
}
IN_A_MODE = 0.5  # overlap with a pattern beyond which a configuration is counted to it


def ising(d: declarations.Ising) -> Spins:
    """Spins on a square or triangular lattice."""
    bonds = lattices.bonds(d.L, lattices.STEPS[d.lattice], d.periodic)
    hamiltonian = PairwiseSpins(lattices.couplings(bonds, d.J, d.L**2))

    def reference(tolerance: float) -> Reference:
        if not d.periodic:
            if d.L > WIDEST:
                raise NotKnown(f"L = {d.L}: open lattices are known exactly up to L = {WIDEST}")
            return open_lattice(d.L, d.beta, d.J, d.lattice == "triangular")
        if d.J > 0 or d.L % 2 == 0:
            closed_form = ising_torus.square if d.lattice == "square" else ising_torus.triangular
            return closed_form(d.L, d.beta, d.J)
        return enumerated(hamiltonian, d.L**2, d.beta)

    return pairwise(
        d,
        hamiltonian,
        model_of(d.network, d.L**2, d.symmetrize, d),
        reference,
        {
            "abs_magnetization": lambda s: s.mean(dim=1).abs(),
            "up": lambda s: (1 + s.mean(dim=1).sign()) / 2,
            **PAIRS,
        },
        lambda evaluation, shots: figures.configurations(shots[-1], d.L),
    )


def hopfield_memory(d: declarations.Hopfield) -> Spins:
    """Spins that remember patterns."""
    patterns = balanced_patterns(d.n, d.patterns, d.pattern_seed)

    hamiltonian = PairwiseSpins(hopfield_couplings(patterns))
    hamiltonian.register_buffer("patterns", patterns, persistent=False)  # goes where the couplings go

    def overlaps(s: Tensor) -> Tensor:
        return s @ cast(Tensor, hamiltonian.patterns).mT.to(s.dtype) / d.n

    def in_mode(number: int, sign: int, s: Tensor) -> Tensor:
        return (sign * overlaps(s)[:, number] > IN_A_MODE).to(s.dtype)

    weights: dict[str, Callable[[Tensor], Tensor]] = {
        f"mode_weight_{word}_{number + 1}": partial(in_mode, number, sign)
        for number in range(d.patterns)
        for word, sign in (("plus", 1), ("minus", -1))
    }
    return pairwise(
        d,
        hamiltonian,
        model_of(d.network, d.n, d.symmetrize),
        lambda tolerance: hopfield(patterns, d.beta),
        {"largest_overlap": lambda s: overlaps(s).abs().amax(dim=1), **weights},
        lambda evaluation, shots: figures.overlap_plane(shots, patterns),
    )


def sherrington_kirkpatrick(d: declarations.SherringtonKirkpatrick) -> Spins:
    """Spins with random couplings of all pairs."""
    hamiltonian = PairwiseSpins(sherrington_kirkpatrick_couplings(d.n, d.disorder_seed))
    return pairwise(
        d,
        hamiltonian,
        model_of(d.network, d.n, d.symmetrize),
        lambda tolerance: enumerated(hamiltonian, d.n, d.beta),
        PAIRS,
        lambda evaluation, shots: figures.overlap_distribution(shots[-1]),
    )


def pairwise(
    d: declarations.Spins,
    hamiltonian: PairwiseSpins,
    model: GenerativeModel,
    reference: Callable[[float], Reference],
    observables: Measured,
    pictures: Figures,
) -> Spins:
    """Spins with any pair couplings, beside their mean fields."""

    @cache
    def landmarks() -> dict[str, float]:
        """Naive mean field, an upper bound, and Bethe; NaN where belief propagation does not converge."""
        J, h = hamiltonian.J.cpu(), hamiltonian.h.cpu()
        pairs = bethe(J, d.beta, h=h)
        second = {"Bethe": pairs.free_energy} if pairs.converged else {"Bethe (not converged)": math.nan}
        return {"naive mean field": naive_mean_field(J, d.beta, h=h).free_energy, **second}

    match d.network:  # independent spins want a bias of each logit; a mixture with -s is not above them
        case declarations.Bernoulli() | declarations.PixelCNN() | declarations.MADE(bias=True):
            contained = frozenset({"naive mean field"})
        case _:
            contained = frozenset()
    physics = Physics(
        size=hamiltonian.J.shape[0],
        beta=d.beta,
        units="J",
        per="spin",
        hamiltonian=hamiltonian,
        model=model,
        observables=observables,
        reference=reference,
        landmarks=landmarks,
        contained=contained,
        figures=pictures,
        kernels=partial(ising_kernels, hamiltonian, d.beta),
        elsewhere=any_values(len(hamiltonian.J), hamiltonian.J.new_tensor([-1.0, 1.0])),
    )
    return Spins(d, physics)


def enumerated(hamiltonian: PairwiseSpins, sites: int, beta: float) -> Reference:
    """Exact values of few enough spins, by all their configurations.

    Raises:
        NotKnown: more than 22 spins.
    """
    if sites > MOST_ENUMERATED:
        raise NotKnown(f"{sites} spins: all configurations are enumerated of at most {MOST_ENUMERATED}")
    levels = enumeration.energies(hamiltonian.energy, sites)
    rounding = sites * EPSILON * (hamiltonian.J.abs().sum() + hamiltonian.h.abs().sum()).item()
    return enumeration.thermodynamics(levels, beta, rounding=rounding)
