"""Landau's functional from energies of occupations: exact models, noise, and temperatures."""

import math

import pytest
import torch
from judging import agrees
from noise import normal

from vfe_lightning.analysis import landau
from vfe_lightning.analysis.quasi_particles import Liquid, Orbitals
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.generative.dispersion import Dispersion
from vfe_lightning.generative.occupation import Occupation
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves

THETA = 0.3


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(dim: int, particles: tuple[int, ...], states: int):
    """Orbitals, and states of the free gas on them."""
    k = 2 * math.pi / box_length(sum(particles), dim) * plane_waves(dim, 9, (0.25,) * dim)
    orbitals = Orbitals(k, fermi_energy(dim) ** 0.5, particles)
    weights = -k.square().sum(1) / (THETA * fermi_energy(dim))
    parts = [
        Occupation(Dispersion(weights, n, orbitals.star, False), k, None).sample(states, seeded(spin))
        for spin, n in enumerate(particles)
    ]
    return orbitals, torch.cat(parts, dim=1)


@pytest.mark.parametrize(("dim", "particles"), [(2, (13,)), (3, (7,)), (2, (5, 5)), (3, (5, 2))])
def test_free_electrons_have_their_own_dispersion_and_no_interaction(dim, particles):
    orbitals, occupied = drawn(dim, particles, 400)
    y = orbitals.k.square().sum(1)[occupied].sum(1)
    liquid = Liquid.fitted(orbitals, occupied, y, seeded(0))
    rows, f = liquid.dispersion(), liquid.functional()
    assert (rows["epsilon"] - rows["free"]).abs().max() < 1e-10
    assert (rows["smooth"] - rows["free"]).abs().max() < 1e-10 and f["f"].abs().max() < 1e-10
    mass, error = liquid.effective_mass()
    assert abs(mass - 1) < 1e-10 and error < 1e-10
    assert liquid.fit.determination == pytest.approx(1, abs=1e-12)


def energies(orbitals: Orbitals, occupied, f: torch.Tensor):
    """Of a dispersion with a heavier mass, and an interaction f of the terms."""
    numbers = orbitals.numbers(occupied)
    dn = numbers - orbitals.mean_of_stars(numbers)
    t = orbitals.k.square().sum(1) / orbitals.k_fermi**2
    bare = 0.6 * t + 0.1 * t**2
    return 3.0 + dn.sum(1) @ bare + landau.pair_features(dn, orbitals.terms) @ f


@pytest.mark.parametrize("particles", [(13,), (7, 7)])
def test_an_interaction_is_found_in_noise(particles):
    orbitals, occupied = drawn(2, particles, 3000)
    f = 0.05 * normal(3, len(orbitals.terms))
    y = energies(orbitals, occupied, f)
    seen, occupied_seen = orbitals.visited(occupied)
    exact = Liquid.fitted(orbitals, occupied, y, seeded(0))
    terms = slice(landau.DEGREE, landau.DEGREE + len(f))
    assert torch.allclose(exact.fit.coefficients[terms], f, rtol=0, atol=1e-7)
    assert exact.effective_mass()[0] == pytest.approx(orbitals.k_fermi**2 / (0.6 + 2 * 0.1))
    noisy = Liquid.fitted(orbitals, occupied, y + y.std() * normal(4, len(y)), seeded(1))
    assert agrees(noisy.fit.coefficients[terms], noisy.fit.errors[terms], f)
    assert agrees(*noisy.effective_mass(), exact.effective_mass()[0])
    assert 0.3 < noisy.fit.determination < 0.6  # half of the variance is noise
    rows, true = noisy.dispersion(), exact.dispersion()
    known = rows["epsilon_error"].notna()
    assert agrees(
        *(
            torch.tensor(x[known].to_numpy())
            for x in (rows["epsilon"], rows["epsilon_error"], true["epsilon"])
        )
    )
    assert len(seen.k) <= len(orbitals.k) and torch.equal(seen.k[occupied_seen], orbitals.k[occupied])


def test_terms_are_pairs_of_occupied_orbitals():
    """Of the sum over pairs of equal spins only different orbitals count, of opposite spins all."""
    orbitals, occupied = drawn(3, (3, 2), 5)
    numbers = orbitals.numbers(occupied)
    for term, column in zip(orbitals.terms, landau.pair_features(numbers, orbitals.terms).T, strict=True):
        for sample, found in zip(occupied, column, strict=True):
            up, down = sample[:3], sample[3:]
            equal = sum(term.matrix[a, b] for s in (up, down) for i, a in enumerate(s) for b in s[i + 1 :])
            opposite = sum(term.matrix[a, b] for a in up for b in down)
            torch.testing.assert_close(found, equal if term.spins == "equal" else opposite)


