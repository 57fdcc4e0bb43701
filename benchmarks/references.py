"""References of our own for classical systems, by Markov chains: minutes each, run by hand.

python -m benchmarks.references alanine 600       # its two states, by long dynamics
python -m benchmarks.references dimer             # Delta F of the dimer among 36 particles, umbrella sampling
python -m benchmarks.references coulomb 6 2 10    # F of n charges in dim dimensions at beta, along a path
python -m benchmarks.references lj13              # F of 13 Lennard-Jones atoms, replica exchange
python -m benchmarks.references plasma 16 1 5 10 20   # F of n ions at each coupling, one after the other
python -m benchmarks.references sk 100 5          # F and E a spin of the glass of seed 1, parallel tempering
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from vfe_lightning.estimators.two_states import apart
from vfe_lightning.hamiltonians import dimer
from vfe_lightning.hamiltonians.alanine_dipeptide import GAS_CONSTANT, molecular_dynamics, peptide
from vfe_lightning.hamiltonians.clusters import icosahedron
from vfe_lightning.hamiltonians.plasma import Plasma
from vfe_lightning.hamiltonians.spins import PairwiseSpins, sherrington_kirkpatrick_couplings
from vfe_lightning.hamiltonians.trapped_particles import Coulomb, LennardJones, TrappedParticles
from vfe_lightning.mean_field.harmonic import harmonic_log_z, scaled_to_minimum
from vfe_lightning.samplers import thermodynamic_integration
from vfe_lightning.samplers.hmc import hybrid_monte_carlo
from vfe_lightning.samplers.parallel_tempering import parallel_tempering
from vfe_lightning.samplers.replica_exchange import replica_exchange
from vfe_lightning.samplers.umbrella import umbrella_sampling
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.alanine_dipeptide import SEAM
from vfe_lightning.systems.lennard_jones import icosahedral

WINDOWS, REPLICAS = 11, 16
CORE = 6  # power of the steps into a repulsion of r^-12


def solvated_dimer(solvent: int = 36, beta: float = 1.0, samples: int = 600, seed: int = 0) -> None:
    """F of the open dimer less that of the closed one; windows of its length in place of its bond."""
    h = dimer.Dimer(solvent)
    centres = torch.linspace(0.8, 2.2, WINDOWS, dtype=torch.float64)
    umbrella = umbrella_sampling(
        h.energy,
        h.gradient,
        dimer.distance,
        dimer.relaxed(h, dimer.arrangements(solvent)[0].repeat(WINDOWS * REPLICAS, 1, 1)),
        centres,
        stiffness=100.0,
        beta=beta,
        warm_up=samples // 4,
        samples=samples,
        left_out=dimer.bond,
        stride=2,
        leapfrog_steps=20,
        generator=torch.Generator().manual_seed(seed),
    )
    found, error = umbrella.difference(lambda r: r > dimer.MIDDLE, beta)
    halves = [
        replace(umbrella, values=half).difference(lambda r: r > dimer.MIDDLE, beta)[0]
        for half in umbrella.values.chunk(2)
    ]
    print(
        f"dimer among {solvent} particles: {found:.4f} +- {error:.4f}, acceptance {umbrella.acceptance:.2f}, "
        f"exchanges {umbrella.exchanged:.2f}, halves {halves[0]:.3f} and {halves[1]:.3f}"
    )


def coulomb(n: int = 6, dim: int = 2, beta: float = 10.0) -> None:
    """F of labelled charges in a trap, from free particles."""
    h, generator = TrappedParticles(n, 2.0, Coulomb()), torch.Generator().manual_seed(0)
    found = thermodynamic_integration.integrate(
        lambda y: beta * h.trap(y),
        lambda y: 2 * beta * y,
        lambda y: beta * h.energy(y),
        lambda y: beta * h.gradient(y),
        torch.randn(200, n, dim, generator=generator, dtype=torch.float64) / math.sqrt(2 * beta),
        n * dim / 2 * math.log(math.pi / beta),
        intervals=24,
        warm_up=30,
        trajectories=80,
        power=3,
        generator=generator,
    )
    print(
        f"{n} charges, dim {dim}, beta {beta:g}: F = {-found.log_z / beta:.4f} +- {found.error / beta:.4f}, "
        f"quadrature {found.quadrature / beta:.4f}, acceptance {found.acceptance:.2f}"
    )


def lj13(beta: float = 4.0, sweeps: int = 8000) -> None:
    """F of thirteen labelled Lennard-Jones atoms in a weak trap, from free atoms and back by exchanges."""
    h, generator = TrappedParticles(13, 1.0, LennardJones()), torch.Generator().manual_seed(0)
    states = 16 + round(6 * beta)
    free = torch.randn(16, states, 13, 3, generator=generator, dtype=torch.float64) / math.sqrt(beta)
    found = replica_exchange(
        lambda y: beta * h.trap(y),
        lambda y: beta * y,
        lambda y: beta * h.pair_energy(y),
        lambda y: beta * (h.gradient(y) - y),
        free,
        [(k / (states - 1)) ** CORE for k in range(states)],
        sweeps,
        sweeps // 4,
        generator=generator,
    )
    offset = 13 * 1.5 * math.log(2 * math.pi / beta)
    log_z, pairs = found.log_z_ratio(), found.difference().scaled(1 / beta)
    quarters = [replace(found, differences=part).log_z_ratio().mean for part in found.differences.chunk(4)]
    cold = scaled_to_minimum(h, icosahedron())
    solid = Moments.of(icosahedral(h, found.samples.flatten(0, 1)).view(len(found.samples), -1).mean(dim=0))
    print(
        f"LJ13 at beta {beta:g}: F = {-(log_z.mean + offset) / beta:.4f} +- {log_z.error / beta:.4f}, "
        f"quarters {', '.join(f'{-(q + offset) / beta:.3f}' for q in quarters)}, "
        f"interaction {pairs.mean:.3f} +- {pairs.error:.3f}, icosahedral {solid.mean:.4f} +- "
        f"{solid.error:.4f}, exchanges {found.exchanged.min():.2f}; harmonic F = "
        f"{-harmonic_log_z(h, cold, 60, beta) / beta:.4f}"
    )


def sk(n: int = 100, beta: float = 5.0, disorder_seed: int = 1, sweeps: int = 4000) -> None:
    """F and E a spin of one Sherrington-Kirkpatrick glass, from free spins through all temperatures."""
    h = PairwiseSpins(sherrington_kirkpatrick_couplings(n, disorder_seed))
    betas = torch.linspace(0, beta, 2 + round(6 * beta), dtype=torch.float64).tolist()
    found = parallel_tempering(h, betas, 16, sweeps, sweeps // 4, torch.Generator().manual_seed(0))
    log_z, energy, free = found.log_z_ratio(), found.difference(), n * math.log(2)
    halves = [
        (replace(found, differences=half).log_z_ratio().mean + free) / -beta / n
        for half in found.differences.chunk(2)
    ]
    print(
        f"{n} spins at beta {beta:g}: F = {-(log_z.mean + free) / beta / n:.6f} +- "
        f"{log_z.error / beta / n:.6f}, E = {energy.mean / n:.6f} +- {energy.error / n:.6f}, "
        f"exchanges {found.exchanged.min():.2f}, halves {halves[0]:.6f} and {halves[1]:.6f}"
    )


def plasma(n: int = 16, *gammas: float) -> None:
    """F beyond the ideal gas and U of an ion, in kT, from independent ions to ever stronger coupling."""
    for gamma, f, error, energy, quadrature in plasma_path(n, gammas or (1, 5, 10, 20)):
        print(
            f"{n} ions at Gamma {gamma:g}: F = {f:.5f} +- {error:.5f}, quadrature {quadrature:.5f}, "
            f"U = {energy.mean:.4f} +- {energy.error:.4f}",
            flush=True,
        )


def plasma_path(
    n: int, gammas: Sequence[float], trajectories: int = 40, intervals: int = 8
) -> Iterator[tuple[float, float, float, Moments, float]]:
    """Gamma, F, its error, U and the error of the quadrature, of an ion, at each coupling in turn.

    A GPU, where there is one, moves so many chains in the same time.
    """
    device, chains = ("cuda", 1024) if torch.cuda.is_available() else ("cpu", 64)
    h, generator = Plasma(n, 1.0).to(device), torch.Generator(device).manual_seed(0)
    x = torch.rand(chains, n, 3, generator=generator, dtype=torch.float64, device=device)
    log_z, variance, quadrature, here, step_size = 0.0, 0.0, 0.0, 0.0, 0.05
    for gamma in gammas:
        found = thermodynamic_integration.integrate(
            lambda y, g=here: g * h.energy(y),
            lambda y, g=here: g * h.gradient(y),
            lambda y, g=gamma: g * h.energy(y),
            lambda y, g=gamma: g * h.gradient(y),
            x,
            log_z,
            intervals=intervals,
            warm_up=20,
            trajectories=trajectories,
            power=1 if here else 3,
            step_size=step_size,
            generator=generator,
        )
        log_z, x, here, step_size = found.log_z, found.x, gamma, 0.02 / math.sqrt(gamma)
        variance, quadrature = variance + found.error**2, quadrature + found.quadrature
        at_end = hybrid_monte_carlo(
            lambda y, g=gamma: g * h.energy(y),
            lambda y, g=gamma: g * h.gradient(y),
            x,
            20,
            2 * trajectories,
            step_size=step_size,
            generator=generator,
        )
        x = at_end.x
        energy = at_end.moments("action").scaled(1 / n)
        yield gamma, -log_z / n, variance**0.5 / n, energy, quadrature / n


def alanine(temperature: float = 600.0, samples: int = 200_000, trajectories: int = 8) -> None:
    """F of phi > 0 less that of phi < 0, by trajectories of so many samples, 0.1 ps from one to the next."""
    thermal, phi = GAS_CONSTANT * temperature, peptide().phi
    shares = []
    for seed in range(trajectories):
        angles = molecular_dynamics(temperature, samples, 100, seed)[samples // 10 :, phi]
        shares.append(((angles > 0) & (angles < SEAM)).double().mean())
    share = Moments.of(torch.stack(shares))
    difference = apart(share, 1 / thermal)
    print(
        f"alanine dipeptide at {temperature:g} K, {trajectories} x {samples / 10000:g} ns: "
        f"{difference.mean:.3f} +- {difference.error:.3f} kJ/mol, "
        f"share {share.mean:.5f} +- {share.error:.5f}, of each {', '.join(f'{s:.3f}' for s in shares)}"
    )


REFERENCES = {
    "alanine": alanine,
    "dimer": solvated_dimer,
    "coulomb": coulomb,
    "lj13": lj13,
    "plasma": plasma,
    "sk": sk,
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    started = time.process_time()
    REFERENCES[sys.argv[1]](*(float(a) if "." in a else int(a) for a in sys.argv[2:]))
    print(f"{time.process_time() - started:.0f} s")
