"""Sums of Pauli strings against Kronecker products, and the lattices they stand on."""

import math
from functools import reduce

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vfe_lightning.hamiltonians.lattices import (
    KAGOME_LINKS,
    SQUARE,
    SQUARE_LINKS,
    TRIANGULAR_LINKS,
    bonds,
    cell_blocks,
    cell_bonds,
)
from vfe_lightning.hamiltonians.pauli import PauliString, PauliSum, heisenberg

PAULI = {
    "I": torch.eye(2, dtype=torch.complex128),
    "X": torch.tensor([[0, 1], [1, 0]], dtype=torch.complex128),
    "Y": torch.tensor([[0, -1j], [1j, 0]], dtype=torch.complex128),
    "Z": torch.tensor([[1, 0], [0, -1]], dtype=torch.complex128),
}


@given(st.lists(st.tuples(st.floats(-2, 2), st.text("IXYZ", min_size=3, max_size=3)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_strings_are_kronecker_products(terms):
    expected = sum(c * reduce(torch.kron, [PAULI[p] for p in letters]) for c, letters in terms)
    strings = []
    for c, letters in terms:
        where = [(p, k) for k, p in enumerate(letters) if p != "I"]
        strings.append(PauliString(c, "".join(p for p, _ in where), tuple(k for _, k in where)))
    operator = PauliSum(3, strings)
    found = operator.apply_to(torch.eye(8, dtype=torch.complex128))
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)
    psi = torch.randn(8, 2, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    direct = (psi.conj() * (expected @ psi)).sum(dim=0).real
    torch.testing.assert_close(operator.expectation(psi), direct, rtol=1e-12, atol=1e-12)


def test_two_spins_of_the_heisenberg_model_are_a_singlet_and_a_triplet():
    h = PauliSum(2, heisenberg([(0, 1)], 2, 1.0, 1.0, 0.0)).apply_to(torch.eye(4, dtype=torch.complex128))
    found = torch.linalg.eigvalsh(h).tolist()
    assert found == pytest.approx([-0.75, 0.25, 0.25, 0.25], abs=1e-14)


@pytest.mark.parametrize(
    ("sites", "string", "words"),
    [
        (2, ("XZ", (0,)), "one of X, Y, Z for each"),
        (2, ("XA", (0, 1)), "one of X, Y, Z"),
        (2, ("XX", (1, 1)), "a site twice"),
        (2, ("X", (2,)), "not one of 0 to 1"),
        (21, ("X", (0,)), "1 to 20 spins"),
    ],
)
def test_what_is_no_operator_is_refused(sites, string, words):
    with pytest.raises(ValueError, match=words):
        PauliSum(sites, [PauliString(1.0, *string)])


@pytest.mark.parametrize("periodic", [True, False])
def test_square_cells_are_the_square_lattice(periodic):
    assert sorted(cell_bonds(4, 4, SQUARE_LINKS, periodic)) == sorted(
        map(tuple, bonds(4, SQUARE, periodic).tolist())
    )


@pytest.mark.parametrize(
    ("size", "periodic", "expected"),
    [
        ((1, 3), False, [(0, 1), (1, 2)]),
        ((1, 3), True, [(0, 1), (1, 2), (2, 0)]),
        ((2, 3), False, [(0, 1, 3, 4), (1, 2, 4, 5)]),
        ((2, 2), True, [(0, 1, 2, 3)]),
        ((2, 3), True, [(0, 1, 3, 4), (1, 2, 4, 5), (2, 0, 5, 3)]),
    ],
)
def test_blocks_of_neighbours(size, periodic, expected):
    assert cell_blocks(*size, periodic) == expected


@pytest.mark.parametrize("periodic", [True, False])
def test_blocks_have_every_bond_of_the_square_lattice(periodic):
    inside = {
        frozenset((a, b)) for block in cell_blocks(3, 4, periodic) for a in block for b in block if a != b
    }
    assert {frozenset(bond) for bond in cell_bonds(3, 4, SQUARE_LINKS, periodic)} <= inside


@pytest.mark.parametrize(("links", "sites", "neighbours"), [(TRIANGULAR_LINKS, 1, 6), (KAGOME_LINKS, 3, 4)])
def test_every_site_of_a_periodic_lattice_has_its_neighbours(links, sites, neighbours):
    pairs = cell_bonds(4, 5, links, periodic=True)
    degree = torch.tensor(pairs).flatten().bincount()
    assert degree.tolist() == [neighbours] * (20 * sites)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    triangles = [frozenset(p) for p in pairs]
    adjacent = torch.zeros(20 * sites, 20 * sites).double()
    for a, b in map(tuple, triangles):
        adjacent[a, b] = adjacent[b, a] = 1
    # each site is a corner of six triangles on the triangular, of two on the kagome lattice
    corners = (adjacent @ adjacent @ adjacent).diagonal() / 2
    assert corners.tolist() == [math.comb(4, 2) if sites == 1 else 2] * (20 * sites)