def test_free_quasi_particles_are_an_ideal_gas_at_every_temperature():
    orbitals, occupied = drawn(2, (13,), 4000)
    y = orbitals.k.square().sum(1)[occupied].sum(1)
    liquid = Liquid.fitted(orbitals, occupied, y, seeded(0))
    for shift, share in enumerate((0.5, 1.0)):
        T = share * THETA * 4
        (row,) = liquid.thermodynamics([T], seeded(shift)).to_dict("records")
        exact = ideal_gas(liquid.orbitals.k.square().sum(1), 13, 1 / T)
        assert row["free_energy"] == pytest.approx(exact.free_energy, abs=1e-8)
        assert row["effective_sample_size"] == pytest.approx(1)
        for name in ("energy", "entropy", "heat_capacity"):
            assert agrees(row[name], row[f"{name}_error"], getattr(exact, name)), name


def test_an_interaction_changes_the_temperatures_as_enumeration_has_it():
    orbitals, occupied = drawn(2, (2,), 3000)
    few = Orbitals(orbitals.k[:12], orbitals.k_fermi, (2,))
    occupied = occupied[(occupied < 12).all(1)]
    f = 0.05 * normal(5, len(few.terms))
    liquid = Liquid.fitted(few, occupied, energies(few, occupied, f), seeded(0))
    every = torch.combinations(torch.arange(len(liquid.orbitals.k)), 2)
    dn = liquid.orbitals.numbers(every) - liquid.background
    E = liquid.fit.intercept + (liquid.orbitals.features(dn) - liquid.fit.mean) @ liquid.fit.coefficients
    T = THETA * 4
    p = (-E / T).softmax(0)
    (row,) = liquid.thermodynamics([T], seeded(1)).to_dict("records")
    for name, exact in {
        "free_energy": -T * (-E / T).logsumexp(0),
        "energy": p @ E,
        "entropy": -(p * p.log()).sum(),
        "heat_capacity": (p @ E**2 - (p @ E) ** 2) / T**2,
    }.items():
        assert agrees(row[name], row[f"{name}_error"] + 1e-9, exact), name
    assert 0.5 < row["effective_sample_size"] < 1 - 1e-6


def test_a_star_may_depart_from_the_smooth_dispersion():
    orbitals, occupied = drawn(2, (13,), 3000)
    odd = orbitals.star == orbitals.star[12]
    shift = 0.4 * odd
    y = (orbitals.k.square().sum(1) + shift)[occupied].sum(1)
    for noise in (0.0, 0.1):
        liquid = Liquid.fitted(orbitals, occupied, y + noise * normal(7, len(y)), seeded(0))
        rows = liquid.dispersion()
        rows = rows[rows["occupation"].between(0.1, 0.9)]
        away = rows["epsilon"] - rows["smooth"]
        assert away.idxmax() == (rows["k/k_F"] - orbitals.k[12].norm().item() / 2).abs().idxmin()
        assert abs(away.max() - away.min() - 0.4) < 0.1


def test_what_occupations_do_not_tell_apart_is_left_to_the_dispersion():
    """Two electrons on a star and its neighbour: one number says all, which is the slope."""
    k = torch.tensor([[0.5, 0.0], [-0.5, 0.0], [1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    orbitals = Orbitals(k, 1.0, (2,))
    occupied = torch.combinations(torch.arange(4), 2).repeat(20, 1)
    liquid = Liquid.fitted(orbitals, occupied, k.square().sum(1)[occupied].sum(1), seeded(0))
    rows, f = liquid.dispersion(), liquid.functional()
    assert rows["epsilon"].diff().iloc[1] == pytest.approx(0.75)
    assert (f["f"].abs() < 1e-10).all() and liquid.fit.determination == pytest.approx(1)


def test_states_that_are_all_alike_have_no_mass():
    orbitals, occupied = drawn(2, (5,), 1)
    liquid = Liquid.fitted(orbitals, occupied.repeat(200, 1), normal(0, 200), seeded(0))
    mass, error = liquid.effective_mass()
    assert math.isnan(mass) and math.isnan(error)
