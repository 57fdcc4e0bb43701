"""The published state of 29 electrons at r_s = 10 (Xie, Zhang, Wang 2023): p(K); F, K, V by exact samples."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from judging import agrees
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.declarations import Determinantal, Metropolis
from vfe_lightning.estimators.correlations import pair_correlation
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.dispersion import Dispersion
from vfe_lightning.generative.occupation import Occupation
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.electron_gas import ElectronGas

FILE = Path(__file__).parents[3] / "shared/reference/golden_heg2d_n29_rs10.npz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no reference data at {FILE}")


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with np.load(FILE) as data:
        return {name: torch.from_numpy(np.asarray(data[name])) for name in data.files}


@pytest.fixture(scope="module")
def occupation(golden) -> Occupation:
    """The published transformer: its own logits alone, so that the ideal gas enters with zero weight."""
    network = CausalTransformer(2, 81, layers=2, width=16, heads=4, hidden=32)

    def linear(name: str) -> dict[str, Tensor]:
        return {"weight": golden[f"van/transformer/{name}/w"].T, "bias": golden[f"van/transformer/{name}/b"]}

    state = {"start": golden["van/transformer/x1hat"].double()}
    layers = {"embed": linear("embedding_mlp"), "readout": linear("output_mlp")}
    for i in range(2):
        parts = [linear(f"layer{i}_attn/{part}") for part in ("query", "key", "value")]
        layers[f"attend.{i}"] = {
            name: torch.cat([part[name] for part in parts]) for name in ("weight", "bias")
        }
        layers[f"project.{i}"] = linear(f"layer{i}_attn/linear")
        layers[f"widen.{i}"] = linear(f"layer{i}_mlp/linear")
        layers[f"narrow.{i}"] = linear(f"layer{i}_mlp/linear_1")
    state |= {f"{layer}.{name}": value for layer, pair in layers.items() for name, value in pair.items()}
    network.load_state_dict(state)
    flat = Dispersion(torch.zeros(81, dtype=torch.float64), 29, torch.arange(81), trainable=False)
    flat.ideal = torch.where(flat.ideal.isfinite(), 0.0, flat.ideal)
    return Occupation(flat, golden["meta/orbitals_twisted"], network)


@pytest.fixture(scope="module")
def system(golden, occupation) -> ElectronGas:
    system = ElectronGas(
        declarations.ElectronGas(n=29, dim=2, rs=10, theta=0.15, twist=0.25, cutoff=25, chunk_size=4)
    )
    layers = {"one.0": "~/linear", "one.1": "~/linear_1", "pair.0": "~/linear_2", "out": "linear"}
    state = {}
    for mine, theirs in layers.items():
        state[f"{mine}.weight"] = golden[f"flow/fermi_net/{theirs}/w"]
        state[f"{mine}.bias"] = golden[f"flow/fermi_net/{theirs}/b"]
    state["one.0.weight"] = state["one.0.weight"][4:]  # the rows of an empty electron stream and its mean
    system.wavefunction.flow.load_state_dict(state)
    system.model = occupation
    system.momenta = 2 * math.pi / golden["meta/L"] * golden["meta/orbitals_twisted"]
    system.generator = torch.Generator().manual_seed(1)
    return system


def test_log_prob_of_the_published_transformer(golden, occupation):
    with torch.no_grad():
        log_prob = occupation.log_prob(golden["state_indices"])
    torch.testing.assert_close(log_prob, golden["log_prob"], rtol=1e-10, atol=0)


def test_temperature_and_box_are_the_published_ones(golden, system):
    assert 1 / system.temperature == pytest.approx(float(golden["meta/beta"]), rel=1e-14)
    assert system.hamiltonian.length == pytest.approx(float(golden["meta/L"]), rel=1e-14)


def test_local_energies_of_the_published_configurations(golden, system):
    states = system.states(golden["state_indices"])
    kinetic = system.local_kinetic(states, golden["x"]).energy
    assert float((kinetic - golden["kinetic"]).abs().max()) < 1e-10 * float(golden["kinetic"].abs().max())
    potential = system.hamiltonian.energy(golden["x"])
    torch.testing.assert_close(potential, golden["potential_with_madelung"], rtol=1e-10, atol=0)


@pytest.mark.slow
def test_free_energy_of_the_published_parameters_from_exact_samples(system):
    """Totals in Ry; independent walkers, so that both errors bound the deviation."""
    estimates = [system.estimate(256) for _ in range(8)]
    for name, expected, error in (
        ("free_energy", -4.892, 0.002),
        ("kinetic", 0.886, 0.004),
        ("potential", -5.750, 0.003),
    ):
        parts = [e.free_energy if name == "free_energy" else e.energies[name] for e in estimates]
        found = Moments.of(torch.cat(parts) * system.energy_unit)
        print(f"{name} = {found.mean:.5f} +- {found.error:.5f} Ry, reference {expected} +- {error}")
        assert float(found.error) < 0.006
        assert agrees(found.mean, math.hypot(found.error, error), expected)
    assert all(float(e.maxima["inversion_residual"]) < 1e-10 for e in estimates)
    assert all(float(e.minima["sign_det_jacobian_min"]) == 1 for e in estimates)


@pytest.mark.slow
def test_exact_and_metropolis_samples_of_a_strongly_correlated_state_agree(golden, system):
    """The same K for both samplers; K, V and g(r) of independent walkers."""
    walkers, bins = 256, 20
    length = system.hamiltonian.length
    states = system.states(system.model.sample(walkers, system.generator))
    declaration = system.declaration
    found = {}
    for name, sampler in (("exact", Determinantal()), ("metropolis", Metropolis(steps=400, step_size=0.1))):
        system.declaration = declaration.model_copy(update={"sampler": sampler})
        x, diagnostics = system.sample_positions(states)
        if name == "exact":
            assert float(diagnostics["inversion_residual"]) < 1e-10
        else:
            assert 0.3 < float(diagnostics["acceptance"]) < 0.7
            assert 400 > 10 * float(diagnostics["autocorrelation_time"])
            print({name: float(value) for name, value in diagnostics.items()})
        found[name] = [
            Moments.of(pair_correlation(x, length, bins)),
            Moments.of(system.local_kinetic(states, x).energy.real * system.energy_unit),
            Moments.of(system.hamiltonian.energy(x) * system.energy_unit),
        ]
    system.declaration = declaration
    for a, b in zip(found["exact"][1:], found["metropolis"][1:], strict=True):
        print(f"exact {a.mean:.4f} +- {a.error:.4f}, Metropolis {b.mean:.4f} +- {b.error:.4f}")
        assert agrees(a.mean, math.hypot(a.error, b.error), b.mean, samples=walkers)
    g, h = found["exact"][0], found["metropolis"][0]
    error = (g.error.square() + h.error.square()).sqrt().clamp(min=1e-3)
    print("g(r) deviations in sigmas", ((g.mean - h.mean) / error).tolist())
    assert agrees(g.mean, error, h.mean, samples=walkers)


@pytest.mark.slow
def test_every_walker_is_inverted(system):
    states = system.states(system.model.sample(1024, system.generator))
    system.generator.manual_seed(5)
    x, diagnostics = system.sample_positions(states)
    system.generator.manual_seed(5)
    z = states.sample(system.generator)
    with torch.no_grad():
        residual = torch.cat([system.wavefunction.flow(part) for part in x.split(64)]) - z
    print(
        {name: float(value) for name, value in diagnostics.items()},
        float(residual.flatten(1).norm(dim=1).max()),
    )
    assert float(residual.flatten(1).norm(dim=1).max()) < 1e-10
