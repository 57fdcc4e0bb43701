"""Circuits: gates, adjoint derivatives, memory, and the metric, against matrices and finite differences."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import errors
from spins import randomize

from vfe_lightning.circuits import statevector
from vfe_lightning.circuits.adjoint import energies
from vfe_lightning.circuits.ansatz import HardwareCircuit
from vfe_lightning.circuits.exponential import GeneralCircuit, OrthogonalCircuit
from vfe_lightning.circuits.statevector import basis_states, evolved
from vfe_lightning.circuits.thermal_metric import metric_rows
from vfe_lightning.hamiltonians.lattices import SQUARE_LINKS, cell_bonds
from vfe_lightning.hamiltonians.pauli import PauliSum, heisenberg, transverse_ising

BONDS = cell_bonds(1, 3, SQUARE_LINKS)
CIRCUITS = {"general": GeneralCircuit, "hardware": HardwareCircuit, "blocks": OrthogonalCircuit}
MODELS = {
    "ising": PauliSum(3, transverse_ising(BONDS, 3, 1.0, 0.7)),
    "heisenberg": PauliSum(3, heisenberg(BONDS, 3, 1.0, 0.6, 0.3)),
}


def made(kind: str, bonds=BONDS, depth: int = 2, seed: int = 0):
    circuit = CIRCUITS[kind](bonds, depth, 0.0)
    randomize(circuit, seed)
    return circuit


def whole(circuit, qubits: int) -> torch.Tensor:
    identity = torch.eye(2**qubits, dtype=torch.complex128)
    return evolved(identity, circuit.unitaries().to(identity), circuit.places)


@pytest.mark.parametrize("kind", CIRCUITS)
def test_circuits_are_unitary_and_start_at_the_identity_of_no_angles(kind):
    u = whole(made(kind), 3)
    torch.testing.assert_close(u.mH @ u, torch.eye(8).to(u), rtol=0, atol=1e-13)
    still = whole(CIRCUITS[kind](BONDS, 2, 0.0), 3)  # CZ twice on each bond is the identity
    torch.testing.assert_close(still, torch.eye(8).to(u), rtol=0, atol=1e-14)


@given(st.permutations(range(4)), st.integers(1, 4), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_a_gate_acts_on_the_qubits_it_names(order, k, seed):
    """Against the Kronecker product with the qubits moved to the front."""
    generator = torch.Generator().manual_seed(seed)
    gate = torch.randn(2**k, 2**k, dtype=torch.complex128, generator=generator)
    psi = torch.randn(16, 3, dtype=torch.complex128, generator=generator)
    found = evolved(psi, gate[None], [tuple(order[:k])])
    axes = [*order, 4]
    tensor = psi.view(2, 2, 2, 2, 3).permute(axes).reshape(16, 3)
    moved = (torch.kron(gate, torch.eye(2 ** (4 - k)).to(gate)) @ tensor).view(2, 2, 2, 2, 3)
    back = [axes.index(k) for k in range(5)]
    torch.testing.assert_close(found, moved.permute(back).reshape(16, 3), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", CIRCUITS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("at_once", [statevector.MOST_AMPLITUDES, 16])
def test_adjoint_derivatives_are_those_of_finite_differences(kind, model, at_once, monkeypatch):
    """In one chunk and in several; every parameter, states with different weights."""
    monkeypatch.setattr(statevector, "MOST_AMPLITUDES", at_once)
    circuit, hamiltonian = made(kind), MODELS[model]
    index, weight = torch.tensor([5, 0, 3, 6, 1]), torch.tensor([1.0, -0.5, 2.0, 0.3, 0.7]).double()

    def cost() -> torch.Tensor:
        return energies(circuit.unitaries(), index, circuit.places, hamiltonian) @ weight

    cost().backward()
    angles, step = circuit.angles.data.view(-1), 1e-3
    for k, found in enumerate(circuit.angles.grad.flatten().tolist()):
        values = {}
        for shift in (-2, -1, 1, 2):
            angles[k] += shift * step
            values[shift] = cost().item()
            angles[k] -= shift * step
        slope = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)
        assert found == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("kind", CIRCUITS)
def test_energies_are_those_of_matrices_and_single_precision_is_close(kind):
    circuit, hamiltonian, index = made(kind), MODELS["heisenberg"], torch.arange(8)
    u, h = whole(circuit, 3), hamiltonian.apply_to(torch.eye(8, dtype=torch.complex128))
    exact = (u.mH @ h @ u).diagonal().real
    found = energies(circuit.unitaries(), index, circuit.places, hamiltonian)
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)
    single_type = torch.complex64 if circuit.unitaries().is_complex() else torch.float32
    single = energies(circuit.unitaries().to(single_type), index, circuit.places, hamiltonian)
    torch.testing.assert_close(single.double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", CIRCUITS)
def test_derivatives_of_the_gates_are_those_of_autograd(kind):
    circuit = made(kind)
    direction = torch.randn(len(circuit.places), 4, 4, dtype=torch.complex128)
    (expected,) = torch.autograd.grad((direction.conj() * circuit.unitaries()).real.sum(), circuit.angles)
    found = (direction.conj() * circuit.derivatives()).real.sum(dim=(1, 2, 3))
    torch.testing.assert_close(found, expected.flatten(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", CIRCUITS)
def test_the_metric_is_the_curvature_of_the_relative_entropy(kind):
    """The expectation over x and over unit vectors y in place of random ones is exact."""
    bonds = [(0, 1)]
    circuit = made(kind, bonds, depth=1)
    log_p = torch.tensor([0.1, 0.5, 0.15, 0.25]).double().log()
    u, parameters = whole(circuit, 2).detach(), circuit.angles.numel()

    def log_rho(v: torch.Tensor) -> torch.Tensor:
        return v @ torch.diag(log_p.to(v)) @ v.mH

    def relative_entropy(angles: torch.Tensor) -> torch.Tensor:
        identity = torch.eye(4, dtype=torch.complex128)
        v = evolved(identity, functional(angles).to(identity), circuit.places)
        rho = v @ torch.diag(log_p.exp().to(v)) @ v.mH
        return (rho @ (log_rho(v) - log_rho(u))).diagonal().sum().real

    def functional(angles: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(_Gates(circuit), {"circuit.angles": angles}, ())

    exact = torch.autograd.functional.hessian(relative_entropy, circuit.angles.detach())
    index = log_p.exp().multinomial(40_000, True, generator=torch.Generator().manual_seed(0))
    rows = metric_rows(circuit, index, log_p, torch.Generator().manual_seed(1))
    found = rows.mT @ rows / len(rows)
    error = (rows[:, :, None] * rows[:, None]).std(dim=0) / math.sqrt(len(rows) / 2)
    deviation = found - exact.view(parameters, parameters)
    assert (deviation.abs() <= errors(comparisons=error.numel()) * error + 1e-9).all()
    assert error.max() < 0.1 * found.diagonal().max()


class _Gates(torch.nn.Module):
    def __init__(self, circuit) -> None:
        super().__init__()
        self.circuit = circuit

    def forward(self) -> torch.Tensor:
        return self.circuit.unitaries()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_the_depth():
    """4 x 4 sites, 16 states, 120 gates: autograd would keep 2 GB of amplitudes.

    Not getrusage, whose peak a process takes over from the one that started it.
    """
    code = (
        "import torch; torch.set_num_threads(1)\n"
        "from vfe_lightning.circuits.adjoint import energies\n"
        "from vfe_lightning.circuits.exponential import GeneralCircuit\n"
        "from vfe_lightning.hamiltonians.lattices import SQUARE_LINKS, cell_bonds\n"
        "from vfe_lightning.hamiltonians.pauli import PauliSum, transverse_ising\n"
        "b = cell_bonds(4, 4, SQUARE_LINKS)\n"
        "h, c = PauliSum(16, transverse_ising(b, 16, 1.0, 1.0)), GeneralCircuit(b, 5, 0.1)\n"
        "energies(c.unitaries(), torch.arange(16), c.places, h).sum().backward()\n"
        "status = open('/proc/self/status').read()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 500, "MiB"


def test_rotations_of_two_qubits_are_general_gates_without_imaginary_parts():
    """The six generators of SO(4) are i / 2 times the Paulis with one Y, which are the imaginary ones."""
    planes, paulis = (
        OrthogonalCircuit([(0, 1)], 1, 0.0).generators,
        GeneralCircuit([(0, 1)], 1, 0.0).generators,
    )
    real = paulis[paulis.imag.flatten(1).abs().amax(dim=1) == 0].real.flatten(1)
    assert len(real) == len(planes) == 6
    both = torch.cat([real, planes.flatten(1)])
    assert torch.linalg.matrix_rank(both) == torch.linalg.matrix_rank(real) == 6


def test_columns_are_computed_in_chunks_of_bounded_size():
    assert [len(c) for c in statevector.chunks(torch.arange(10), 16)] == [4, 4, 2]


def test_gradients_are_those_of_pennylane():
    qml = pytest.importorskip("pennylane")
    bonds = cell_bonds(2, 2, SQUARE_LINKS)
    circuit, index = made("general", bonds), 6
    strings = transverse_ising(bonds, 4, 1.0, 0.8)
    operators = [
        qml.prod(*[getattr(qml, p)(q) for p, q in zip(s.letters, s.sites, strict=True)]) for s in strings
    ]
    hamiltonian = qml.dot([s.coefficient for s in strings], operators)
    words = [a + b for a in "IXYZ" for b in "IXYZ"][1:]

    @qml.qnode(qml.device("default.qubit", wires=4), interface="torch", diff_method="backprop")
    def energy(angles):
        qml.BasisState([index >> (3 - k) & 1 for k in range(4)], wires=range(4))
        for gate, place in zip(angles, circuit.places, strict=True):
            generators = [qml.pauli.string_to_pauli_word(w, {0: 0, 1: 1}) for w in words]
            matrix = sum(
                t * torch.as_tensor(qml.matrix(g, [0, 1])) for t, g in zip(gate, generators, strict=True)
            )
            qml.QubitUnitary(torch.linalg.matrix_exp(-0.5j * matrix), wires=place)
        return qml.expval(hamiltonian)

    other = circuit.angles.detach().clone().requires_grad_()
    expected = energy(other)
    expected.backward()
    found = energies(circuit.unitaries(), torch.tensor([index]), circuit.places,
                     PauliSum(4, strings))  # fmt: skip
    found.sum().backward()
    assert found.item() == pytest.approx(expected.item(), abs=1e-10)
    torch.testing.assert_close(circuit.angles.grad, other.grad, rtol=0, atol=1e-8)


def test_basis_states_are_numbered_with_site_0_first():
    flipped = PauliSum(3, transverse_ising([], 3, 1.0, -1.0)).apply_to(
        basis_states(torch.tensor([4]), 3, torch.complex128)
    )
    assert flipped.real.squeeze().nonzero().flatten().tolist() == [0, 5, 6]
