import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vfe_lightning.exact.ideal_gas import conditional_logits, ideal_gas, log_symmetric_polynomials
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves

_energies = st.lists(st.floats(-3, 3), min_size=1, max_size=7)
_betas = st.floats(0.05, 5)


def _subsets(energies: list[float], n: int) -> tuple[torch.Tensor, list[tuple[int, ...]]]:
    sets = list(itertools.combinations(range(len(energies)), n))
    e = torch.tensor(energies, dtype=torch.float64)
    return torch.stack([e[list(s)].sum() for s in sets]), sets


def _electron_gas(n: int, dim: int, theta: float, twist: tuple[float, ...], cutoff: float):
    k = 2 * math.pi / box_length(n, dim) * plane_waves(dim, cutoff, twist)
    return ideal_gas((k**2).sum(1), n, 1 / (theta * fermi_energy(dim)))


@given(_energies, _betas, st.data())
@settings(deadline=None)
def test_thermodynamics_by_enumeration(energies, beta, data):
    n = data.draw(st.integers(1, len(energies)))
    e, sets = _subsets(energies, n)
    p = torch.softmax(-beta * e, 0)
    mean = (p * e).sum()
    occupied = torch.tensor(
        [[float(k in s) for k in range(len(energies))] for s in sets], dtype=torch.float64
    )
    gas = ideal_gas(torch.tensor(energies, dtype=torch.float64), n, beta)
    assert gas.free_energy == pytest.approx(float(-torch.logsumexp(-beta * e, 0)) / beta, abs=1e-11)
    assert gas.energy == pytest.approx(float(mean), abs=1e-12)
    assert gas.entropy == pytest.approx(float(torch.special.entr(p).sum()), abs=1e-12)
    variance = float((p * (e - mean) ** 2).sum())
    assert gas.heat_capacity == pytest.approx(beta**2 * variance, rel=1e-10, abs=1e-12)
    torch.testing.assert_close(gas.occupations, p @ occupied, rtol=0, atol=1e-13)


@given(_energies, st.data())
@settings(deadline=None, max_examples=30)
def test_polynomials_by_enumeration(w, data):
    n = data.draw(st.integers(0, len(w) + 2))
    table = log_symmetric_polynomials(torch.tensor(w, dtype=torch.float64), n)
    assert table.shape == (n + 1, len(w) + 1)
    for m, j in itertools.product(range(n + 1), range(len(w) + 1)):
        expected = sum(math.exp(sum(s)) for s in itertools.combinations(w[j:], m))
        if expected == 0:
            assert table[m, j] == -math.inf
        else:
            assert float(table[m, j]) == pytest.approx(math.log(expected), abs=1e-12)


@given(_energies, st.data())
@settings(deadline=None, max_examples=30)
def test_conditionals_multiply_to_boltzmann(w, data):
    n = data.draw(st.integers(1, len(w)))
    w = torch.tensor(w, dtype=torch.float64)
    logits = conditional_logits(w, n)
    log_z = log_symmetric_polynomials(w, n)[n, 0]
    for chosen in itertools.combinations(range(len(w)), n):
        log_p, previous = 0.0, -1
        for i, k in enumerate(chosen):
            log_p += float(logits[i, k] - torch.logsumexp(logits[i, previous + 1 :], 0))
            previous = k
        assert log_p == pytest.approx(float(w[list(chosen)].sum() - log_z), abs=1e-12)


@pytest.mark.parametrize(("orbitals", "n"), [(1, 1), (5, 5), (6, 3), (9, 2)])
def test_gradients_are_finite_and_right(orbitals, n):
    generator = torch.Generator().manual_seed(orbitals)
    w = torch.randn(orbitals, generator=generator, dtype=torch.float64, requires_grad=True)

    def log_p(w):  # every finite entry of the logits, normalised over what is allowed
        log_probs = conditional_logits(w, n).log_softmax(1)
        return torch.where(log_probs.isfinite(), log_probs, 0.0)

    def polynomials(w):
        table = log_symmetric_polynomials(w, n)
        return torch.where(table.isfinite(), table, 0.0)

    assert torch.autograd.gradcheck(log_p, w)
    assert torch.autograd.gradcheck(polynomials, w)


