"""A trained electron gas as a Fermi liquid: local energies of fresh samples, tables and figures."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis.effective_mass import ideal_entropy
from vfe_lightning.analysis.fermi_liquid_figures import figures
from vfe_lightning.analysis.quasi_particles import Liquid, Orbitals
from vfe_lightning.errors import Refused
from vfe_lightning.generative.occupation import Occupation
from vfe_lightning.hamiltonians.periodic_box import fermi_energy
from vfe_lightning.result import Result
from vfe_lightning.systems.electron_gas import ElectronGas
from vfe_lightning.tracking.provenance import code
from vfe_lightning.trained import Trained

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5)  # of that of the run
ENERGIES = {"epsilon", "smooth", "free", "f", "free_energy", "energy", "temperature"}
LEAST_STATES = 100
FEW = 0.05  # effective sample size below which a temperature is left out


@dataclass(frozen=True)
class Sampled:
    """States K ~ p and local energies of walkers in them, in Ry / r_s^2.

    Attributes:
        occupied: (states, electrons).
        log_prob: (states,).
        energies: (states, walkers).
    """

    occupied: Tensor
    log_prob: Tensor
    energies: Tensor

    @property
    def ceiling(self) -> float:
        """R^2 of the true E_K: the share of the variance of the means that is not noise of the walkers."""
        noise = self.energies.var(dim=1).mean() / self.energies.shape[1]
        return float(1 - noise / self.energies.mean(dim=1).var())


def sampled(gas: ElectronGas, states: int, walkers: int, batch: int) -> Sampled:
    """Fresh samples, `batch` walkers at a time."""
    parts, share = [], max(batch // walkers, 1)
    with torch.no_grad():
        for start in range(0, states, share):
            occupied = gas.model.sample(min(share, states - start), gas.generator)
            base = gas.states(occupied.repeat_interleave(walkers, dim=0))
            x = gas.sample_positions(base)[0]
            energy = gas.local_kinetic(base, x).energy.real + gas.hamiltonian.energy(x)
            parts.append((occupied, gas.model.log_prob(occupied), energy.view(-1, walkers)))
    return Sampled(*(torch.cat(part) for part in zip(*parts, strict=True)))


def analyse(trained: Trained, states: int, walkers: int, folder: Path) -> str:
    """Tables and figures into a folder; returns the effective masses and what was written.

    Raises:
        Refused: not an electron gas at T > 0 on single determinants, too few samples, or a folder that
            cannot be written.
    """
    gas = checked(trained, states, walkers)
    try:
        folder.mkdir(parents=True, exist_ok=True)  # before anything is computed
        found = tables(trained, gas, states, walkers)
        written = write(found, provenance(trained, states, walkers), folder)
    except OSError as error:
        raise Refused(f"--folder {folder} cannot be written: {error}") from error
    return "\n".join([found["effective_mass"].to_string(index=False, na_rep=""), *map(str, written)])


def tables(trained: Trained, gas: ElectronGas, states: int, walkers: int) -> dict[str, pd.DataFrame]:
    """By name, in Ry of the whole gas."""
    found = sampled(gas, states, walkers, trained.experiment.batch_size)
    generator = torch.Generator().manual_seed(gas.seed)
    d = gas.declaration
    particles = (d.n_up, d.n_down) if d.n_down else (d.n_up,)
    k = gas.momenta.cpu().chunk(len(particles))[0]
    orbitals = Orbitals(k, fermi_energy(d.dim, d.majority) ** 0.5, particles)
    occupied = found.occupied.cpu() % len(k)  # those of spin down are numbered after those of spin up
    energy, by_p = found.energies.mean(dim=1).cpu(), -gas.temperature * found.log_prob.cpu()
    quantities = {"local energies": energy, "-T ln p": by_p + (energy - by_p).mean()}  # E_K = F - T ln p
    liquids = {
        name: Liquid.fitted(orbitals, occupied, y, generator=generator) for name, y in quantities.items()
    }
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
    rows.insert(0, "theta", rows["temperature"] / (unit * orbitals.k_fermi**2))
    made["temperatures"] = rows.loc[rows["effective_sample_size"] > FEW, :].reset_index(drop=True)
    ceilings = {"local energies": found.ceiling, "-T ln p": 1.0}
    made["effective_mass"] = _masses(trained.result, liquids, ceilings)
    return made


def _joined(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, names=["from", "row"]).reset_index(level=0).reset_index(drop=True)


def _masses(result: Result | None, liquids: dict[str, Liquid], ceilings: dict[str, float]) -> pd.DataFrame:
    rows = []
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


def checked(trained: Trained, states: int, walkers: int) -> ElectronGas:
    """The gas of a run that can be analysed, with so many samples."""
    gas, d = trained.system, trained.experiment.system
    if not isinstance(gas, ElectronGas) or not isinstance(d, declarations.ElectronGas):
        raise Refused(f"{type(d).__name__} is no electron gas: its runs cannot be analysed")
    if not isinstance(d.twists, tuple):
        raise Refused("a run of many twists has no orbitals to regress on: analyse one of a single twist")
    if not isinstance(gas.model, Occupation):
        raise Refused("only determinants of plane waves at theta > 0 have occupations to regress on")
    if d.n_down and d.n_up != d.n_down:
        raise Refused(f"n_up = {d.n_up} and n_down = {d.n_down}: spins of one dispersion are equally many")
    for name, number, least in (("states", states, LEAST_STATES), ("walkers", walkers, 2)):
        if number < least:
            raise Refused(f"--{name} = {number} is not allowed: integer >= {least}")
    return gas


def provenance(trained: Trained, states: int, walkers: int) -> dict[str, Any]:
    """Where tables come from."""
    tags, _ = code()
    return {
        "run": trained.run_id,
        "step": trained.step,
        "commit": tags.get("vfe.commit"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": str(trained.system.device),
        "threads": torch.get_num_threads(),
        "states": states,
        "walkers": walkers,
        "declaration": trained.experiment.declared(),
    }


def write(tables: dict[str, pd.DataFrame], source: dict[str, Any], folder: Path) -> list[Path]:
    """CSV files, a JSON of where they come from, and figures."""
    written = [folder / f"{name}.csv" for name in tables]
    for path, table in zip(written, tables.values(), strict=True):
        table.to_csv(path, index=False)
    known = folder / "provenance.json"
    known.write_text(json.dumps(source, indent=1))
    for name, figure in figures(tables).items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        written.append(folder / f"{name}.png")
    return [*written, known]
