"""Pictures of a quantum dot: density, density around one electron, occupation of the orbitals."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vfe_lightning import declarations
from vfe_lightning.estimators.trap_correlations import edge
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.exact.wigner_molecule import wigner_molecule
from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, orbital_energies
from vfe_lightning.statistics import Moments


def quantum_dot_figures(d: declarations.QuantumDot, evaluation: Mapping[str, Moments]) -> dict[str, Figure]:
    """By the names of their files."""
    made = {
        "density": density_figure(d, evaluation["density"]),
        "pair_density": pair_density_figure(d, evaluation["pair_density"]),
    }
    if "occupation" in evaluation and not math.isinf(d.beta):
        made["occupation"] = occupation_figure(d, evaluation["occupation"])
    return made


def density_figure(d: declarations.QuantumDot, n: Moments) -> Figure:
    """n(r) with error bars, and the shells of the classical molecule, which stand out at large z."""
    edges = torch.linspace(0, edge(d), len(n.mean) + 1)
    figure, axes = _figure(r"$r \; / \; \sqrt{\hbar / m \omega}$", "$n(r)$", d)
    axes.errorbar((edges[1:] + edges[:-1]) / 2, n.mean.cpu(), n.error.cpu(), fmt=".-", capsize=2)
    if d.z:
        for radius in np.unique(wigner_molecule(d.n_up + d.n_down).radii(d.z).round(3)):
            axes.axvline(radius, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlim(0)
    axes.set_ylim(0)
    return figure


def pair_density_figure(d: declarations.QuantumDot, n: Moments) -> Figure:
    """Density of the others, turned such that one electron lies on the positive x axis."""
    bins, reach = math.isqrt(len(n.mean)), edge(d)
    figure, axes = _figure("$x$ along an electron", "$y$", d)
    image = axes.imshow(
        n.mean.cpu().view(bins, bins).T, origin="lower", extent=(-reach, reach, -reach, reach), cmap="viridis"
    )
    figure.colorbar(image, label=r"density of the others, $m \omega / \hbar$")
    axes.plot([0, reach], [0, 0], color="white", linewidth=0.8)
    return figure


def occupation_figure(d: declarations.QuantumDot, occupation: Moments) -> Figure:
    assert d.shells is not None, "the declaration comes with the shells that were taken"
    energies = orbital_energies(fock_darwin_quanta(d.shells))
    figure, axes = _figure(r"$\epsilon \; / \; \hbar \omega$", r"$\langle n \rangle$", d)
    spins = [(name, n, s) for s, (name, n) in enumerate((("up", d.n_up), ("down", d.n_down))) if n]
    for name, n, s in spins:
        rows = slice(s * d.orbitals, (s + 1) * d.orbitals)
        mean, error = occupation.mean[rows].cpu(), occupation.error[rows].cpu()
        offset = 0.1 * (s - 0.5) if len(spins) == 2 else 0.0
        axes.errorbar(energies + offset, mean, error, fmt=".", capsize=2, color=f"C{s}", label=f"spin {name}")
        gas = ideal_gas(energies, n, d.beta)
        shell, first = np.unique(energies.numpy(), return_index=True)
        axes.plot(shell, gas.occupations[first], f"C{s}--", linewidth=0.8, label="free electrons, exact")
    axes.legend(frameon=False)
    return figure


def _figure(xlabel: str, ylabel: str, d: declarations.QuantumDot) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    beta = r"\infty" if math.isinf(d.beta) else f"{d.beta:g}"
    axes.set_title(f"Quantum dot, {d.n_up} up, {d.n_down} down, $Z$ = {d.z:g}, $\\beta$ = ${beta}$")
    return figure, axes
