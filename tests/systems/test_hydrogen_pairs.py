"""Pairs of electrons in the system of both: where they are, and what is the same without them."""

import pytest
import torch
from hydrogen import two_atoms
from test_dense_hydrogen import HOT, system
from test_hydrogen_at_rest import system as at_rest

PAIRED = {"exponents": (1.4, 0.42), "pairing": 1.0}


@pytest.mark.parametrize("n", [2, 4])
def test_an_estimate_of_pairs_is_consistent(n: int) -> None:
    """Several walkers of each geometry, whose baseline is the energy of its lowest determinant."""
    atoms = system(0.02, n=n, orbitals=PAIRED)
    e = atoms.estimate(12)
    torch.testing.assert_close(e.energy, e.energies["kinetic"] + e.energies["potential"])
    assert [f.name for f in e.factors] == ["p", "psi"]
    _, psi = e.factors
    assert psi.scores().shape == (12, sum(q.numel() for q in atoms.wavefunction.parameters()))
    gap = (psi.cost.real - e.energy).view(3, 4)
    torch.testing.assert_close(gap, gap[:, :1].expand(3, 4))
    s = atoms.model.sample(3, atoms.generator)
    torch.testing.assert_close(atoms.electrons(s).mean_field, system(n=n).electrons(s).mean_field)


def test_pairs_in_the_lowest_levels_are_determinants() -> None:
    """Energies, scores of the flow and ln Psi at the same S and x."""
    paired, alone = system(0.02, n=4, orbitals=PAIRED), system(0.02, n=4)
    assert paired.wavefunction.pairing is not None
    with torch.no_grad():
        paired.wavefunction.pairing.weight[2:] = 0.0
    s = alone.model.sample(3, alone.generator)
    states, determinants = paired.states(s), alone.states(s)
    x = alone.positions(determinants)
    flow = alone.wavefunction.flow
    paired.wavefunction.flow.load_state_dict(flow.state_dict())
    found, expected = (a.wavefunction.kinetic(b, x) for a, b in ((paired, states), (alone, determinants)))
    torch.testing.assert_close(found.energy, expected.energy)
    torch.testing.assert_close(found.log_psi.real, expected.log_psi.real)
    scores = paired.scores_of_psi(states, x)[:, : sum(p.numel() for p in flow.parameters())]
    torch.testing.assert_close(scores, alone.scores_of_psi(determinants, x))


def test_electrons_in_levels_and_of_unequal_spins_are_in_determinants() -> None:
    assert system(**HOT, orbitals=PAIRED).wavefunction.pairing is None
    protons, length = two_atoms()
    fields = {"protons": protons.tolist(), "length": length, "orbitals": PAIRED}
    assert at_rest(**fields, n_up=2).wavefunction.pairing is None
    assert at_rest(**fields).wavefunction.pairing is not None
