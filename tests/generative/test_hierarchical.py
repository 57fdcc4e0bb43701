"""The hierarchical network at L = 4 by enumeration, and the squares that it is made of."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import follows
from spins import all_spins, randomize

from vfe_lightning.generative.hierarchical import Hierarchical
from vfe_lightning.generative.regions import sizes, squares
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import PairwiseSpins

LATTICES = {"square": lattices.SQUARE, "triangular": lattices.TRIANGULAR}
SPINS = all_spins(16)


def made(lattice="square", J=1.0, beta=0.5, depth=2, width=3, seed=0, L=4) -> Hierarchical:
    model = Hierarchical(L, LATTICES[lattice], J, beta, depth, width)
    randomize(model, seed)
    return model


@settings(max_examples=6, deadline=None)
@given(
    lattice=st.sampled_from(list(LATTICES)),
    J=st.sampled_from([1.0, -1.0, 0.3]),
    beta=st.floats(0.01, 5.0),
    depth=st.integers(2, 4),
    width=st.integers(1, 5),
    seed=st.integers(0, 2**20),
)
def test_normalised_and_even_by_enumeration(lattice, J, beta, depth, width, seed):
    with torch.no_grad():
        model = made(lattice, J, beta, depth, width, seed)
        log_p = model.log_prob(SPINS)
        torch.testing.assert_close(model.log_prob(-SPINS[::9]), log_p[::9])
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("J", [1.0, -1.0])
@pytest.mark.parametrize("lattice", LATTICES)
def test_the_innermost_squares_are_in_their_gibbs_state(lattice, J):
    """ln p + beta E is the same for all states of the nine spins inside the bounding lines."""
    beta = 0.7
    hamiltonian = PairwiseSpins(lattices.couplings(lattices.bonds(4, LATTICES[lattice]), J, 16))
    with torch.no_grad():
        cost = made(lattice, J, beta).log_prob(SPINS) + beta * hamiltonian.energy(SPINS)
    lines = (SPINS[:, [0, 1, 2, 3, 4, 8, 12]] > 0).long() @ 2 ** torch.arange(7)
    by_lines = cost[lines.argsort(stable=True)].view(2**7, 2**9)
    torch.testing.assert_close(by_lines, by_lines[:, :1].expand_as(by_lines))


@pytest.mark.parametrize("lattice", LATTICES)
def test_samples_follow_p(lattice):
    count, model = 200_000, made(lattice, -1.0, 0.9)
    s = model.sample(count, torch.Generator().manual_seed(2))
    assert s.dtype == torch.float64 and s.abs().eq(1).all() and s.shape == (count, 16)
    observed = torch.bincount(((s + 1) / 2 @ 2.0 ** torch.arange(16).double()).long(), minlength=2**16)
    with torch.no_grad():
        expected = count * model.log_prob(SPINS).exp()
    assert follows(observed, expected)


@pytest.mark.parametrize("L", [4, 8])
def test_scores_are_the_derivatives_of_every_sample(L):
    """Also of a network that several squares share."""
    model = made("triangular", depth=3, L=L)
    x = model.sample(6, torch.Generator().manual_seed(0))
    rows = [torch.autograd.grad(model.log_prob(s[None]).sum(), list(model.parameters())) for s in x]
    expected = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
    with torch.inference_mode():
        torch.testing.assert_close(model.scores(x), expected, rtol=1e-11, atol=1e-12)
    assert expected.abs().amax(dim=0).min() > 0  # no entry is stored that training could never move


def test_scores_average_to_zero():
    model = made()
    with torch.no_grad():
        p = model.log_prob(SPINS).exp()
    mean = p @ model.scores(SPINS)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-12)


@pytest.mark.parametrize("lattice", LATTICES)
@pytest.mark.parametrize("L", [4, 8, 16, 32])
def test_every_spin_is_drawn_once_after_the_spins_it_is_given(L, lattice):
    model, done = made(lattice, L=L), {0}
    for level in range(len(model.levels) + 1):
        given, drawn = model._sites(level)
        assert set(given.flatten().tolist()) <= done
        new = drawn.flatten().tolist()
        assert len(new) == len(set(new)) and not done & set(new)
        done |= set(new)
    assert done == set(range(L * L))


@pytest.mark.parametrize("lattice", LATTICES)
def test_squares_of_one_size_have_no_bonds_with_each_other(lattice):
    L = 16
    bonds = lattices.couplings(lattices.bonds(L, LATTICES[lattice]), 1.0, L * L)
    for M in sizes(L):
        level = squares(L, M, LATTICES[lattice])
        inside = level.sites([(r, c) for r in range(1, M) for c in range(1, M)], L)
        rim = level.sites(level.rim, L)
        for k in range(inside.shape[1]):
            outer = set(bonds[inside[:, k]].nonzero()[:, 1].tolist()) - set(inside[:, k].tolist())
            assert outer == set(rim[:, k].tolist())


@pytest.mark.parametrize("L", [1, 2, 12])
def test_what_cannot_be_halved_is_refused(L):
    with pytest.raises(ValueError, match=f"L = {L}"):
        sizes(L)
