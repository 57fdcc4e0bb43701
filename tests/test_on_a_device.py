"""On a real GPU, beside the CPU: `pytest -m device`; skipped where there is none.

What a pretended device can show is in `test_devices.py`, and runs everywhere.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from contracts import EXPERIMENTS, small
from judging import agrees
from parts import BIJECTORS, SPIN_MODELS
from test_contracts import bijector, spin_model
from test_devices import OTHERS
from test_two_processes import FAST, compare, on_two_ranks
from torch import Tensor

import vfe_lightning
from vfe_lightning import declarations
from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.calculus.chunks import Chunks
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.ideal_gas import log_symmetric_polynomials
from vfe_lightning.systems.dense_hydrogen import DenseHydrogen
from vfe_lightning.systems.electron_gas import ElectronGas
from vfe_lightning.systems.quantum_dot import QuantumDot
from vfe_lightning.trained import Trained
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.free_fermions import free_fermions
from vfe_lightning.wavefunctions.kinetic import continuous_kinetic
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]
GPU = {"trainer.accelerator": "gpu"}
# several devices say the same but for the order of summation, which the condition of a matrix multiplies
CLOSE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}


def close(there: Any, here: Any, **how: Any) -> None:
    """Numbers of the GPU and of the CPU."""
    torch.testing.assert_close(there.cpu(), here, **(CLOSE | how))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs(name, home):
    result = small(name, **GPU).run()
    assert result.status == "FINISHED" and result.failures is None


@pytest.mark.parametrize(("name", "changes"), OTHERS)
def test_other_choices_run(name, changes, home):
    result = small(name, **changes, **GPU).run()
    assert result.status == "FINISHED" and result.failures is None


@pytest.mark.parametrize("name", BIJECTORS)
def test_bijectors_are_those_of_the_cpu(name):
    flow, z, _ = bijector(name)

    def run(z: Tensor) -> list[Tensor]:
        """Values and gradients in z and in the parameters."""
        z = z.requires_grad_()
        x, log_det = flow(z)
        wanted = [z, *(p for p in flow.parameters() if p.requires_grad)]
        total = x.square().sum() + log_det.sum()
        return [x.detach(), log_det.detach(), *torch.autograd.grad(total, wanted)]

    here = run(z.clone())
    flow.cuda()
    for found, expected in zip(run(z.cuda()), here, strict=True):
        close(found, expected)


@pytest.mark.parametrize("name", SPIN_MODELS)
def test_models_of_spins_are_those_of_the_cpu(name):
    model = spin_model(name)
    s = model.sample(50, torch.Generator().manual_seed(0))
    with torch.no_grad():
        log_prob, scores = model.log_prob(s), model.scores(s)
        there = model.cuda()
        close(there.log_prob(s.cuda()), log_prob)
        close(there.scores(s.cuda()), scores)
        drawn = there.sample(50, torch.Generator("cuda").manual_seed(0))
    assert set(drawn.unique().tolist()) <= {-1.0, 1.0}


def densities(trained: Trained, drawn: Any) -> dict[str, Tensor]:
    device = trained.system.device
    if not isinstance(drawn, tuple):
        return {"log_prob": trained.log_prob(drawn.to(device))}
    state, x = (part.to(device) for part in drawn)
    log_psi = trained.log_psi(state, x)  # whose phase is one of many that differ by 2 pi
    found = {"log_prob": trained.log_prob(state), "ln |psi|": log_psi.real}
    found["phase"] = torch.polar(torch.ones_like(log_psi.real), log_psi.imag)
    if hasattr(trained.system, "local_kinetic"):
        local = trained.system.local_kinetic(trained.system.states(state), x)
        found |= {"kinetic": local.energy, "potential": trained.system.hamiltonian.energy(x)}
        with torch.no_grad():
            found["scores"] = trained.system.wavefunction.scores(trained.system.states(state), x)
    elif not hasattr(trained.system, "wavefunction") and hasattr(trained.system, "hamiltonian"):
        found["energy"] = trained.system.hamiltonian.energy(x)
    return found


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_of_either_is_loaded_on_either(name, home):
    """The same densities, local energies and scores at the same samples, on the GPU and on the CPU."""
    run_id = small(name).run().run_id
    here, there = vfe_lightning.load(run_id), vfe_lightning.load(run_id, device="cuda")
    try:
        drawn = here.sample(50)
    except NotKnown:
        return
    found, expected = densities(there, drawn), densities(here, drawn)
    for number, value in expected.items():
        scale = value.abs().max().clamp(min=1)
        close(found[number] / scale.cuda(), value / scale)
    back = vfe_lightning.load(small(name, **GPU).run().run_id)
    assert back.evaluate(2).free_energy is not None and back.system.device.type == "cpu"
    assert there.sample(3) is not None


@pytest.mark.parametrize("name", ["sk", "tfim", "heg2d_ground_state"])
def test_a_run_goes_on_on_another_device_and_back(name, home):
    """With Adam, with L-BFGS and with natural gradients, each of which has a state of its own."""
    run_id = small(name, **GPU).run().run_id
    here = small(name, **{"trainer.max_steps": 3, "trainer.accelerator": "cpu"}).run(resume=run_id)
    assert here.steps == 3 and here.run_id == run_id
    there = small(name, **{"trainer.max_steps": 4}, **GPU).run(resume=run_id)
    assert there.steps == 4 and there.status == "FINISHED"


@pytest.mark.parametrize(("n", "n_down", "dim"), [(5, 0, 2), (7, 0, 3), (5, 2, 2), (7, 3, 3)])
def test_a_step_of_the_gas_is_that_of_the_cpu(n, n_down, dim):
    """At the same K and z: positions, energies and the direction of the step."""

    def found(device: str) -> dict[str, Tensor]:
        torch.manual_seed(0)
        flow = {"init_scale": 0.1}
        gas = declarations.ElectronGas(n=n, n_down=n_down, dim=dim, rs=5, theta=0.2, twist=0.25, flow=flow)
        system = ElectronGas(gas).to(device)
        g = torch.Generator().manual_seed(1)
        on_host = ElectronGas(gas)
        occupied = on_host.model.sample(40, g)
        z = on_host.states(occupied).sample(g).to(device)
        occupied = occupied.to(device)
        states, flow = system.states(occupied), system.wavefunction.flow
        for _ in range(3):  # made ready, recorded, replayed
            x = invert(flow, z).x
            scores = replayed(system.model.scores, occupied)
            log_prob = replayed(system.model.log_prob, occupied)
            potential = replayed(system.hamiltonian.energy, x)
            kinetic = system.local_kinetic(states, x).energy
            psi = system.scores_of_psi(states, x)
        return {"x": x, "p": scores, "ln p": log_prob, "V": potential, "T": kinetic, "psi": psi}

    here = found("cpu")
    for name, value in found("cuda").items():
        scale = here[name].abs().max()
        close(value / scale, here[name] / scale)


@pytest.mark.parametrize(("n_up", "n_down"), [(3, 0), (2, 2)])
def test_a_step_of_the_dot_is_that_of_the_cpu(n_up, n_down):
    """At the same K and z: positions, energies and scores."""

    def found(device: str) -> dict[str, Tensor]:
        torch.manual_seed(0)
        dot = QuantumDot(declarations.QuantumDot(n_up=n_up, n_down=n_down, beta=2.0, z=1.0, shells=3))
        with torch.no_grad():
            g = torch.Generator().manual_seed(2)
            for p in dot.parameters():
                p.add_(0.1 * torch.randn(p.shape, generator=g, dtype=p.dtype))
        g.manual_seed(1)
        sample = dot.model.sample(40, g)
        z = dot.states(sample).sample(g).to(device)
        dot.to(device)
        states, wavefunction = dot.states(sample.to(device)), dot.wavefunction
        for _ in range(3):  # made ready, recorded, replayed
            x, residual = wavefunction.flow.invert(z)
            kinetic = continuous_kinetic(wavefunction.flow, states, x).energy
            psi = wavefunction.scores(states, x)
        return {"x": x, "residual": residual, "T": kinetic, "psi": psi}

    here = found("cpu")
    for name, value in found("cuda").items():
        scale = here[name].abs().max().clamp(min=1)
        close(value / scale.to(value.device), here[name] / scale)


def atoms(device: str, pairing: float = 0.0) -> DenseHydrogen:
    """Four of them, whose flows do something."""
    declaration = declarations.DenseHydrogen(
        n=4,
        rs=2.0,
        kelvin=10_000.0,
        orbitals={"pairing": pairing},
        flow={"steps": 3, "three_body": 2},
        protons={"layers": 3, "messages": 2},
    )
    torch.manual_seed(0)
    system = DenseHydrogen(declaration)
    with torch.no_grad():
        g = torch.Generator().manual_seed(2)
        for p in system.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=g, dtype=p.dtype))
    return system.to(device)


@pytest.mark.parametrize("pairing", [0.0, 1.0])
def test_a_step_of_atoms_is_that_of_the_cpu(pairing):
    """At the same S and z: positions, energies and scores."""

    def found(device: str) -> dict[str, Tensor]:
        system, g = atoms(device, pairing), torch.Generator().manual_seed(1)
        start, on_host = torch.rand(10, 4, 3, generator=g, dtype=torch.float64), atoms("cpu", pairing)
        s = on_host.model.carried(start)[0].detach()
        each = torch.arange(10).repeat_interleave(4)
        z = on_host.states(s)[each].sample(g).to(device)
        start, wavefunction = start.to(device), system.wavefunction
        states = system.states(s.to(device))[each.to(device)]
        for _ in range(3):  # made ready, recorded, replayed
            x, residual = wavefunction.flow.invert(z, states.protons)
            kinetic = wavefunction.kinetic(states, x).energy
            psi = wavefunction.scores(states, x)
            potential = replayed(system.hamiltonian.interactions, x, states.protons)
            carried, p = replayed(system.model.carried, start), replayed(system.model.scores, start)
            mean_field = system.electrons(s.to(device)).mean_field
        names = {"x": x, "residual": residual, "T": kinetic, "psi": psi, "S": carried[0], "ln p": carried[1]}
        return names | {"p": p, "mean field": mean_field, "attraction": potential.attraction}

    here = found("cpu")
    for name, value in found("cuda").items():
        scale = here[name].abs().max().clamp(min=1)
        close(value / scale.to(value.device), here[name] / scale)


def local_kinetic(states: Any, walkers: int, g: torch.Generator) -> Tensor:
    """-Laplacian Phi / 2 Phi of four electrons that are drawn at one geometry, (walkers,)."""
    drawn = states[torch.zeros(walkers, dtype=torch.long, device="cuda")]
    jet = drawn.jet(drawn.sample(g))
    one = torch.eye(12, dtype=torch.float64, device="cuda").expand(walkers, -1, -1)
    return -0.5 * (jet.hessian_contraction(one) + jet.gradient.square().sum((1, 2))).real


def test_electrons_among_protons_of_fixed_shape_have_the_kinetic_energy_of_their_orbitals():
    """And at protons that have moved since the draw was recorded."""
    system, walkers = atoms("cuda"), 20_000
    g = torch.Generator("cuda").manual_seed(0)
    for protons in torch.rand(4, 1, 4, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64):
        states = system.states(protons.cuda())
        local = local_kinetic(states, walkers, g)
        kinetic = states.atoms.gaussians.matrices(states.geometries)[1]
        exact = sum(((kinetic @ c) * c).sum().item() for c in (states.up, states.down))
        assert agrees(local.mean().item(), local.std().item() / walkers**0.5, exact, samples=walkers)


def test_pairs_among_protons_of_fixed_shape_have_the_kinetic_energy_of_their_levels():
    """The density matrix is diagonal in them: T = 2 sum_k n_k T_kk with n_k = d ln Z / d ln lambda_k^2."""
    system, walkers = atoms("cuda", pairing=1.0), 20_000
    pairing = system.wavefunction.pairing
    with torch.no_grad():
        pairing.weight.copy_(torch.tensor([1.0, 0.9, -1.4, -0.8]))
    g = torch.Generator("cuda").manual_seed(0)
    for protons in torch.rand(4, 1, 4, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64):
        states = system.states(protons.cuda())
        local = local_kinetic(states, walkers, g)
        with torch.enable_grad():
            log_weights = states.amplitudes.square().log().requires_grad_()
            log_norm = log_symmetric_polynomials(log_weights, 2)[0, 2, 0]
            (numbers,) = torch.autograd.grad(log_norm, log_weights)
        c, kinetic = states.orbitals, states.atoms.gaussians.matrices(states.geometries)[1]
        exact = 2 * (numbers * ((kinetic @ c) * c).sum(1)).sum().item()
        assert agrees(local.mean().item(), local.std().item() / walkers**0.5, exact, samples=walkers)


def test_trapped_fermions_of_fixed_shape_have_the_density_of_the_state():
    """The lowest three orbitals: <sum r^2> = 1 + 2 + 2, and they repel."""
    sampler = TrappedFermions(FockDarwin(2)).cuda()
    occupied = torch.arange(3, device="cuda").expand(20000, -1).contiguous()
    g = torch.Generator("cuda").manual_seed(0)
    for _ in range(3):
        z = sampler.sample(occupied, g)
    square = z.square().sum((1, 2))
    assert agrees(square.mean().item(), square.std().item() / 20000**0.5, 5.0, samples=20000)
    shift = z.sum(1).square().sum(1)  # of the centre of mass, in its ground state: <(sum r)^2> = n
    assert agrees(shift.mean().item(), shift.std().item() / 20000**0.5, 3.0, samples=20000)


def test_free_fermions_of_fixed_shape_have_the_density_of_the_state():
    """Two fermions with momenta 0 and k: |Phi|^2 = [1 - cos k (z_1 - z_2)] / V^2, so <cos> = -1/2."""
    k = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]], dtype=torch.float64, device="cuda").expand(20000, -1, -1)
    g = torch.Generator("cuda").manual_seed(0)
    for _ in range(3):
        z = free_fermions(k, 2 * torch.pi, g)
    waves = torch.cos(z[:, 0, 0] - z[:, 1, 0])
    assert agrees(waves.mean().item(), waves.std().item() / 20000**0.5, -0.5, samples=20000)


def test_replayed_numbers_are_those_of_plain_calls():
    torch.manual_seed(0)
    gas = declarations.ElectronGas(n=4, dim=2, rs=5, theta=0.3, twist=0.25, cutoff=9)
    model = ElectronGas(gas).cuda().model

    def drawn(call: Any) -> list[Tensor]:
        g = torch.Generator("cuda").manual_seed(3)
        return [call(model.sample, 100, g) for _ in range(5)] + [call(model.sample, 50, g)]

    plain = drawn(lambda function, *arguments: function(*arguments))
    assert all(torch.equal(a, b) for a, b in zip(plain, drawn(replayed), strict=True))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, dtype=p.dtype).to(p))
    again = drawn(replayed)
    assert all(torch.equal(a, b) for a, b in zip(again, drawn(lambda f, *a: f(*a)), strict=True))
    assert not torch.equal(again[0], plain[0])


def test_memory_that_runs_out_halves_the_chunks():
    chunks = Chunks(8 * 26**3, 2**22)

    def held(size: int) -> Tensor:
        return torch.empty(size, 26**3, dtype=torch.float64, device="cuda")  # half a terabyte at first

    with pytest.warns(UserWarning, match="no memory for 4194304 walkers at once"):
        assert len(chunks.run(held, torch.device("cuda"))) == chunks.size


def test_two_processes_on_one_gpu_reach_the_parameters_of_one(tmp_path: Path):
    ranks = on_two_ranks(tmp_path, FAST, "cuda")
    for case in FAST:
        compare(case, ranks, "cuda")
