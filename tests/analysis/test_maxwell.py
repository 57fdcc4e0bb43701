"""Maxwell's relation of gases whose free energy is known."""

import numpy as np
import pytest

from vfe_lightning.analysis.finite_size import Box
from vfe_lightning.analysis.maxwell import derivatives, figure, table
from vfe_lightning.hamiltonians.periodic_box import fermi_energy
from vfe_lightning.result import Result

RS, THETA = (0.5, 1.0, 3.0), (0.2, 0.3, 0.5)


def made(rs, theta, entropy, mu, dim=2, n_up=7, n_down=0) -> Result:
    d = {"n_up": n_up, "n_down": n_down, "dim": dim, "rs": rs, "theta": theta, "twist": 0.0}
    number = {"value": mu, "error": 2e-3, "units": "Ry", "per": "electron"}
    return Result(
        "FINISHED", None, "gas", d, 1.0, size=7, entropy=entropy, entropy_error=1e-3,
        observables={"chemical_potential": number},
    )  # fmt: skip


@pytest.mark.parametrize("dim", [2, 3])
def test_polynomials_are_exact(dim):
    """s = (a + b x) theta + c x in the plane or in space, and mu by integration of the relation."""
    runs, exact = [], []
    for rs in RS:
        for theta in THETA:
            x = np.log(rs)
            s = (1.2 - 0.3 * x) * theta - 0.1 * x
            side = s - (-0.3 * theta - 0.1 + 2 * theta * (1.2 - 0.3 * x)) / dim
            # the integral of the same over theta
            m = (1.2 - 0.3 * x) * theta**2 / 2 * (1 - 2 / dim) + 0.15 * theta**2 / dim
            m += (0.1 / dim - 0.1 * x) * theta
            mu = (0.7 - 0.2 * x - m) * fermi_energy(dim) / rs**2
            runs.append(made(rs, theta, s, mu, dim))
            exact.append(side)
    rows = table(runs[::-1])
    assert rows[["rs", "theta"]].apply(tuple, axis=1).is_monotonic_increasing
    np.testing.assert_allclose(rows["dS/dn"], exact, atol=1e-10)
    np.testing.assert_allclose(rows["-dmu/dT"], exact, atol=1e-10)


def test_errors_are_those_of_the_data():
    """Of a parabola through three points, at the middle of an even grid: (y_3 - y_1) / 2 h."""
    theta = np.array([0.2, 0.3, 0.4])
    by_x, by_theta = derivatives(np.zeros(3), theta)
    np.testing.assert_allclose(by_theta[1], [-5, 0, 5], atol=1e-10)
    np.testing.assert_allclose(by_x, 0, atol=1e-12)
    rows = table([made(1.0, t, 0.5, -1.0) for t in theta])
    assert rows["-dmu/dT_error"].iloc[1] == pytest.approx(2e-3 / fermi_energy(2) * 50**0.5)


@pytest.mark.parametrize(("dim", "spins"), [(2, (7, 0)), (3, (3, 3))])
def test_the_ideal_gas_obeys_it_in_any_box(dim, spins):
    runs = []
    for theta in (0.295, 0.3, 0.305):
        f, s = Box(*spins, dim, theta, ((0.0,) * dim,)).ideal
        temperature = theta * fermi_energy(dim, spins[0] / sum(spins))
        mu = f + 2 / dim * (f + temperature * s)  # P Omega = 2 E / d
        runs += [made(rs, theta, s, mu / rs**2, dim, *spins) for rs in (1.0, 2.0)]
    rows = table(runs)
    middle = rows.loc[rows["theta"] == 0.3, :]
    np.testing.assert_allclose(middle["dS/dn"], middle["ideal"], rtol=0.01)
    np.testing.assert_allclose(middle["-dmu/dT"], middle["ideal"], rtol=0.01)


@pytest.mark.usefixtures("painted")
def test_a_panel_for_each_density():
    drawn = figure(table([made(rs, theta, theta, -theta) for rs in RS for theta in THETA]))
    assert [axes.get_title() for axes in drawn.axes] == ["$r_s$ = 0.5", "$r_s$ = 1", "$r_s$ = 3"]
    assert all(len(axes.containers) == 2 for axes in drawn.axes)
