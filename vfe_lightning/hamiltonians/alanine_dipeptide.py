"""Alanine dipeptide (ACE-ALA-NME) in vacuum: Amber ff99SB-ILDN as OpenMM has it, in internal coordinates.

Lindorff-Larsen et al., Proteins 78, 1950 (2010); Eastman et al., J. Phys. Chem. B 128, 109 (2024). Lengths
are in nm and energies in kJ/mol. OpenMM is an optional dependency: pip install 'vfe-lightning[openmm]'.
"""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.calculus.internal_coordinates import Place, cartesian, internal, z_matrix
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian

GAS_CONSTANT = 8.31446261815324e-3  # kJ / mol / K, CODATA 2018
TIME_STEP, FRICTION = 0.001, 1.0  # ps, 1 / ps
BURN_IN = 20  # samples that are thrown away
RESIDUES = {
    "ACE": {"CH3": "C", "C": "C", "O": "O"},
    "ALA": {"N": "N", "CA": "C", "C": "C", "O": "O", "CB": "C"},
    "NME": {"N": "N", "C": "C"},
}
BACKBONE = ("ACE.CH3", "ACE.C", "ALA.N", "ALA.CA", "ALA.C", "NME.N", "NME.C")
SIDES = ("ACE.O", "ALA.O", "ALA.CB")
HEAVY_BONDS = (
    *pairwise(BACKBONE),
    ("ACE.C", "ACE.O"),
    ("ALA.C", "ALA.O"),
    ("ALA.CA", "ALA.CB"),
)
# a conformation to start from: bonds in nm, angles and torsions in degrees
FIRST_BONDS = (0.152, 0.1335, 0.1449, 0.1522, 0.1335, 0.1449, 0.1229, 0.1229, 0.1526)
FIRST_ANGLES = (116.6, 121.9, 111.0, 116.6, 121.9, 120.4, 120.4, 109.7)
FIRST_TORSIONS = (180.0, -80.0, 75.0, 180.0, 180.0, 180.0, -122.0)


@dataclass(frozen=True)
class Peptide:
    """What OpenMM says of the molecule.

    Attributes:
        topology, system: of OpenMM.
        positions: a minimum of the energy, (22, 3), in nm.
        places: the Z-matrix.
        phi, psi: which internal coordinates are the two torsions of the backbone.
    """

    topology: Any
    system: Any
    positions: np.ndarray
    places: list[Place]
    phi: int
    psi: int


@cache
def peptide() -> Peptide:
    """The molecule with its hydrogens.

    Raises:
        ValueError: where OpenMM is not installed.
    """
    openmm, app, unit = _openmm(), _openmm(".app"), _openmm(".unit")
    topology = app.Topology()
    chain, atoms = topology.addChain(), {}
    for residue, names in RESIDUES.items():
        entry = topology.addResidue(residue, chain)
        for name, symbol in names.items():
            atoms[f"{residue}.{name}"] = topology.addAtom(name, app.Element.getBySymbol(symbol), entry)
    for a, b in HEAVY_BONDS:
        topology.addBond(atoms[a], atoms[b])
    index = {name: atom.index for name, atom in atoms.items()}
    heavy = z_matrix([index[k] for k in (*BACKBONE, *SIDES)], [(index[a], index[b]) for a, b in HEAVY_BONDS])
    degrees = torch.tensor([*FIRST_ANGLES, *FIRST_TORSIONS], dtype=torch.float64) * (math.pi / 180)
    first = torch.cat([torch.tensor(FIRST_BONDS, dtype=torch.float64), degrees])
    start = cartesian(first[None], heavy)[0][0].numpy()
    field = app.ForceField("amber99sbildn.xml")
    modeller = app.Modeller(topology, start * unit.nanometer)
    with _the_same_random_numbers():
        modeller.addHydrogens(field, platform=_reference())
    system = field.createSystem(modeller.topology, nonbondedMethod=app.NoCutoff, constraints=None)
    context = openmm.Context(system, openmm.VerletIntegrator(TIME_STEP), _reference())
    context.setPositions(modeller.positions)
    openmm.LocalEnergyMinimizer.minimize(context)
    positions = context.getState(getPositions=True).getPositions(asNumpy=True)._value
    names = {f"{a.residue.name}.{a.name}": a.index for a in modeller.topology.atoms()}
    bonds = [(a.index, b.index) for a, b in modeller.topology.bonds()]
    skeleton = [names[k] for k in (*BACKBONE, *SIDES)]
    order = [*skeleton, *(k for k in range(len(names)) if k not in skeleton)]
    places = z_matrix(order, bonds)
    first_torsion = 2 * len(places) - 3
    return Peptide(modeller.topology, system, positions, places, first_torsion + 1, first_torsion + 2)


@cache
def _context() -> Any:
    """For single energies; of the process, since it can be neither copied nor saved."""
    openmm = _openmm()
    return openmm.Context(peptide().system, openmm.VerletIntegrator(TIME_STEP), _reference())


def _openmm(part: str = "") -> Any:
    try:
        return import_module(f"openmm{part}")
    except ModuleNotFoundError as error:
        raise ValueError("alanine dipeptide needs OpenMM: pip install 'vfe-lightning[openmm]'") from error


@contextmanager
def _the_same_random_numbers() -> Iterator[None]:
    """OpenMM places hydrogens by those of the process: their order in a methyl group would be by chance."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


def _reference() -> Any:
    return _openmm().Platform.getPlatformByName("Reference")


class ForceField(torch.autograd.Function):
    """Potential energies of atoms, (batch, 22, 3) -> (batch,), with the forces of OpenMM as gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        context, energies, forces = _context(), [], []
        for one in x.detach().cpu().numpy():
            context.setPositions(one)
            state = context.getState(getEnergy=True, getForces=True)
            energies.append(state.getPotentialEnergy()._value)
            forces.append(state.getForces(asNumpy=True)._value)
        ctx.save_for_backward(torch.as_tensor(np.array(forces)).to(x).nan_to_num())
        return torch.tensor(energies).to(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (forces,) = ctx.saved_tensors
        return -gradients[0][:, None, None] * forces


class AlanineDipeptide(ContinuousHamiltonian):
    """U(q) - T ln J(q) of bonds, angles and torsions, with J their volume element; (batch, 60)."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.thermal = GAS_CONSTANT * temperature
        self.places = peptide().places

    def energy(self, x: Tensor) -> Tensor:
        atoms, log_volume = cartesian(x, self.places)
        return ForceField.apply(atoms) - self.thermal * log_volume

    def gradient(self, x: Tensor) -> Tensor:
        return gradient(self.energy, x)


def molecular_dynamics(temperature: float, samples: int, stride: int, seed: int) -> Tensor:
    """Internal coordinates along one trajectory of Langevin dynamics: (samples, 60)."""
    openmm, molecule = _openmm(), peptide()
    integrator = openmm.LangevinMiddleIntegrator(temperature, FRICTION, TIME_STEP)
    integrator.setRandomNumberSeed(seed + 1)  # OpenMM takes 0 for any seed
    context = openmm.Context(molecule.system, integrator, _reference())
    context.setPositions(molecule.positions)
    context.setVelocitiesToTemperature(temperature, seed + 1)
    kept = []
    for step in range(BURN_IN + samples):
        integrator.step(stride)
        if step >= BURN_IN:
            kept.append(context.getState(getPositions=True).getPositions(asNumpy=True)._value)
    return internal(torch.as_tensor(np.array(kept)), molecule.places)
