r"""Exact free energies of phi^4 theory: the free field at any L, and small tori by their transfer matrix.

$$ Z = \mathrm{tr} \, T^L, \quad T(\phi, \phi') = e^{2 \phi \cdot \phi' - (R(\phi) + R(\phi')) / 2} $$

with R the action of one row. A Gaussian rule for the weight of one site makes it a matrix: Golub & Welsch,
Math. Comput. 23, 221 (1969), with its polynomials by the Stieltjes procedure.
"""

import math

import numpy as np
import torch

from vfe_lightning.result import Reference

NODES = {1: 64, 2: 32, 3: 12}  # points of a site by L: errors of ln Z are below 1e-6 at the usual couplings


def free_field(L: int, m2: float) -> Reference:
    """S = sum_k (M^2 + 4 - 2 cos k_x - 2 cos k_y) |phi_k|^2, M^2 > 0."""
    k = 2 * math.pi * torch.arange(L, dtype=torch.float64) / L
    spectrum = m2 + (2 - 2 * torch.cos(k))[:, None] + (2 - 2 * torch.cos(k))
    log_z = 0.5 * (math.pi / spectrum).log().sum().item()
    return Reference(-log_z, L * L / 2, log_z + L * L / 2)


def small_torus(L: int, m2: float, lam: float, nodes: int | None = None) -> Reference:
    """F, E = <S> and the entropy of L x L sites, L <= 3, lam > 0.

    Args:
        nodes: of the quadrature at each site.
    """
    x, log_w = site_rule(4 + m2, lam, nodes or NODES[L])
    rows = np.stack(np.meshgrid(*[x] * L, indexing="ij")).reshape(L, -1)
    log_weight = np.stack(np.meshgrid(*[log_w] * L, indexing="ij")).reshape(L, -1).sum(axis=0)
    along = -2 * (rows * np.roll(rows, 1, axis=0)).sum(axis=0)
    site = ((4 + m2) * rows**2 + lam * rows**4).sum(axis=0)
    between = -2 * rows.T @ rows
    exponent = 0.5 * (log_weight - along)[:, None] + 0.5 * (log_weight - along) - between
    highest = exponent.max()
    T = np.exp(exponent - highest)
    others = np.linalg.matrix_power(T, L - 1)
    z = (others * T.T).sum()
    action = 0.5 * (site + along)[:, None] + 0.5 * (site + along) + between
    energy = L * (others * (T * action).T).sum() / z
    log_z = math.log(z) + L * highest
    return Reference(-log_z, float(energy), log_z + float(energy))


def site_rule(quadratic: float, quartic: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and ln weights of the Gaussian rule of exp(-quadratic x^2 - quartic x^4): (nodes,) each."""
    # beyond the edge the weight is below exp(-60) of its maximum
    depth = max(0.0, -quadratic) ** 2 / (4 * quartic) + 60
    edge = math.sqrt((-quadratic + math.sqrt(quadratic**2 + 4 * quartic * depth)) / (2 * quartic))
    x, w = np.polynomial.legendre.leggauss(600)
    x, w = edge * x, edge * w * np.exp(-quadratic * (edge * x) ** 2 - quartic * (edge * x) ** 4)
    total = w.sum()
    off_diagonal = []
    before, now = np.zeros_like(x), np.full_like(x, total**-0.5)  # orthonormal polynomials of an even weight
    for _ in range(nodes - 1):
        after = x * now - (off_diagonal[-1] if off_diagonal else 0.0) * before
        norm = math.sqrt((w * after**2).sum())
        off_diagonal.append(norm)
        before, now = now, after / norm
    points, vectors = np.linalg.eigh(np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1))
    return points, np.log(total) + 2 * np.log(np.abs(vectors[0]))
