"""The quantum dot as a system: what it measures, that it starts where it should, is a bound, and trains."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from finite_differences import columns, slope
from judging import agrees, errors

from vfe_lightning import declarations
from vfe_lightning.declarations import (
    ContinuousFlow,
    Levels,
    LowestDeterminant,
    PairVelocity,
    TrapConfigurationInteraction,
    TrustRegion,
)
from vfe_lightning.declarations import QuantumDot as Declared
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.two_electron_dot import two_electron_dot
from vfe_lightning.free_energy import make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.quantum_dot import QuantumDot
from vfe_lightning.wavefunctions.kinetic import continuous_kinetic

SMALL = {"kind": "transformer", "layers": 1, "width": 4, "heads": 2, "hidden": 4}
MESSAGES = {"velocity": {"kind": "message_passing", "width": 4, "messages": 2}, "steps": 2}


def system(seed: int = 0, strong: float = 0.0, **changes) -> QuantumDot:
    fields = {"n_up": 2, "n_down": 1, "z": 1.5, "beta": 1.5, "shells": 5, "occupation": SMALL}
    fields |= {"flow": {"velocity": {"kind": "pair", "width": 4}, "steps": 6}} | changes
    torch.manual_seed(seed)
    made = QuantumDot(Declared.model_validate(fields))
    made.generator = make_generator(torch.device("cpu"), seed, "training")
    with torch.no_grad():
        for p in made.wavefunction.parameters():
            p += strong * torch.randn_like(p)
    return made


def ground_state(**changes) -> QuantumDot:
    return system(**({"beta": math.inf, "occupation": LowestDeterminant()} | changes))


@pytest.mark.parametrize("flow", [{"velocity": {"kind": "pair", "width": 4}, "steps": 2}, MESSAGES])
@pytest.mark.parametrize("per_state", [1, 2])
def test_an_estimate_is_consistent(flow, per_state: int) -> None:
    dot = system(walkers_per_state=per_state, flow=flow, strong=0.05)
    e = dot.estimate(8)
    parts = e.energies
    torch.testing.assert_close(e.energy, parts["kinetic"] + parts["trap"] + parts["interaction"])
    torch.testing.assert_close(
        parts["virial"], 2 * parts["kinetic"] - 2 * parts["trap"] + parts["interaction"]
    )
    torch.testing.assert_close(e.free_energy, e.energy - e.entropy / 1.5)
    assert e.correlated == dot.least_batch == per_state
    p, psi = e.factors
    assert p.scores().shape == (8 // per_state, sum(q.numel() for q in dot.model.parameters()))
    assert psi.scores().shape == (8, sum(q.numel() for q in dot.wavefunction.parameters()))
    for name, profile in e.profiles.items():
        assert len(profile()) == 8, name
    torch.testing.assert_close(e.profiles["occupation"]().sum(1), torch.full((8,), 3.0, dtype=torch.float64))


def test_the_local_energy_and_the_scores_equal_autograd() -> None:
    dot = system(strong=0.1, n_up=2, n_down=2)
    states = dot.states(dot.model.sample(3, dot.generator))
    x = dot.wavefunction.flow.invert(states.sample(dot.generator))[0].detach().requires_grad_()
    log_psi = dot.wavefunction.log_psi(states, x)
    parts = []
    for part in (log_psi.real, log_psi.imag):
        (gradient,) = torch.autograd.grad(part.sum(), x, create_graph=True)
        flat = gradient.flatten(1)
        second = [torch.autograd.grad(flat[:, a].sum(), x, retain_graph=True)[0] for a in range(8)]
        laplacian = sum(s.flatten(1)[:, a] for a, s in enumerate(second))
        parts.append((gradient.detach(), laplacian))
    gradient, laplacian = (torch.complex(re, im) for re, im in zip(*parts, strict=True))
    for chunk_size in (2, 3):
        found = continuous_kinetic(dot.wavefunction.flow, states, x.detach(), chunk_size)
        torch.testing.assert_close(found.log_psi, log_psi.detach())
        torch.testing.assert_close(found.gradient, gradient)
        torch.testing.assert_close(found.laplacian, laplacian, rtol=1e-9, atol=1e-9)
    scores = dot.wavefunction.scores(states, x.detach(), 2)
    for b in range(3):
        for part, column in ((log_psi.real, scores.real), (log_psi.imag, scores.imag)):
            single = torch.autograd.grad(part[b], list(dot.wavefunction.parameters()), retain_graph=True)
            torch.testing.assert_close(column[b], torch.cat([g.flatten() for g in single]))


@pytest.mark.parametrize(("n_up", "n_down"), [(3, 0), (2, 2)])
def test_without_interaction_it_is_exact_from_the_start(n_up: int, n_down: int) -> None:
    dot = system(n_up=n_up, n_down=n_down, z=0.0, shells=5, occupation={"kind": "ideal_gas"})
    f = dot.estimate(16).free_energy
    expected = oscillator_gas(n_up, n_down, 1.5, shells=5).free_energy
    torch.testing.assert_close(f, torch.full_like(f, expected))


MIXED = TrapConfigurationInteraction(cutoff=3)


@pytest.mark.parametrize(
    ("make", "changes", "start"),
    [
        (system, {"n_up": 3}, "scaled first order"),
        (ground_state, {"n_up": 3}, "scaled first order"),
        (ground_state, {"n_up": 3, "base_states": MIXED}, "mixed determinants"),
        (system, {"n_up": 2, "base_states": MIXED, "occupation": Levels()}, "mixed determinants"),
    ],
)
def test_training_starts_at_a_known_bound(make, changes: dict, start: str) -> None:
    """From 1000 polarised walkers, whose interaction has a finite variance; stretched at Z = 4.

    Single determinants are stretched by the best factor, so that their virial is zero.
    """
    dot = make(n_down=0, z=4.0, **changes)
    e = dot.estimate(1000)
    found, trap = Moments.of(e.free_energy), Moments.of(e.energies["base_trap_excess"])
    assert agrees(found.mean, found.error, dot.landmarks()[start], samples=1000)
    assert float(found.error) < 0.02 * float(found.mean)
    assert agrees(trap.mean, trap.error, 0.0, samples=1000)
    if dot.mixing is None:
        virial = Moments.of(e.energies["virial"])
        assert agrees(virial.mean, virial.error, 0.0, samples=1000)


def test_mixed_states_of_both_spins_have_exact_derivatives_and_angular_momenta() -> None:
    dot = system(n_up=2, n_down=1, base_states=MIXED, occupation=Levels(), strong=0.05)
    k = dot.model.sample(4, dot.generator)
    states = dot.states(k)
    assert torch.equal(states.momentum[:, 0], dot.mixing.angular_momenta[k[:, 0]].double())
    x = dot.wavefunction.flow.invert(states.sample(dot.generator))[0]
    found = continuous_kinetic(dot.wavefunction.flow, states, x)
    h = 1e-3
    shifts = h * torch.eye(6, dtype=torch.float64).view(6, 3, 2)
    around = [
        torch.stack([dot.wavefunction.log_psi(states, x + s * d).exp() for d in shifts]) for s in (1, -1)
    ]
    psi = dot.wavefunction.log_psi(states, x).exp()
    laplacian = ((around[0] + around[1] - 2 * psi) / h**2).sum(0) / psi
    torch.testing.assert_close(-found.energy, laplacian.detach(), rtol=1e-4, atol=1e-4)


def test_the_flow_gradient_is_the_slope_of_the_energy() -> None:
    """Two electrons, quadrature over the relative coordinate in place of samples; the centre is at rest.

    Along the breathing it is minus the virial of the relative motion; the centre has the kinetic energy 1.
    """
    dot = ground_state(
        n_up=2, n_down=0, flow={"velocity": {"kind": "pair", "width": 3}, "steps": 4}, strong=0.1
    )
    nodes, weights = (torch.from_numpy(t) for t in np.polynomial.legendre.leggauss(400))
    nodes, weights = 7 * (nodes + 1), 7 * weights
    x = torch.stack([nodes, torch.zeros_like(nodes)], 1)
    x = torch.stack([x, -x], 1) / math.sqrt(2)
    states = dot.states(torch.tensor([[0, 1]]).expand(len(x), -1))

    def local() -> tuple[torch.Tensor, torch.Tensor]:
        kinetic = continuous_kinetic(dot.wavefunction.flow, states, x)
        density = (2 * kinetic.log_psi.real).exp() * nodes * weights
        return density / density.sum(), 0.5 * kinetic.energy.real + dot.hamiltonian.energy(x)

    def energy() -> float:
        density, e = local()
        return float(density @ e)

    density, e = local()
    scores = dot.wavefunction.scores(states, x).real
    gradient = 2 * (density * (e - density @ e)) @ (scores - density @ scores)
    for p, column in columns(dot.wavefunction):
        found = slope(energy, p, 0, h=1e-4)
        assert found == pytest.approx(float(gradient[column]), rel=2e-3, abs=1e-5)
        if p is dot.wavefunction.flow.breathing.log_scale:
            trap, interaction = dot.hamiltonian.trap(x), dot.hamiltonian.interaction(x)
            virial = 2 * (e - trap - interaction - 1) - 2 * trap + interaction
            assert found == pytest.approx(-float(density @ virial), rel=2e-3)


def test_references_and_landmarks() -> None:
    assert system(n_up=2, n_down=0).reference() == two_electron_dot(1.5, 1.5, same_spin=True)
    assert system(n_up=1, n_down=1).reference() == two_electron_dot(1.5, 1.5, same_spin=False)
    assert system(n_up=3, n_down=2, z=0.0).reference() == oscillator_gas(3, 2, 1.5)
    assert ground_state(n_up=1, n_down=0).reference() == Reference(1.0, 1.0, 0.0)
    with pytest.raises(NotKnown, match="electrons: two"):
        system(n_up=3).reference()
    few = ground_state(n_up=2, n_down=0)
    exact, known = few.reference(), few.landmarks()
    assert exact.free_energy < known["configuration interaction"] < known["scaled first order"]
    assert set(ground_state(n_up=6, n_down=0, shells=6).landmarks()) == {"first order", "scaled first order"}


def test_a_chosen_angular_momentum() -> None:
    for m in (0, 1, 2):
        occupation = LowestDeterminant(angular_momentum=m)
        dot = ground_state(n_up=4, n_down=0, occupation=occupation)
        states = dot.states(dot.model.sample(2))
        assert states.momentum.tolist() == [[m], [m]]
        with pytest.raises(NotKnown, match="angular momentum"):
            dot.reference()
        known = dot.landmarks()
        assert known["configuration interaction"] < known["scaled first order"] < known["first order"]
    with pytest.raises(ValueError, match="shells"):
        ground_state(n_up=2, n_down=0, shells=2, occupation=LowestDeterminant(angular_momentum=7))


def test_ill_matched_declarations_are_refused() -> None:
    for changes, word in [
        ({"beta": math.inf}, "determinant"),
        ({"occupation": LowestDeterminant()}, "inf"),
        ({"n_up": 40}, "shells"),
        ({"z": -1.0}, "z"),
        ({"occupation": Levels()}, "go together"),
        ({"base_states": MIXED}, "go together"),
    ]:
        with pytest.raises(ValueError, match=word):
            system(**changes)


@pytest.mark.slow
@pytest.mark.parametrize(("n_up", "n_down", "z"), [(2, 0, math.sqrt(3)), (1, 1, 1.0)])
def test_two_electrons_reach_the_exact_ground_state(n_up: int, n_down: int, z: float) -> None:
    """Within a thousandth of it beyond the noise, a standard error below 3e-4, with 80 steps of training."""
    flow = ContinuousFlow(velocity=PairVelocity(width=24), steps=4)
    mixed = TrapConfigurationInteraction(cutoff=2)
    dot = ground_state(n_up=n_up, n_down=n_down, z=z, flow=flow, base_states=mixed)
    region = TrustRegion(max_norm=0.05, damping=0.03)
    declared = declarations.NaturalGradient(learning_rate=0.1, decay=60, quantum=region)
    dot.prepare(partial(make_optimizer, declared), 256, seed=0)
    optimizer = dot.configure_optimizers()
    for _ in range(80):
        optimizer.update(dot.estimate(256).factors).at_once()
        optimizer.step()
    final = Moments.of(torch.cat([dot.estimate(512).free_energy for _ in range(80)]))
    exact = two_electron_dot(z, math.inf, same_spin=n_down == 0).free_energy
    assert float(final.error) < 3e-4 * exact
    noise = errors() * float(final.error)
    assert -noise < float(final.mean) - exact < noise + 1e-3 * exact
