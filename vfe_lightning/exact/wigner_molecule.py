r"""The classical limit of a quantum dot: electrons at the minimum of the potential, and their vibrations.

$$ E \to V_{min} + \frac12 \sum_k \omega_k, \qquad V = \frac12 \sum_i r_i^2 + Z \sum_{i<j} \frac1{r_{ij}} $$

for large Z, without the rotation and the exchange of the electrons: V. M. Bedanov, F. M. Peeters, Phys. Rev.
B 49, 2667 (1994). Energies in hbar omega, lengths in sqrt(hbar / m omega). It is no bound.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

_STARTS = 20


class WignerMolecule(NamedTuple):
    """The lowest arrangement at Z = 1; lengths grow as Z^(1/3) and energies as Z^(2/3), vibrations stay."""

    positions: Floats  # (n, 2)
    potential: float
    zero_point: float

    def radii(self, z: float) -> Floats:
        """Distances from the centre, rising: (n,)."""
        return np.sort(np.linalg.norm(self.positions, axis=1)) * z ** (1 / 3)

    def energy(self, z: float) -> float:
        return self.potential * z ** (2 / 3) + self.zero_point


@functools.cache
def wigner_molecule(n: int) -> WignerMolecule:
    """Of n electrons, the best of some random starts."""
    random = np.random.default_rng(0)
    starts = [random.normal(size=2 * n) * n**0.3 for _ in range(_STARTS)]
    found = [minimize(_potential, x, jac=True, method="BFGS", options={"gtol": 1e-9}) for x in starts]
    best = min(found, key=lambda result: float(result.fun))
    omega_squared = np.linalg.eigvalsh(_hessian(best.x.reshape(n, 2)))
    # the rotation of the whole has no frequency
    zero_point = 0.5 * float(np.sqrt(omega_squared.clip(min=0))[1 if n > 1 else 0 :].sum())
    return WignerMolecule(best.x.reshape(n, 2), float(best.fun), zero_point)


def _potential(x: Floats) -> tuple[float, Floats]:
    """V at Z = 1 and its gradient."""
    r = x.reshape(-1, 2)
    d = r[:, None] - r
    inverse = 1 / (np.linalg.norm(d, axis=2) + np.diag(np.full(len(r), np.inf)))
    gradient = r - (d * inverse[..., None] ** 3).sum(1)
    return 0.5 * float(x @ x) + 0.5 * float(inverse.sum()), gradient.ravel()


def _hessian(r: Floats) -> Floats:
    """Of V at Z = 1, (2 n, 2 n)."""
    n = len(r)
    d = r[:, None] - r
    distance = np.linalg.norm(d, axis=2) + np.diag(np.full(n, np.inf))
    outer = 3 * d[..., :, None] * d[..., None, :] / distance[..., None, None] ** 5
    pairs = outer - np.eye(2) / distance[..., None, None] ** 3
    blocks = -pairs
    blocks[np.arange(n), np.arange(n)] = pairs.sum(1) + np.eye(2)
    return blocks.transpose(0, 2, 1, 3).reshape(2 * n, 2 * n)
