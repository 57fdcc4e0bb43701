r"""Nine sites of a torus as a network of tensors.

Each bond is a kernel $K(\phi, \phi') = \sum_a V_a(\phi) V_a(\phi')$ on nodes, the second half of which are
the negatives of the first, cut off after so many functions: those that its environment E weighs most, the
eigenvectors of $K^{1/2} E K^{1/2}$. A row of sites is a matrix then, and Z the trace of its third power.
"""

import math

import numpy as np


def bond_functions(K: np.ndarray, environment: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The functions that the environment weighs most, (nodes, count), and whether each is odd, (count,)."""
    half = len(K) // 2
    found = []
    for odd, sign in ((False, 1), (True, -1)):
        kernel, weighed = (m[:half, :half] + sign * m[:half, half:] for m in (K, environment))
        values, vectors = np.linalg.eigh(kernel)
        root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
        weights, vectors = np.linalg.eigh(root @ weighed @ root)
        functions = root @ vectors / math.sqrt(2)
        both = np.concatenate([functions, sign * functions]).T
        found += [(weight, odd, f) for weight, f in zip(weights, both, strict=True)]
    best = sorted(found, key=lambda f: f[0], reverse=True)[:count]
    return np.stack([f[2] for f in best], axis=1), np.array([f[1] for f in best])


class Torus:
    """3 x 3 sites with a weight at each node x, (nodes,), whose bonds are sums over `functions`."""

    def __init__(self, x: np.ndarray, weight: np.ndarray, functions: tuple[np.ndarray, np.ndarray]) -> None:
        self.x, self.weight = x, weight
        self.V, self.odd = functions
        self.chi = self.V.shape[1]
        self.pairs = (self.V[:, :, None] * self.V[:, None, :]).reshape(len(self.V), -1)

    def tensor(self, insertion: np.ndarray | float = 1.0) -> np.ndarray:
        """One site, with the functions of its bonds: (left, right, up down)."""
        weighted = self.pairs * (self.weight * insertion)[:, None]
        return (self.pairs.T @ weighted).reshape(self.chi, self.chi, -1)

    def two(self) -> np.ndarray:
        """Two neighbours of a row: (left right, up down up down)."""
        A = self.tensor()
        return np.tensordot(A, A, axes=(1, 0)).transpose(0, 2, 1, 3).reshape(self.chi**2, -1)

    def row(self, insertion: np.ndarray | float = 1.0) -> np.ndarray:
        """The matrix of a row, from the functions of the bonds above it to those below."""
        third = self.tensor(insertion).transpose(1, 0, 2).reshape(self.chi**2, -1)
        joined = (third.T @ self.two()).reshape([self.chi] * 6)
        return joined.transpose(0, 2, 4, 1, 3, 5).reshape(self.chi**3, -1)

    def environment(self) -> np.ndarray:
        """What weighs the two ends of one vertical bond: (nodes, nodes)."""
        n, chi = self.V.shape
        others = (self.pairs @ self.two()).reshape(n, chi, chi, chi, chi).transpose(0, 1, 3, 2, 4)
        open_row = (self.V * self.weight[:, None])[:, :, None, None] * others.reshape(n, 1, chi**2, chi**2)
        open_row = open_row.reshape(n, chi**3, chi**2)
        through = np.einsum("nab,ac->ncb", open_row, self.row(), optimize=True)
        return through.reshape(n, -1) @ open_row.reshape(n, -1).T

    def log_z_and_quartic(self, lam: float) -> tuple[float, float]:
        """ln Z without the minimum of V, and <lam sum phi^4>."""
        row, inserted = self.row(), self.row(lam * self.x**4)
        parity = (self.odd[:, None, None] ^ self.odd[:, None] ^ self.odd).flatten()
        z = quartic = 0.0
        for side in (parity, ~parity):
            block = row[np.ix_(side, side)]
            square = block @ block
            z += (square * block.T).sum()
            quartic += (square * inserted[np.ix_(side, side)].T).sum()
        return math.log(z), 9 * quartic / z
