"""Pictures of the electron gas: pair correlation, structure factor, occupation of the orbitals."""

import math
from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vfe_lightning import declarations
from vfe_lightning.estimators.correlations import reciprocal_shells, shell_edges
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.statistics import Moments


def electron_gas_figures(d: declarations.ElectronGas, evaluation: Mapping[str, Moments]) -> dict[str, Figure]:
    """g(r), S(k) and, where it was measured, <n_k> with error bars, by the names of their files."""
    makers = {
        "pair_correlation": pair_correlation_figure,
        "structure_factor": structure_factor_figure,
        "occupation": occupation_figure,
    }
    return {name: make(d, evaluation[name]) for name, make in makers.items() if name in evaluation}


def pair_correlation_figure(d: declarations.ElectronGas, g: Moments) -> Figure:
    edges = shell_edges(box_length(d.n, d.dim), len(g.mean))
    figure, axes = _figure(r"$r \; / \; r_s a_0$", "$g(r)$", d)
    axes.errorbar((edges[1:] + edges[:-1]) / 2, g.mean.cpu(), g.error.cpu(), fmt=".-", capsize=2)
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
    length = box_length(d.n, d.dim)
    orbitals = plane_waves(d.dim, d.cutoff, (d.twist,) * d.dim)
    energies = (2 * math.pi / length) ** 2 * orbitals.square().sum(dim=1)
    over_fermi = energies / fermi_energy(d.dim)
    figure, axes = _figure(r"$\epsilon_k / E_F$", r"$\langle n_k \rangle$", d)
    axes.errorbar(
        over_fermi, occupation.mean.cpu(), occupation.error.cpu(), fmt=".", capsize=2, label="this run"
    )
    if d.theta > 0:
        gas = ideal_gas(energies, d.n, 1 / (d.theta * fermi_energy(d.dim)))
        axes.plot(over_fermi, gas.occupations, "k-", linewidth=0.8, label="ideal gas, exact")
    axes.legend(frameon=False)
    return figure


def _figure(xlabel: str, ylabel: str, d: declarations.ElectronGas) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_title(f"{d.dim}D electron gas, N = {d.n}, $r_s$ = {d.rs:g}, $\\theta$ = {d.theta:g}")
    return figure, axes
