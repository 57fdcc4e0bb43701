"""Determinants of pairs among protons: sums of determinants, exact samples, scores of amplitudes."""

import itertools
from dataclasses import replace

import pytest
import torch
from hydrogen import two_molecules
from judging import agrees, follows
from physical_parts import pairs_among_protons
from test_proton_determinants import SAMPLES, boxes_of, shares
from torch import Tensor

from vfe_lightning.exact.ideal_gas import log_symmetric_polynomials
from vfe_lightning.hamiltonians.screened_atoms import ScreenedAtoms
from vfe_lightning.wavefunctions.grid_hat import require_bound
from vfe_lightning.wavefunctions.pairing import Pairing
from vfe_lightning.wavefunctions.proton_determinants import ProtonDeterminants
from vfe_lightning.wavefunctions.proton_geminals import ProtonGeminals, sampled


def of_determinants(states: ProtonGeminals, zeta: Tensor) -> Tensor:
    """Phi by all sets of levels, (batch,)."""
    total = torch.zeros(len(zeta), dtype=torch.complex128)
    for k in itertools.combinations(range(states.amplitudes.shape[1]), states.n_up):
        c = states.orbitals[:, :, list(k)]
        one = ProtonDeterminants(states.atoms, states.geometries, c, c, states.geometry)
        weight = states.amplitudes[:, list(k)].prod(1)[states.geometry]
        total = total + weight * one.log_psi(zeta).exp()
    return total * torch.exp(-0.5 * states.log_norm[states.geometry])


def test_a_geminal_is_the_sum_of_its_pairs_of_determinants() -> None:
    states = pairs_among_protons()
    zeta = states.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(states.log_psi(zeta).exp(), of_determinants(states, zeta), rtol=1e-9, atol=0)


def test_without_empty_levels_it_is_a_determinant() -> None:
    states, lowest_alone = pairs_among_protons(), Pairing(2, 3)
    with torch.no_grad():
        lowest_alone.weight[2:] = 0.0
    orbitals = states.atoms(states.geometries)
    start = ProtonGeminals.of(states.atoms, states.geometries, orbitals, lowest_alone)[states.geometry]
    lowest = start.orbitals[:, :, :2]
    alone = ProtonDeterminants(states.atoms, states.geometries, lowest, lowest, states.geometry)
    zeta = states.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(start.log_psi(zeta).exp(), alone.log_psi(zeta).exp(), rtol=1e-9, atol=0)
    torch.testing.assert_close(start.gradient(zeta), alone.gradient(zeta))


def molecules(pairs: int) -> ProtonGeminals:
    """Pairs in four levels of two molecules, some with either sign; a single walker."""
    protons, length = two_molecules()
    atoms = ScreenedAtoms([2.4, 0.6, 0.2], length, 0.33)
    pairing = Pairing(pairs, 4)
    with torch.no_grad():
        pairing.weight.copy_(torch.tensor([1.0, 0.9, -1.4, -0.8]))
    return ProtonGeminals.of(atoms, protons[None], atoms(protons[None]), pairing)


def between(share: Tensor, k: tuple[int, ...], other: tuple[int, ...]) -> Tensor:
    """<K| sum_i 1_box(r_i) |K'> of determinants of orbitals with such shares (boxes, levels, levels)."""
    if k == other:
        return share[:, list(k), list(k)].sum(1)
    (p,), (q,) = set(k) - set(other) or (), set(other) - set(k)
    sign = (-1) ** (k.index(p) + other.index(q))
    return sign * share[:, p, q]


@pytest.mark.parametrize("pairs", [1, 2])
def test_samples_have_the_density_of_the_state(pairs: int) -> None:
    """Of one electron of each spin together, in boxes, by the matrix elements of all determinants."""
    states = molecules(pairs)
    length = states.atoms.grid.length
    z = states[torch.zeros(SAMPLES, dtype=torch.long)].sample(torch.Generator().manual_seed(pairs))
    sets = list(itertools.combinations(range(4), pairs))
    weights = [states.amplitudes[0, list(k)].prod() * torch.exp(-0.5 * states.log_norm[0]) for k in sets]
    for boxes in (2, 3):
        share = shares(states.atoms, states.geometries, states.orbitals, boxes)
        expected = torch.zeros(boxes**3, boxes**3, dtype=torch.float64)
        for (k, a), (other, b) in itertools.product(zip(sets, weights, strict=True), repeat=2):
            if len(set(k) & set(other)) >= pairs - 1:
                one = between(share, k, other)
                expected += a * b * one[:, None] * one / pairs**2
        assert float(expected.sum()) == pytest.approx(1, abs=1e-4)
        cells = boxes_of(z, length, boxes)
        for i, j in itertools.product(range(pairs), repeat=2):
            counts = (cells[:, i] * boxes**3 + cells[:, pairs + j]).bincount(minlength=boxes**6)
            assert follows(counts, SAMPLES * (expected / expected.sum()).flatten())


@pytest.mark.parametrize("fixed_shape", [False, True])
def test_samples_have_the_kinetic_energy_of_the_levels(fixed_shape: bool) -> None:
    """The density matrix is diagonal in them; as a GPU draws, too, where hardly one is missed."""
    states = molecules(2)
    count = SAMPLES // 3 if fixed_shape else SAMPLES
    drawn = states[torch.zeros(count, dtype=torch.long)]
    z, missed, largest = sampled(drawn, torch.Generator().manual_seed(4), fixed_shape)
    require_bound(largest)
    assert float(missed.double().mean()) < 0.01
    jet = drawn.jet(z)
    one = torch.eye(12, dtype=torch.float64).expand(count, -1, -1)
    local = -0.5 * (jet.hessian_contraction(one) + jet.gradient.square().sum((1, 2))).real[~missed]
    log_weights = states.amplitudes.square().log().requires_grad_()
    log_norm = log_symmetric_polynomials(log_weights, 2)[0, 2, 0]
    (numbers,) = torch.autograd.grad(log_norm, log_weights)
    c, kinetic = states.orbitals, states.atoms.gaussians.matrices(states.geometries)[1]
    exact = 2 * (numbers * ((kinetic @ c) * c).sum(1)).sum()
    assert float(numbers.sum()) == pytest.approx(2) and (numbers > 0.05).all()
    assert agrees(local.mean(), local.std() / len(local) ** 0.5, exact, len(local))


def test_slopes_in_the_amplitudes_are_those_of_autograd_and_vanish_in_the_mean() -> None:
    """E d ln Phi / d lambda = d ln Z / d lambda / 2, where a level may be empty, too."""
    states = molecules(2)
    states = replace(states, amplitudes=states.amplitudes * torch.tensor([1.0, 1.0, 1.0, 0.0]))
    amplitudes = states.amplitudes.clone().requires_grad_()
    drawn = states[torch.zeros(4000, dtype=torch.long)]
    z = drawn.sample(torch.Generator().manual_seed(0))
    slopes = drawn.of_amplitudes(z)
    few = replace(drawn[:3], amplitudes=amplitudes)
    for b in range(3):
        (expected,) = torch.autograd.grad(few.log_psi(z[:3]).real[b], amplitudes, retain_graph=True)
        torch.testing.assert_close(slopes[b], expected[0])
    squares = states.amplitudes[0].square().clone().requires_grad_()
    norm = sum((squares[list(k)].prod() for k in itertools.combinations(range(4), 2)), squares.new_zeros(()))
    (mean,) = torch.autograd.grad(norm.log(), squares)
    expected = mean * states.amplitudes[0]
    assert agrees(slopes.mean(0), slopes.std(0) / len(slopes) ** 0.5, expected, len(slopes))
