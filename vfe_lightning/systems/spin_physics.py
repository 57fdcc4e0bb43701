"""What tells one system of Ising spins from another: couplings, exact values, and what is measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import spin_figures as figures
from vfe_lightning.analysis.spin_figures import Snapshot
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import enumeration, ising_torus
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.hopfield import hopfield
from vfe_lightning.exact.transfer_matrix import WIDEST, open_lattice
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import (
    PairwiseSpins,
    balanced_patterns,
    hopfield_couplings,
    sherrington_kirkpatrick_couplings,
)
from vfe_lightning.result import Reference

MOST_ENUMERATED = 22  # spins: seconds on a laptop
IN_A_MODE = 0.5  # overlap with a pattern beyond which a configuration is counted to it


@dataclass(frozen=True)
class SpinPhysics:
    """One system of spins.

    Attributes:
        sites: spins.
        hamiltonian: the energy.
        reference: (tolerance of F) -> exact values; raises NotKnown.
        observables: configurations (batch, sites) -> numbers of each sample, (batch,).
        figures: pictures of configurations at one or more temperatures.
    """

    sites: int
    hamiltonian: PairwiseSpins
    reference: Callable[[float], Reference]
    observables: Callable[[Tensor], Mapping[str, Tensor]]
    figures: Callable[[list[Snapshot]], dict[str, Figure]]


@singledispatch
def physics_of(declaration: declarations.Spins) -> SpinPhysics:
    """The spins that were declared; another system registers what it is."""
    raise TypeError(f"no spins are registered for {type(declaration).__name__}: use @physics_of.register")


@physics_of.register
def _(d: declarations.Ising) -> SpinPhysics:
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

    def observables(s: Tensor) -> dict[str, Tensor]:
        m = s.mean(dim=1)
        return {"abs_magnetization": m.abs(), "up": (1 + m.sign()) / 2, **overlap_of_pairs(s)}

    return SpinPhysics(
        d.L**2, hamiltonian, reference, observables, lambda shots: figures.configurations(shots[-1], d.L)
    )


@physics_of.register
def _(d: declarations.Hopfield) -> SpinPhysics:
    patterns = balanced_patterns(d.n, d.patterns, d.pattern_seed)

    def observables(s: Tensor) -> dict[str, Tensor]:
        overlaps = s @ patterns.to(s).mT / d.n
        measured = {"largest_overlap": overlaps.abs().amax(dim=1)}
        for number, o in enumerate(overlaps.unbind(dim=1), start=1):
            measured[f"mode_weight_plus_{number}"] = (o > IN_A_MODE).to(s.dtype)
            measured[f"mode_weight_minus_{number}"] = (o < -IN_A_MODE).to(s.dtype)
        return measured

    return SpinPhysics(
        d.n,
        PairwiseSpins(hopfield_couplings(patterns)),
        lambda tolerance: hopfield(patterns, d.beta),
        observables,
        lambda shots: figures.overlap_plane(shots, patterns),
    )


@physics_of.register
def _(d: declarations.SherringtonKirkpatrick) -> SpinPhysics:
    hamiltonian = PairwiseSpins(sherrington_kirkpatrick_couplings(d.n, d.disorder_seed))
    return SpinPhysics(
        d.n,
        hamiltonian,
        lambda tolerance: enumerated(hamiltonian, d.n, d.beta),
        overlap_of_pairs,
        lambda shots: figures.overlap_distribution(shots[-1]),
    )


def enumerated(hamiltonian: PairwiseSpins, sites: int, beta: float) -> Reference:
    """Exact values of few enough spins, by all their configurations.

    Raises:
        NotKnown: more than 22 spins.
    """
    if sites > MOST_ENUMERATED:
        raise NotKnown(f"{sites} spins: all configurations are enumerated of at most {MOST_ENUMERATED}")
    levels = enumeration.energies(hamiltonian.energy, sites)
    rounding = sites * EPSILON * hamiltonian.J.abs().sum().item()
    return enumeration.thermodynamics(levels, beta, rounding=rounding)


def overlap_of_pairs(s: Tensor) -> dict[str, Tensor]:
    """q^2 with q = s . s' / n of each sample and the one before it: one number a sample."""
    return {"squared_overlap": (s * torch.roll(s, 1, dims=0)).mean(dim=1).square()}