def test_gradients_survive_extreme_cold():
    w = (-40.0 * torch.arange(60, dtype=torch.float64) ** 2).requires_grad_()
    (occupations,) = torch.autograd.grad(log_symmetric_polynomials(w, 7)[7, 0], w)
    torch.testing.assert_close(occupations, (torch.arange(60) < 7).double(), rtol=0, atol=1e-15)
    (gradient,) = torch.autograd.grad(conditional_logits(w, 7).log_softmax(1)[:, 6].nan_to_num().sum(), w)
    assert gradient.isfinite().all()


def test_derivatives_agree_with_autograd_and_finite_differences():
    energies = (plane_waves(2, 9, (0.25, 0.25)) ** 2).sum(1)
    gas = ideal_gas(energies, 5, 0.8)
    w = (-0.8 * energies).requires_grad_()
    (occupations,) = torch.autograd.grad(log_symmetric_polynomials(w, 5)[5, 0], w)
    torch.testing.assert_close(gas.occupations, occupations, rtol=0, atol=1e-13)
    h = 1e-4
    up, down = ideal_gas(energies, 5, 0.8 + h), ideal_gas(energies, 5, 0.8 - h)
    assert gas.heat_capacity == pytest.approx(-(0.8**2) * (up.energy - down.energy) / (2 * h), rel=1e-7)


@pytest.mark.parametrize(
    ("n", "cutoff", "free_energy", "entropy"),
    [
        (29, 25, 54.70120463, 12.09967822),
        (13, 25, 24.81105176, 4.52201079),
        (49, 36, 91.90217378, 21.66427787),
        (57, 49, 106.76299902, 25.54395755),
    ],
)
def test_published_values_with_cutoff(n, cutoff, free_energy, entropy):
    gas = _electron_gas(n, 2, 0.15, (0.25, 0.25), cutoff)
    assert gas.free_energy == pytest.approx(free_energy, abs=1e-8)
    assert gas.entropy == pytest.approx(entropy, abs=1e-8)


@pytest.mark.parametrize(
    ("n", "dim", "theta", "twist", "cutoff", "expected"),
    [
        (33, 3, 0.0625, (0.0, 0.0, 0.0), 30, (3.4718648283, 3.5458058674, 0.2023472350)),
        (37, 2, 0.15, (0.0, 0.0), 100, (1.8792605609, 2.1331835055, 0.4232049077)),
        (29, 2, 0.15, (0.25, 0.25), 100, (1.8862455937, 2.1366171580, 0.4172859405)),
        (13, 2, 0.15, (0.25, 0.25), 100, (1.9085424434, 2.1172506337, 0.3478469839)),
    ],
)
def test_values_without_cutoff(n, dim, theta, twist, cutoff, expected):
    gas = _electron_gas(n, dim, theta, twist, cutoff)
    found = (gas.free_energy / n, gas.energy / n, gas.entropy / n)
    assert found == pytest.approx(expected, abs=1e-9)
    assert float(gas.occupations.sum()) == pytest.approx(n, abs=1e-11)


def test_small_entropy_keeps_its_digits():
    gas = ideal_gas(torch.tensor([1e4, 1e4 + 1.0], dtype=torch.float64), 1, 30.0)
    x = math.exp(-30.0)
    assert gas.entropy == pytest.approx(math.log1p(x) + 30 * x / (1 + x), rel=1e-12)


@pytest.mark.parametrize(
    ("n", "beta"), [(0, 1.0), (4, 1.0), (2, 0.0), (2, -1.0), (2, math.inf), (2, math.nan)]
)
def test_impossible_gases_are_refused(n, beta):
    with pytest.raises(ValueError, match=r"beta|fermions"):
        ideal_gas(torch.zeros(3, dtype=torch.float64), n, beta)
