"""Pictures of Boltzmann generators: the free energy along the reaction coordinate, and the samples."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning.estimators.molecule import BINS, CELLS, Molecule, torsion_histogram
from vfe_lightning.statistics import Moments

LOWEST = 1e-3  # of the highest density that is drawn
POINTS = 1500  # samples that are drawn
HIGHEST = 25.0  # T above the minimum that profiles are drawn to
CONTOURS = 12.0  # T above the lowest energy that contours reach


def boltzmann_figures(
    beta: float, molecule: Molecule, evaluation: Mapping[str, Moments], x: Tensor, data: Tensor
) -> dict[str, Figure]:
    """By the names of their files."""
    figures = {"free_energy_profile": profile_figure(beta, molecule, evaluation, data)}
    if x[0].shape == (2,):
        figures["samples"] = plane_figure(beta, molecule, x.cpu(), data.cpu())
    if molecule.plane is not None:
        figures["ramachandran"] = ramachandran_figure(evaluation, molecule.plane(data).cpu())
    return figures


def profile_figure(
    beta: float, molecule: Molecule, evaluation: Mapping[str, Moments], data: Tensor
) -> Figure:
    """-T ln p of the reaction coordinate, with the errors of the reweighting."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    low, high = molecule.window
    middles = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
    for name, key in (("flow", "coordinate"), ("reweighted", "reweighted_coordinate")):
        density = evaluation[key]
        seen = density.mean.cpu() > 0
        f = -density.mean.cpu()[seen].log() / beta
        error = (density.error.cpu()[seen] / density.mean.cpu()[seen]) / beta
        axes.errorbar(middles[seen.numpy()], f, error, fmt=".-", capsize=2, linewidth=0.8, label=name)
    if (profile := molecule.profile(torch.as_tensor(middles), beta)) is not None:
        axes.plot(middles, profile, "k--", linewidth=1, label="exact")
    for value in molecule.coordinate(data[:200]).tolist():
        axes.axvline(value, ymax=0.03, color="grey", linewidth=0.5)
    axes.axvline(molecule.divide, color="grey", linewidth=0.8, linestyle=":")
    axes.set_ylim(top=-evaluation["coordinate"].mean.max().log().item() / beta + HIGHEST / beta)
    axes.set(xlabel=molecule.name, ylabel=f"F / {molecule.units} per system")
    axes.legend(frameon=False)
    return figure


def plane_figure(beta: float, molecule: Molecule, x: Tensor, data: Tensor) -> Figure:
    """Samples of the flow, and the data, over the contours of the energy of one particle in a plane."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    both = torch.cat([x[:POINTS], data])
    low, high = (both.quantile(q, dim=0) for q in (0.001, 0.999))
    corners = zip((low - 0.5).tolist(), (high + 0.5).tolist(), strict=True)
    axis = [torch.linspace(a, b, 150, dtype=torch.float64) for a, b in corners]
    u = beta * molecule.hamiltonian.energy(torch.cartesian_prod(*axis)).view(150, 150)
    for axes, (name, points) in zip(
        figure.subplots(1, 2, sharey=True), (("flow", x), ("data", data)), strict=True
    ):
        axes.contour(*axis, (u - u.min()).clamp(max=CONTOURS).mT, levels=12, linewidths=0.6, cmap="Greys_r")
        axes.scatter(points[:POINTS, 0], points[:POINTS, 1], s=3, linewidths=0)
        axes.set(title=name, xlabel="x", xlim=(axis[0][0], axis[0][-1]), ylim=(axis[1][0], axis[1][-1]))
    return figure


def ramachandran_figure(evaluation: Mapping[str, Moments], dynamics: Tensor) -> Figure:
    """The two torsions of the backbone, phi and psi, by the flow and by dynamics, (samples, 2) in radians."""
    densities = {
        "flow": evaluation["ramachandran"].mean,
        "reweighted": evaluation["reweighted_ramachandran"].mean,
        "molecular dynamics": torsion_histogram(dynamics).mean(dim=0),
    }
    figure = Figure(figsize=(11.5, 4.2), layout="constrained")
    highest = max(float(density.max()) for density in densities.values())
    norm = LogNorm(highest * LOWEST, highest)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, density) in zip(panels, densities.items(), strict=True):
        grid = density.cpu().view(CELLS, CELLS).mT.numpy()
        image = axes.imshow(grid, origin="lower", extent=(-180, 180, -180, 180), norm=norm)
        axes.set(title=name, xlabel=r"$\phi$")
    panels[0].set_ylabel(r"$\psi$")
    figure.colorbar(image, ax=panels, label="density per square degree")
    return figure
