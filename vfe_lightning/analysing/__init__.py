"""A trained electron gas as a metal: fresh samples of a run, tables and figures."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from vfe_lightning import declarations
from vfe_lightning.analysing.electron_tables import electron_tables
from vfe_lightning.analysing.quasi_particle_tables import quasi_particle_tables
from vfe_lightning.analysing.sampling import moved, sampled
from vfe_lightning.analysis.fermi_liquid_figures import figures
from vfe_lightning.errors import Refused
from vfe_lightning.generative.occupation import FermiSea, Occupation
from vfe_lightning.systems.electron_gas import ElectronGas
from vfe_lightning.tracking.provenance import code
from vfe_lightning.trained import Trained

LEAST_STATES = 100
SHOWN = ("properties", "effective_mass")  # on the terminal


def analyse(trained: Trained, states: int, walkers: int, folder: Path) -> str:
    """Tables and figures into a folder; returns the numbers of the metal and what was written.

    Raises:
        Refused: not an electron gas on single determinants, too few samples, or a folder that cannot be
        written.
    """
    gas = checked(trained, states, walkers)
    try:
        folder.mkdir(parents=True, exist_ok=True)  # before anything is computed
        found = tables(trained, gas, states, walkers)
        written = write(found, provenance(trained, states, walkers), folder)
    except OSError as error:
        raise Refused(f"--folder {folder} cannot be written: {error}") from error
    told = [found[name].to_string(index=False, na_rep="") for name in SHOWN if name in found]
    return "\n\n".join([*told, "\n".join(map(str, written))])


def tables(trained: Trained, gas: ElectronGas, states: int, walkers: int) -> dict[str, pd.DataFrame]:
    """By name. At T = 0 there is one state, and nothing to regress on."""
    asked = gas, states, walkers, trained.experiment.batch_size
    found, electrons = sampled(*asked), moved(*asked)
    thermal = gas.temperature > 0
    made = quasi_particle_tables(trained.result, gas, found) if thermal else {}
    return made | electron_tables(trained.result, gas, found, electrons)


def checked(trained: Trained, states: int, walkers: int) -> ElectronGas:
    """The gas of a run that can be analysed, with so many samples."""
    gas, d = trained.system, trained.experiment.system
    if not isinstance(gas, ElectronGas) or not isinstance(d, declarations.ElectronGas):
        raise Refused(f"{type(d).__name__} is no electron gas: its runs cannot be analysed")
    if not isinstance(d.twists, tuple):
        raise Refused("a run of many twists has no orbitals to regress on: analyse one of a single twist")
    if not isinstance(gas.model, Occupation | FermiSea):
        raise Refused("only determinants of plane waves have occupations to regress on")
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
