"""Minima that configurations run down to, against those that are known."""

import torch
from noise import normal

from vfe_lightning.hamiltonians.clusters import icosahedron
from vfe_lightning.hamiltonians.trapped_particles import LennardJones, TrappedParticles
from vfe_lightning.mean_field.inherent_structures import quenched
from vfe_lightning.systems.lennard_jones import icosahedral

H = TrappedParticles(13, 1.0, LennardJones())
LOWEST = -44.326801  # Hoare & Pal, Adv. Phys. 20, 161 (1971); Wales & Doye, J. Phys. Chem. A 101, 5111 (1997)


def test_a_well_that_is_no_sphere():
    stiffness = torch.tensor([1.0, 30.0, 0.2], dtype=torch.float64)
    x = quenched(lambda x: stiffness * x, normal(0, 20, 3), 400, 0.05, 1.0)
    assert x.abs().max() < 1e-6


def test_a_shaken_icosahedron_comes_to_rest_at_its_energy():
    shaken = icosahedron() + 0.05 * normal(1, 10, 13, 3)
    still = quenched(lambda x: H.gradient(x) - x, shaken, 400, 0.02, 0.3)
    torch.testing.assert_close(
        H.pair_energy(still), torch.full((10,), LOWEST, dtype=torch.float64), rtol=0, atol=1e-6
    )
    assert (H.gradient(still) - still).abs().max() < 1e-3


def test_what_is_icosahedral_and_what_is_not():
    """A corner that lies on the opposite face is the second lowest minimum; a gas and a heap are none."""
    good = icosahedron()
    far = (good @ good[1]).argsort()[:1]
    first, *others = torch.cdist(good[far], good)[0].argsort()[2:]  # beyond itself and the centre
    second = next(k for k in others if (good[first] - good[k]).norm() < 1.01)
    face = good[torch.stack([far[0], first, second])].mean(dim=0)
    moved = good.clone()
    moved[1] = face * (1 + 0.8 / face.norm())
    shaken, gas = good + 0.03 * normal(4, 13, 3), 3 * normal(2, 13, 3)
    assert icosahedral(H, torch.stack([shaken, moved, gas])).tolist() == [1, 0, 0]
    lowest = H.pair_energy(quenched(lambda x: H.gradient(x) - x, moved[None], 800, 0.02, 0.3))
    assert LOWEST + 2.8 < lowest.item() < -41.3
    assert icosahedral(H, 1e-3 * normal(3, 1, 13, 3)).isfinite().all()
