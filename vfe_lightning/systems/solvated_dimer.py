"""The dimer in a dense fluid: the free energy of opening it, from maps that push the fluid out of the way."""

import math
from itertools import pairwise

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from vfe_lightning import declarations
from vfe_lightning.analysis.work_figures import works_figure
from vfe_lightning.bijectors.one_body import OneBodySplines
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.targeted import SampledState, Stage, Works, by_stages, difference, stages_of
from vfe_lightning.exact import planar
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.hamiltonians import dimer
from vfe_lightning.hamiltonians.stretched_dimer import OPENING, StretchedDimer
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.boltzmann_generator import samples_of

SEEN = 0.25  # of the chains are learned from: maps have few parameters, the error wants many samples
APART = 0.03  # overlap below which the answer is not to be trusted
REACH = 3.6  # splines reach a little beyond the walls of the box, which are soft


class SolvatedDimer(VariationalFreeEnergy):
    """All numbers are of the open dimer less those of the closed one."""

    declaration: declarations.SolvatedDimer
    size = 1
    energy_unit = 1.0
    units = "epsilon"

    def __init__(self, declaration: declarations.SolvatedDimer) -> None:
        super().__init__()
        d = self.declaration = declaration
        self.temperature = 1 / d.beta
        states = [state_of(d, stage) for stage in range(d.stages + 1)]
        self.stages = nn.ModuleList(
            Stage(lower, upper, map_of(d, lower)) for lower, upper in pairwise(states)
        )
        self.works: list[Works] = []

    def estimate(self, n_samples: int) -> Estimate:
        d = self.declaration
        return by_stages(self.stages, n_samples, d.beta, d.energy_cap, self.generator)

    def derived(self) -> dict[str, Moments]:
        """The difference from the works of both directions, of chains that were not learned from."""
        d = self.declaration
        carried = [stage.carried() for stage in stages_of(self.stages)]
        self.works = [(forth.work, back.work) for forth, back in carried]
        found = difference(self.works)

        def mean(parts: list[Tensor]) -> Moments:  # over chains, whose own samples are correlated
            return Moments.of(torch.stack([part.mean(dim=1) for part in parts]).sum(dim=0))

        energy = (self.units, self.per)
        known = {
            "free_energy": mean([forth.work / d.beta for forth, _ in carried]).measured_in(*energy),
            "energy": mean([forth.change / d.beta for forth, _ in carried]).measured_in(*energy),
            "entropy": mean([forth.log_det for forth, _ in carried]).measured_in("k_B", self.per),
            "lower_bound": mean([-back.work / d.beta for _, back in carried]).measured_in(*energy),
            "bennett_overlap": Moments.exactly(found.overlap),
        }
        if math.isfinite(found.error):
            f = self.works[0][0].new_tensor([found.value, found.error]) / d.beta
            known["bennett_difference"] = Moments.with_error(*f).measured_in(*energy)
        if d.solvent == 0:
            exact = Moments.exactly(planar.gas_dimer(d.beta).difference)
            known["exact_free_energy_difference"] = exact.measured_in(*energy)
        return known

    def alarms(self) -> dict[str, str]:
        overlap = self.evaluation.get("bennett_overlap")
        if overlap is None or overlap.mean > APART:
            return {}
        return {
            "poor_overlap": "the two directions of a map hardly meet, with an overlap of "
            f"{overlap.mean:.2g}: have more --stages or more --samples.chains"
        }

    def figures(self) -> dict[str, Figure]:
        return {"works": works_figure(self.works)} if self.works else {}


def state_of(d: declarations.SolvatedDimer, stage: int) -> SampledState:
    """Chains at one length of the bond, with random numbers of their own."""
    hamiltonian = StretchedDimer(d.solvent, stage / d.stages)
    closed, opened = dimer.arrangements(d.solvent)
    start = dimer.relaxed(hamiltonian, closed.lerp(opened, hamiltonian.share)[None])
    samples = d.samples.model_copy(update={"seed": d.samples.seed * (d.stages + 1) + stage})
    x = named_from_the_left(samples_of(hamiltonian, start, d.beta, samples))
    chains = x.unflatten(0, (d.samples.chains, d.samples.kept))
    seen, unseen = chains.tensor_split([max(1, int(SEEN * d.samples.chains))])
    return SampledState(hamiltonian, d.beta, seen, unseen)


def named_from_the_left(x: Tensor) -> Tensor:
    """The atom of the dimer on the left is the first one, which halves every Z: (batch, n, 2), the same."""
    turned = (x[:, 0, 0] > x[:, 1, 0])[:, None, None]
    return torch.where(turned, dimer.exchanged(x), x)


def map_of(d: declarations.SolvatedDimer, start: SampledState) -> OneBodySplines:
    """From one state to the next: the two atoms part by one stage, and the fluid is carried along."""
    part = OPENING / d.stages / 2
    shifts = start.seen.new_tensor([[-part, 0.0], [part, 0.0]])
    atoms = start.seen.flatten(0, 1)[:, :2]
    return OneBodySplines(shifts, atoms, REACH, d.flow.layers, d.flow.width, d.flow.bins)
