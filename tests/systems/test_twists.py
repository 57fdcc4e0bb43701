"""An electron gas of many twists: exact where it is, its gradients, and what a run of it leaves."""

import itertools
import math
from functools import partial

import pytest
import torch
from contracts import small
from finite_differences import columns, slope
from judging import agrees, errors
from small_gas import assert_no_dead_layers, small_gas
from torch import Tensor

import vfe_lightning
from vfe_lightning import declarations
from vfe_lightning.analysing import checked
from vfe_lightning.analysis.effective_mass import ideal_entropy
from vfe_lightning.errors import Refused
from vfe_lightning.estimators.correlations import momentum_shells
from vfe_lightning.exact.box_gas import box_gas
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.single_electron import single_electron
from vfe_lightning.free_energy import make_generator
from vfe_lightning.generative.twisted_occupation import ThermalTwistedOccupation
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.electron_gas import ElectronGas

AVERAGE = declarations.TwistAverage()
IDENTITY = {"depth": 1, "width": 2, "pair_width": 2, "init_scale": 0}
FREE = {"twist": "average", "flow": IDENTITY, "occupation": {"kind": "ideal_gas"}}


@pytest.mark.parametrize(
    "changes",
    [{"n": 3}, {"n": 2, "dim": 3, "cutoff": 3}, {"n": 3, "twist": {"kind": "monkhorst_pack", "points": 2}}],
)
def test_the_identity_samples_hartree_fock(changes):
    """F, K and S of an untrained gas are the averages over twists; with the ideal gas K as quiet as p(K)."""
    gas = small_gas(**FREE | {"theta": 0.5} | changes)
    e, d = gas.estimate(1200), gas.declaration
    exact = hartree_fock(d.n, d.dim, d.rs, d.theta, d.twists, gas.cutoff)
    pairs = {"free_energy": e.free_energy, "kinetic": e.energies["kinetic"], "entropy": e.entropy}
    for name, values in pairs.items():
        found = Moments.of(values)
        assert agrees(
            found.mean, found.error + exact.free_energy_error, getattr(exact, name), samples=1200
        ), name
    assert gas.landmarks() == {"Hartree-Fock": exact.free_energy}
    box = box_gas(d.n, d.dim, d.theta, d.twists, gas.cutoff)
    assert box.energy == pytest.approx(exact.kinetic, rel=1e-6)
    assert ideal_entropy(d.model_dump(mode="json")) * d.n == pytest.approx(box.entropy, rel=1e-6)


def test_both_spins_have_the_entropy_of_two_gases():
    gas = small_gas(**FREE | {"n": None, "n_up": 2, "n_down": 1, "theta": 0.5, "cutoff": 4})
    e = gas.estimate(600)
    s = Moments.of(e.entropy)
    assert agrees(s.mean, s.error, box_gas(2, 2, 0.5, AVERAGE, 4, 1).entropy, samples=600)
    assert bool(e.free_energy.isfinite().all())


@pytest.mark.parametrize("dim", [2, 3])
def test_one_electron_is_exact_at_each_twist(dim):
    """F_loc is F of the twist of the sample, and their mean is the average."""
    gas = small_gas(n=1, dim=dim, theta=0.5, cutoff=None, twist="average", occupation={"kind": "ideal_gas"})
    x = gas.model.sample(400, make_generator(torch.device("cpu"), 0, "training"))
    e = gas.estimate(400)
    for twist, free_energy in zip(x[:, 1:].tolist()[:20], e.free_energy.tolist(), strict=False):
        exact = single_electron(dim, 5, 0.5, tuple(twist)).free_energy
        assert free_energy == pytest.approx(exact, abs=2e-5)  # of the basis
    found, exact = Moments.of(e.free_energy), gas.reference()
    assert agrees(found.mean, found.error + 2e-5, exact.free_energy, samples=400)
    assert exact.free_energy_error < 1e-8


def test_two_electrons_are_above_the_exact_average():
    gas = small_gas(n=2, theta=0.5, rs=1, cutoff=None, twist="average")
    exact, found = gas.reference().free_energy, Moments.of(gas.estimate(400).free_energy)
    assert float(found.mean) > exact - errors(400) * float(found.error)
    assert hartree_fock(2, 2, 1, 0.5, AVERAGE, gas.cutoff).free_energy > exact
    at_once = small_gas(n=2, theta=0.5, rs=1, cutoff=None, twist="baldereschi").reference()
    assert at_once.free_energy != exact


