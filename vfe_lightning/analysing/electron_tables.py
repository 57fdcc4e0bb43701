"""The electrons of a trained gas: n(k), Z, pressure, chemical potential, S(k), and how far they moved."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vfe_lightning.analysing.sampling import Electrons, Sampled, orbitals_of
from vfe_lightning.analysis import finite_size_scan
from vfe_lightning.analysis.quasi_particle_residue import by_star, of_metal
from vfe_lightning.estimators.virial import energies_by_virial
from vfe_lightning.hamiltonians.periodic_box import UNIT_BALL
from vfe_lightning.mean_field.random_phase import RandomPhase
from vfe_lightning.result import Result
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.electron_gas import ElectronGas


def electron_tables(
    result: Result | None, gas: ElectronGas, found: Sampled, electrons: Electrons
) -> dict[str, pd.DataFrame]:
    """By name; energies in Ry an electron, lengths in r_s a_0."""
    parts = [y.cpu() for y in (electrons.numbers, electrons.plain, electrons.bare)]
    orbitals = orbitals_of(gas)
    made = {
        "properties": properties(gas, found, electrons),
        "momentum_distribution": by_star(orbitals, *parts),
        "structure_factor": structure_factor(gas, found.structure),
        "displacements": displacements(electrons),
    }
    z, error = of_metal(orbitals, *parts)
    made["properties"].loc[len(made["properties"])] = ["Z", z, error, ""]
    if gas.temperature > 0 and result is not None and result.free_energy is not None:
        made["finite_size"] = finite_size_scan.table([result])
    return made


def properties(gas: ElectronGas, found: Sampled, electrons: Electrons) -> pd.DataFrame:
    """Name, value, error, units. The virial is 2 K + V = d P Omega, and mu N = F + P Omega."""
    d = gas.declaration
    kinetic, potential = (y.mean(dim=1) for y in (found.kinetic, found.potential))
    free = kinetic + potential + (gas.temperature * found.log_prob if gas.temperature else 0.0)
    known = energies_by_virial(kinetic, potential, free, d.dim)
    unit = gas.energy_unit / d.n
    rows = [
        _row("kinetic energy", kinetic, unit, "Ry per electron"),
        _row("potential energy", potential, unit, "Ry per electron"),
        _row("free energy", free, unit, "Ry per electron"),
        _row("pressure / n", known["pressure_volume"], unit, "Ry per electron"),
        _row(
            "pressure", known["pressure_volume"], unit / (UNIT_BALL[d.dim] * d.rs**d.dim), f"Ry / a_0^{d.dim}"
        ),
        _row("chemical potential", known["chemical_potential"], unit, "Ry"),
    ]
    moved = Moments.of(electrons.displaced.cpu())
    root = moved.mean.sqrt()
    error = moved.error / (2 * root) if root > 0 else moved.error
    rows.append(("displacement", root.item(), error.item(), "r_s a_0"))
    fidelity = Moments.of(squared_mean(electrons.overlap).cpu())
    rows.append(("fidelity of determinants", fidelity.mean.item(), fidelity.error.item(), ""))
    return pd.DataFrame(rows, columns=["name", "value", "error", "units"])


def squared_mean(w: Tensor) -> Tensor:
    """|<w>|^2 of each state without bias, from pairs of walkers: complex (states, walkers) -> (states,)."""
    m = w.shape[1]
    return (w.sum(dim=1).abs().square() - w.abs().square().sum(dim=1)) / (m * (m - 1))


def _row(name: str, values: Tensor, unit: float, units: str) -> tuple[Any, ...]:
    moments = Moments.of(values.cpu()).scaled(unit)
    return name, moments.mean.item(), moments.error.item(), units


def structure_factor(gas: ElectronGas, values: Tensor) -> pd.DataFrame:
    """S(k) with errors, beside the random-phase approximation of the infinite gas, which long waves obey."""
    d, measured = gas.declaration, Moments.of(values.cpu())
    k = torch.zeros(values.shape[1], dtype=torch.float64)
    k[gas.shells.cpu()] = gas.wave_vectors.cpu().norm(dim=1)
    known = np.full(len(k), math.nan)
    if gas.temperature > 0:
        box = finite_size_scan.box(d.model_dump())
        known = RandomPhase(box.infinite, d.rs).structure_factor(k.numpy())
    return pd.DataFrame({"k": k, "S": measured.mean, "S_error": measured.error, "random_phase": known})


def displacements(electrons: Electrons) -> pd.DataFrame:
    """Coordinates x of some samples, and zeta, where the same electrons would be free."""
    samples, n, dim = electrons.x.shape
    rows = {
        "sample": torch.arange(samples).repeat_interleave(n),
        "electron": torch.arange(n).repeat(samples),
    }
    for name, values in (("x", electrons.x), ("zeta", electrons.zeta)):
        rows |= {f"{name}_{axis + 1}": values[..., axis].flatten().cpu() for axis in range(dim)}
    return pd.DataFrame(rows)
