"""Every experiment, small enough to be run by a test: a new one adds a line."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from vfe_lightning import Experiment

BUDGET = {"max_steps": 2, "evaluation_batches": 2, "checkpoint_every": 1, "progress_bar": False}
EXPERIMENTS = sorted(p.stem for p in (Path(__file__).parents[1] / "experiments").glob("[!_]*.py"))
GAS = {"flow": {"depth": 2, "width": 4, "pair_width": 4}}
GENERATOR = {"flow": {"layers": 2, "width": 4}, "samples": {"chains": 20, "trajectories": 2}}
TRAP = {"flow.velocity.width": 4, "flow.steps": 2}
ANNEALED = {"annealing.steps": 2}
QUANTUM = {"nx": 2, "ny": 2, "depth": 1, **ANNEALED}
QUICK = {"flow": {"width": 3, "steps": 1}}
HYDROGEN = {"protons": {"layers": 2, "width": 4}, "mean_field_steps": 1, **QUICK}
SMALL: dict[str, dict[str, Any]] = {
    "alanine_dipeptide": {"flow": {"layers": 2, "width": 4}, "dynamics": {"samples": 100, "stride": 10}},
    "coulomb_trap": {"n": 2, **TRAP},
    "dimer": GENERATOR,
    "double_well": GENERATOR,
    "edwards_anderson": {"L": 3, "beta": 0.4, **ANNEALED},  # where the Bethe approximation converges
    "heg2d": {"n": 4, "cutoff": 4, **GAS},
    "heg2d_ground_state": {"n": 5, "cutoff": 1, **GAS},
    "heg3d": {"n": 4, "cutoff": 1, **GAS},
    "heg3d_brown": {"n": 4, "cutoff": 1, **GAS},
    "heg3d_metal": {"n_up": 2, "n_down": 2, "cutoff": 1, **GAS},
    "heg_exact": {"n": 4, "cutoff": 4, **GAS},
    "heg_twists": {"n": 4, **GAS},
    "heisenberg": QUANTUM,
    "hopfield": {"n": 8, **ANNEALED},
    "hydrogen": {"n": 2, "rs": 4.0, "orbitals.exponents": (0.9, 0.3), **HYDROGEN},
    "hydrogen_pair": HYDROGEN,
    "hydrogen_molecule": {
        "protons": [[1, 1, 1], [2.4, 1, 1]],
        "length": 5.0,
        "orbitals.exponents": (1.4, 0.42),
        **QUICK,
    },
    "inverse_ising": {"n": 5},
    "ising": {"L": 4, **ANNEALED},
    "ising_triangular": {"L": 4, "beta": 0.2, **ANNEALED},
    "lj13": {"samples.chains": 8, "samples.trajectories": 2, **TRAP},
    "log_gas": {"n": 3, **TRAP},
    "monge_ampere": {"L": 4, "flow.potentials": 1, "flow.width": 4, "flow.steps": 2},
    "mueller_brown": GENERATOR,
    "neural_rg": {"flow.width": 4, "flow.couplings": 2},
    "one_component_plasma": {"n": 3, "flow.layers": 2, "flow.width": 4, "flow.messages": 1},
    "phi4": {"L": 4, "flow.layers": 2, "flow.width": 2},
    "potts": {"L": 2, **ANNEALED},
    "quantum_dot": {"n_up": 2, "shells": 3, **TRAP},
    "quantum_dot_ground_state": {"n_up": 2, **TRAP},
    "sk": {"n": 6, **ANNEALED},
    "solvated_dimer": {"stages": 2, "samples": {"chains": 20, "kept": 2, "trajectories": 2}},
    "tfim": QUANTUM,
    "xy": {"L": 2, "flow.width": 4},
}


def small(name: str, **changes: Any) -> Experiment:
    if name == "alanine_dipeptide":
        pytest.importorskip("openmm")
    experiment: Experiment = getattr(import_module(f"experiments.{name}"), name)
    return experiment.vary(**SMALL[name], batch_size=8, trainer=BUDGET).vary(**changes)
