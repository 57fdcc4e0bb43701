"""Umbrella sampling against the exact free energy of a tilted quartic coordinate."""

import pytest
import torch
from judging import agrees

from vfe_lightning.hamiltonians.planar_wells import DoubleWell
from vfe_lightning.samplers import umbrella


def test_windows_join_to_the_difference_of_two_wells():
    """Noe's double well, 4.777274: chains of one window never cross the barrier by themselves."""
    well = DoubleWell()
    centres, stiffness = torch.linspace(-3.0, 3.0, 25, dtype=torch.float64), 30.0
    replicas = 32
    start = torch.stack([centres.repeat(replicas), torch.zeros(25 * replicas, dtype=torch.float64)], dim=1)
    profile = umbrella.umbrella_sampling(
        well.energy,
        well.gradient,
        lambda x: x[:, 0],
        start,
        centres,
        stiffness,
        beta=1.0,
        warm_up=100,
        samples=40,
        leapfrog_steps=8,
        generator=torch.Generator().manual_seed(0),
    )
    assert profile.log_weights().exp().sum().item() == pytest.approx(1)
    found, error = profile.difference(lambda r: r > 0, 1.0)
    assert error < 0.4
    assert agrees(found, error, 4.777274, samples=replicas)
    mean = (profile.log_weights().exp() * profile.values).sum().item()
    assert mean == pytest.approx(-2.441, abs=0.3)
