"""Published trained weights (2D, 29 electrons, r_s = 10; Xie, Zhang, Wang) reproduce reference values."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.wavefunctions.flow_wavefunction import FlowWavefunction
from vfe_lightning.wavefunctions.kinetic import exact_kinetic, forward_laplacian_kinetic
from vfe_lightning.wavefunctions.slater import SlaterDeterminants

FILE = Path(__file__).parents[3] / "shared/reference/golden_heg2d_n29_rs10.npz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no reference data at {FILE}")


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with np.load(FILE) as data:
        return {name: torch.from_numpy(np.asarray(data[name])) for name in data.files}


@pytest.fixture(scope="module")
def flow(golden: dict[str, Tensor]) -> TwoStreamFlow:
    dim = int(golden["meta/dim"])
    layers = {"one.0": "~/linear", "one.1": "~/linear_1", "pair.0": "~/linear_2", "out": "linear"}
    state = {}
    for mine, theirs in layers.items():
        state[f"{mine}.weight"] = golden[f"flow/fermi_net/{theirs}/w"]
        state[f"{mine}.bias"] = golden[f"flow/fermi_net/{theirs}/b"]
    # the peer feeds its first layer an empty electron stream and its mean: rows that multiply zeros
    state["one.0.weight"] = state["one.0.weight"][2 * dim :]
    flow = TwoStreamFlow(TwoStream(), dim, float(golden["meta/L"]))
    flow.load_state_dict(state)
    return flow


@pytest.fixture(scope="module")
def states(golden: dict[str, Tensor]) -> SlaterDeterminants:
    length = float(golden["meta/L"])
    k = 2 * math.pi / length * golden["meta/orbitals_twisted"][golden["state_indices"]]
    return SlaterDeterminants(k, length)


def assert_same(found: Tensor, expected: Tensor, tol: float = 1e-10) -> None:
    scale = float(expected.abs().max())
    assert float((found - expected).abs().max()) <= tol * scale


def test_values_gradient_laplacian_and_kinetic_energy(golden, flow, states) -> None:
    result = exact_kinetic(flow, states, golden["x"])
    with torch.no_grad():
        assert_same(flow(golden["x"]), golden["zeta"])
        log_psi, sign = FlowWavefunction(flow).log_psi_and_sign(states, golden["x"])
    assert bool((sign == 1).all())
    assert_same(result.log_psi.real + 0.5 * math.lgamma(30), golden["log_abs_psi"])
    assert_same(result.log_det, golden["log_det_jacobian"])
    turn = torch.remainder(result.log_psi.imag - golden["phase_psi"] + math.pi, 2 * math.pi) - math.pi
    assert float(turn.abs().max()) < 1e-10
    assert_same(result.gradient, golden["grad_log_psi"])
    assert_same(result.laplacian, golden["laplacian_log_psi"])
    assert_same(result.energy, golden["kinetic"])
    torch.testing.assert_close(log_psi, result.log_psi, rtol=1e-12, atol=1e-10)


def test_forward_laplacian_from_the_jacobian_alone(golden, flow, states) -> None:
    result = forward_laplacian_kinetic(flow, states[:2], golden["x"][:2])
    assert_same(result.energy, golden["kinetic"][:2])


def test_inversion_recovers_the_configurations(golden, flow) -> None:
    solution = invert(flow, golden["zeta"])
    torch.testing.assert_close(solution.x, golden["x"], rtol=0, atol=1e-11)
    with torch.no_grad():
        error = (flow(solution.x) - golden["zeta"]).flatten(1).norm(dim=1)
    assert float(error.max()) < 1e-12
    assert solution.iterations <= 8