def every_state(gas: ElectronGas, twists: list[tuple[float, ...]]) -> Tensor:
    d, size = gas.declaration, len(gas.model.grid)
    up, down = (list(itertools.combinations(range(size), n)) for n in (d.n_up, d.n_down))
    K = [[*a, *(size + i for i in b)] for a in up for b in down]
    return torch.cat([torch.tensor([[*k, *t] for k in K], dtype=torch.float64) for t in twists])


@pytest.mark.parametrize("n_down", [0, 1])
def test_the_gradient_of_p_is_the_slope_of_the_average_whatever_is_taken_off_each_twist(n_down):
    """Four twists and all K by enumeration, with energies given: finite differences against the scores."""
    grid = {"kind": "monkhorst_pack", "points": 2}
    gas = small_gas(n=2 + n_down, n_down=n_down, cutoff=1, twist=grid)
    assert isinstance(gas.model, ThermalTwistedOccupation)
    x = every_state(gas, list(itertools.product((-0.25, 0.25), repeat=2)))
    energy = gas.model.wave_vectors(x).square().sum((1, 2)) + torch.linspace(
        0, 3, len(x), dtype=torch.float64
    )
    with torch.no_grad():
        for p in gas.model.parameters():
            p += 0.1 * torch.randn_like(p)

    def average() -> float:
        with torch.no_grad():
            log_p = gas.model.log_prob(x)
        return float((log_p.exp() * (energy + gas.temperature * log_p)).sum() / 4)

    log_p = gas.model.log_prob(x).detach()
    share, cost = log_p.exp() / 4, energy + gas.temperature * log_p
    scores = gas.model.scores(x)
    plain = (share * (cost - share @ cost)) @ scores
    off = cost - gas.baseline(x)
    quiet = (share * (off - share @ off)) @ scores
    torch.testing.assert_close(quiet, plain, rtol=1e-9, atol=1e-12)
    for p, column in columns(gas.model):
        for at in (0, p.numel() // 2):
            assert slope(average, p, at, h=1e-5) == pytest.approx(
                float(plain[column + at]), rel=1e-5, abs=1e-8
            )


def test_the_gradient_of_the_flow_is_the_slope_of_the_average():
    """Two electrons at two twists by quadrature; the cusp of the potential is left out."""
    gas = small_gas(n=2, cutoff=1, twist="average", flow={"width": 2, "pair_width": 2, "init_scale": 0.3})
    points, length = 32, gas.hamiltonian.length
    axis = length / points * torch.arange(points, dtype=torch.float64)
    r = torch.cartesian_prod(axis, axis) + 0.3 * length / points
    x = torch.stack([r, torch.zeros_like(r)], dim=1)
    twists = torch.tensor([[0.1, -0.3], [0.4, 0.2]], dtype=torch.float64)
    named = [torch.cat([torch.arange(2.0), t])[None].expand(len(x), -1) for t in twists]
    each = [gas.states(sample.double()) for sample in named]

    def energies() -> list[tuple[Tensor, Tensor]]:
        found = []
        for states in each:
            kinetic = gas.local_kinetic(states, x)
            weight = (2 * kinetic.log_psi.real).exp()
            found.append((weight / weight.sum(), kinetic.energy))
        return found

    def average() -> float:
        return sum(float(w @ e.real) for w, e in energies()) / 2

    known = energies()
    mean, gradient = average(), 0.0
    for (weight, energy), states, off in zip(
        known, each, (0.0, 3.0), strict=True
    ):  # any number of each twist
        scores = gas.wavefunction.scores(states, x)
        gradient = gradient + (((energy - mean - off).conj() * weight)[:, None] * scores).sum(0).real
    for p, column in columns(gas.wavefunction):
        assert slope(average, p, 0, h=1e-4) == pytest.approx(float(gradient[column]), rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("changes", [{"n": 3}, {"n": 3, "n_down": 1}])
def test_a_step_moves_every_layer(changes):
    assert_no_dead_layers(small_gas(twist="average", **changes))


def test_costs_are_counted_from_the_ideal_gas_of_each_twist_and_f_is_not():
    gas = small_gas(n=3, twist="average", walkers_per_state=2)
    drawn = gas.model.sample(8, make_generator(torch.device("cpu"), 0, "training"))
    e = gas.estimate(16)
    p, psi = e.factors
    f_0 = -gas.temperature * gas.model.log_z(drawn)
    torch.testing.assert_close(p.cost, e.free_energy.view(8, 2).mean(1) - f_0)
    torch.testing.assert_close(psi.cost.real, e.free_energy - f_0.repeat_interleave(2))
    assert not e.of_one and "stationarity" not in gas.reporting.diagnostics(e)


def test_shells_of_momentum_hold_all_electrons():
    """n(k) times the orbitals of each shell adds up to n, where the last shell is far beyond k_F."""
    for twist in ("average", {"kind": "monkhorst_pack", "points": 3}):
        gas = small_gas(**FREE | {"n": 3, "twist": twist, "theta": 0.2, "cutoff": 9})
        d = gas.declaration
        numbers = gas.estimate(64).profiles["occupation_by_momentum"]()
        _, density = momentum_shells(d.twists, d.dim, gas.cutoff)
        torch.testing.assert_close(numbers @ density, torch.full((64,), 3.0).double(), rtol=0, atol=1e-9)


def test_the_ground_state_averages_fermi_seas():
    gas = small_gas(
        n=3, theta=0, cutoff=None, twist="average", flow=IDENTITY, occupation={"kind": "fermi_sea"}
    )
    e = gas.estimate(1000)
    exact = hartree_fock(3, 2, 5, 0.0, AVERAGE, gas.cutoff)
    k = Moments.of(e.energies["kinetic"])
    assert agrees(k.mean, k.error + exact.free_energy_error, exact.kinetic, samples=1000)
    assert (
        make_optimizer(declarations.NaturalGradient(), gas).update(e.factors).at_once()["psi/step_norm"] >= 0
    )


def test_ranks_and_phases_draw_different_twists():
    model = small_gas(n=2, twist="average").model
    drawn = [
        model.sample(5, make_generator(torch.device("cpu"), 0, s))[:, 2:] for s in ("training", "evaluation")
    ]
    assert not bool(torch.isin(drawn[0].contiguous(), drawn[1].contiguous()).any())


MANY = {"twist": "average", "cutoff": None, "theta": 0.3}


@pytest.mark.parametrize("changes", [{}, {"n_up": 2, "n_down": 2}, {"twist": "monkhorst_pack"}])
def test_a_run_of_many_twists_is_loaded_sampled_and_evaluated(changes, home):
    result = small("heg2d", **MANY | changes).run()
    assert result.status == "FINISHED" and not result.failures
    assert {"ideal_kinetic", "ideal_kinetic_infinite", "hartree_fock_missed"} <= result.observables.keys()
    trained = vfe_lightning.load(result.run_id)
    state, x = trained.sample(7)
    d = trained.experiment.system
    assert state.shape == (7, d.n + 2) and x.shape == (7, d.n, 2)
    assert bool(trained.log_prob(state).isfinite().all()) and bool(trained.log_psi(state, x).isfinite().all())
    assert trained.evaluate(2).free_energy is not None
    with pytest.raises(Refused, match="many twists"):
        checked(trained, 200, 2)


def test_a_run_of_many_twists_goes_on_bit_for_bit(home):
    def parameters(run_id: str) -> Tensor:
        return torch.cat([p.flatten() for p in vfe_lightning.load(run_id).system.state_dict().values()])

    make = partial(small, "heg2d", **MANY)
    short = make(**{"trainer.max_steps": 2}).run()
    longer = make(**{"trainer.max_steps": 4}).run(resume=short.run_id)
    whole = make(**{"trainer.max_steps": 4}, tags={"whole": "yes"}).run()
    assert longer.run_id == short.run_id != whole.run_id and longer.steps == whole.steps == 4
    assert torch.equal(parameters(longer.run_id), parameters(whole.run_id))
    assert longer.free_energy == whole.free_energy and math.isfinite(whole.free_energy)
