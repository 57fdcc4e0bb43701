"""Quasi-particles of a trained electron gas: their dispersion, Landau's f, masses, and other temperatures."""

import pandas as pd
import torch

from vfe_lightning.analysing.sampling import Sampled, spins_of
from vfe_lightning.analysis.effective_mass import ideal_entropy
from vfe_lightning.analysis.quasi_particles import Liquid, Orbitals
from vfe_lightning.hamiltonians.periodic_box import fermi_energy
from vfe_lightning.result import Result
from vfe_lightning.systems.electron_gas import ElectronGas

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5)  # of that of the run
ENERGIES = {"epsilon", "smooth", "free", "f", "free_energy", "energy", "temperature"}
FEW = 0.05  # effective sample size below which a temperature is left out


def liquids_of(gas: ElectronGas, found: Sampled, generator: torch.Generator) -> dict[str, Liquid]:
    """What is fitted to the local energies, and to -T ln p."""
    d, particles = gas.declaration, spins_of(gas)
    k = gas.momenta.cpu().chunk(len(particles))[0]
    orbitals = Orbitals(k, fermi_energy(d.dim, d.majority) ** 0.5, particles)
    occupied = found.occupied.cpu() % len(k)  # those of spin down are numbered after those of spin up
    energy, by_p = found.energies.mean(dim=1).cpu(), -gas.temperature * found.log_prob.cpu()
    quantities = {"local energies": energy, "-T ln p": by_p + (energy - by_p).mean()}  # E_K = F - T ln p
    return {name: Liquid.fitted(orbitals, occupied, y, generator=generator) for name, y in quantities.items()}


def quasi_particle_tables(result: Result | None, gas: ElectronGas, found: Sampled) -> dict[str, pd.DataFrame]:
    """By name, in Ry of the whole gas."""
    generator = torch.Generator().manual_seed(gas.seed)
    liquids = liquids_of(gas, found, generator)
    unit = gas.energy_unit
    at = [gas.temperature * share for share in TEMPERATURES]
    made = {
        "dispersion": _joined({name: q.dispersion() for name, q in liquids.items()}),
        "landau": _joined({name: q.functional() for name, q in liquids.items()}),
        "temperatures": _joined({name: q.thermodynamics(at, generator) for name, q in liquids.items()}),
    }
    for table in made.values():
        table[[name for name in table if name.removesuffix("_error") in ENERGIES]] *= unit
    rows = made["temperatures"]
    k_fermi = liquids["-T ln p"].orbitals.k_fermi
    rows.insert(0, "theta", rows["temperature"] / (unit * k_fermi**2))
    made["temperatures"] = rows.loc[rows["effective_sample_size"] > FEW, :].reset_index(drop=True)
    made["effective_mass"] = masses(result, liquids, found.ceiling)
    return made


def _joined(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, names=["from", "row"]).reset_index(level=0).reset_index(drop=True)


def masses(result: Result | None, liquids: dict[str, Liquid], ceiling: float) -> pd.DataFrame:
    """m*/m by S / S_0 and by the slope of each dispersion; `ceiling` is that of R^2 of the local energies."""
    rows, ceilings = [], {"local energies": ceiling, "-T ln p": 1.0}
    if result is not None and result.entropy is not None and result.entropy_error is not None:
        ideal = ideal_entropy(result.declaration)
        rows.append(
            {"route": "S / S_0", "m*/m": result.entropy / ideal, "m*/m_error": result.entropy_error / ideal}
        )
    for name, liquid in liquids.items():
        mass, error = liquid.effective_mass()
        rows.append(
            {
                "route": f"slope at k_F, {name}",
                "m*/m": mass,
                "m*/m_error": error,
                "R^2": liquid.fit.determination,
                "R^2 at most": ceilings[name],
            }
        )
    return pd.DataFrame(rows)
