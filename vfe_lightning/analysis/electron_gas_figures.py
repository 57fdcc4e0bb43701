"""Pictures of the electron gas: pair correlation, structure factor, occupation of the orbitals."""

import math
from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vfe_lightning import declarations
from vfe_lightning.estimators.correlations import momentum_shells, reciprocal_shells, shell_edges
from vfe_lightning.exact.box_gas import of_a_spin
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.statistics import Moments

KINDS = {
    "all pairs": "pair_correlation",
    "equal spins": "pair_correlation_equal",
    "opposite spins": "pair_correlation_opposite",
}


def electron_gas_figures(d: declarations.ElectronGas, evaluation: Mapping[str, Moments]) -> dict[str, Figure]:
    """g(r), S(k) and, where it was measured, <n_k> with error bars, by the names of their files."""
    made = {}
    if "pair_correlation" in evaluation:
        made["pair_correlation"] = pair_correlation_figure(d, evaluation)
    if "structure_factor" in evaluation:
        made["structure_factor"] = structure_factor_figure(d, evaluation["structure_factor"])
    if "occupation" in evaluation:
        made["occupation"] = occupation_figure(d, evaluation["occupation"])
    if "occupation_by_momentum" in evaluation:
        made["occupation"] = momentum_figure(d, evaluation["occupation_by_momentum"])
    return made


def pair_correlation_figure(d: declarations.ElectronGas, evaluation: Mapping[str, Moments]) -> Figure:
    """Of all pairs and, with both spins, of each kind."""
    kinds = {name: evaluation[key] for name, key in KINDS.items() if key in evaluation}
    bins = len(evaluation["pair_correlation"].mean)
    edges = shell_edges(box_length(d.n, d.dim), bins)
    figure, axes = _figure(r"$r \; / \; r_s a_0$", "$g(r)$", d)
    for name, g in kinds.items():
        middle = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middle, g.mean.cpu(), g.error.cpu(), fmt=".-", capsize=2, label=name)
    if len(kinds) > 1:
        axes.legend(frameon=False)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_xlim(0)
    axes.set_ylim(0)
    return figure


def structure_factor_figure(d: declarations.ElectronGas, s: Moments) -> Figure:
    k, shells = reciprocal_shells(d.dim, box_length(d.n, d.dim))
    shell_lengths = torch.zeros(len(s.mean), dtype=k.dtype).index_put((shells,), k.norm(dim=1))
    figure, axes = _figure(r"$k \; r_s a_0$", "$S(k)$", d)
    axes.errorbar(shell_lengths, s.mean.cpu(), s.error.cpu(), fmt=".-", capsize=2)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_xlim(0)
    axes.set_ylim(0)
    return figure


def occupation_figure(d: declarations.ElectronGas, occupation: Moments) -> Figure:
    assert d.cutoff is not None, "the declaration comes with the cutoff that was taken"
    assert isinstance(d.twists, tuple), "orbitals are of one twist"
    length = box_length(d.n, d.dim)
    orbitals = plane_waves(d.dim, d.cutoff, d.twists)
    energies = (2 * math.pi / length) ** 2 * orbitals.square().sum(dim=1)
    fermi = fermi_energy(d.dim, d.majority)
    over_fermi = energies / fermi
    figure, axes = _figure(r"$\epsilon_k / E_F$", r"$\langle n_k \rangle$", d)
    mean, error = (t.cpu().unflatten(0, (-1, len(orbitals))) for t in (occupation.mean, occupation.error))
    names = ["this run"] if not d.n_down else ["spin up", "spin down"]
    for n, name, m, e in zip((d.n_up, d.n_down), names, mean, error, strict=False):
        axes.errorbar(over_fermi, m, e, fmt=".", capsize=2, label=name)
        if d.theta > 0:
            gas = ideal_gas(energies, n, 1 / (d.theta * fermi))
            axes.plot(over_fermi, gas.occupations, "k-", linewidth=0.8, label="ideal gas, exact")
    axes.legend(frameon=False)
    return figure


def momentum_figure(d: declarations.ElectronGas, occupation: Moments) -> Figure:
    """Of many twists: as a function of |k|, beside the ideal gas of infinite volume."""
    assert d.cutoff is not None, "the declaration comes with the cutoff that was taken"
    assert not isinstance(d.twists, tuple), "many twists have all momenta"
    edges, density = momentum_shells(d.twists, d.dim, d.cutoff)
    fermi = fermi_energy(d.dim, d.majority)
    k = 2 * math.pi / box_length(d.n, d.dim) * (edges[1:] + edges[:-1]) / 2
    figure, axes = _figure("$k / k_F$", r"$\langle n_k \rangle$", d)
    mean, error = (t.cpu().unflatten(0, (-1, len(k))) for t in (occupation.mean, occupation.error))
    names = ["this run"] if not d.n_down else ["spin up", "spin down"]
    for n, name, m, e in zip((d.n_up, d.n_down), names, mean, error, strict=False):
        seen = density > 0
        axes.errorbar(k[seen] / fermi**0.5, m[seen], e[seen], fmt=".", capsize=2, label=name)
        if d.theta > 0:
            temperature = d.theta * fermi
            filled = of_a_spin(n, d.n, d.dim, temperature).occupation(k.numpy())
            axes.plot(k / fermi**0.5, filled, "k-", linewidth=0.8, label="ideal, infinite")
    axes.legend(frameon=False)
    return figure


def _figure(xlabel: str, ylabel: str, d: declarations.ElectronGas) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    electrons = f"N = {d.n_up} + {d.n_down}" if d.n_down else f"N = {d.n}"
    axes.set_title(f"{d.dim}D electron gas, {electrons}, $r_s$ = {d.rs:g}, $\\theta$ = {d.theta:g}")
    return figure, axes
