"""The classical limit against closed forms, and against exact energies at strong coupling."""

import math

import numpy as np
import pytest

from vfe_lightning.exact.two_electron_dot import ground_state
from vfe_lightning.exact.wigner_molecule import wigner_molecule


def test_a_pair_and_a_triangle_in_closed_form() -> None:
    """r^3 = Z / 4 and Z / sqrt 3; vibrations 1, 1, sqrt 3 and, of the triangle, sqrt(3 / 2) twice."""
    pair, triangle = wigner_molecule(2), wigner_molecule(3)
    np.testing.assert_allclose(pair.radii(2.0), [0.5 ** (1 / 3)] * 2, rtol=1e-6)
    np.testing.assert_allclose(triangle.radii(8.0), [2 / 3 ** (1 / 6)] * 3, rtol=1e-6)
    assert pair.potential == pytest.approx(3 * 0.25 ** (2 / 3))
    assert pair.zero_point == pytest.approx(0.5 * (2 + math.sqrt(3)))
    assert triangle.potential == pytest.approx(4.5 * 3 ** (-1 / 3))
    assert triangle.zero_point == pytest.approx(0.5 * (2 + math.sqrt(3) + 2 * math.sqrt(1.5)))
    assert wigner_molecule(1).energy(3.0) == pytest.approx(1.0)


def test_six_electrons_form_two_shells() -> None:
    radii = wigner_molecule(6).radii(1.0)
    assert radii[0] < 1e-4 and radii[1:].std() < 1e-4 * radii[1]


def test_exact_energies_approach_it() -> None:
    """Of two electrons at 40 and 400; one more for centrifugal energy falls as Z^(-2/3). Three at Z = 8."""
    errors = [ground_state(z, same_spin=True) - wigner_molecule(2).energy(z) for z in (40.0, 400.0)]
    assert 0 < errors[1] < 0.3 * errors[0] < 0.03
    assert wigner_molecule(3).energy(8.0) == pytest.approx(15.59376, rel=2e-3)
