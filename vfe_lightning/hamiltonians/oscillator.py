r"""Single-particle levels of the isotropic oscillator in two dimensions, in circular quanta.

The Fock-Darwin orbital (n_+, n_-) has energy n_+ + n_- + 1, angular momentum m = n_+ - n_- and
n_r = min(n_+, n_-) radial nodes. Energies in hbar omega. V. Fock, Z. Phys. 47, 446 (1928).
"""

import torch
from torch import Tensor


def fock_darwin_quanta(shells: int) -> Tensor:
    """(n_+, n_-) of all orbitals of the lowest shells, integers (orbitals, 2).

    By rising energy; within a shell |m| falls, since electrons of large |m| avoid each other, and +m stands
    before -m. Shell s = 0, 1, ... has s + 1 orbitals.
    """
    quanta = [
        pair
        for s in range(shells)
        for nodes in range(s // 2 + 1)
        for pair in dict.fromkeys([(s - nodes, nodes), (nodes, s - nodes)])
    ]
    return torch.tensor(quanta, dtype=torch.long).view(-1, 2)


def orbital_energies(quanta: Tensor) -> Tensor:
    """n_+ + n_- + 1 in hbar omega: (orbitals, 2) -> (orbitals,), float64."""
    return quanta.sum(dim=1).double() + 1


def lowest_determinant(quanta: Tensor, n_up: int, n_down: int, angular_momentum: int | None) -> Tensor:
    """Sorted occupied orbitals, those of spin down counted from len(quanta) on: (n_up + n_down,).

    Args:
        quanta: of the orbitals by rising energy, (orbitals, 2).
        angular_momentum: total M of the determinant of lowest energy that is taken; None takes the n_up and
            n_down first orbitals.

    Raises:
        ValueError: no determinant of these orbitals has that angular momentum.
    """
    if angular_momentum is None:
        return torch.cat([torch.arange(n_up), len(quanta) + torch.arange(n_down)])
    up, down = _lowest_by_angular_momentum(quanta, n_up), _lowest_by_angular_momentum(quanta, n_down)
    choices = [
        (up[m][0] + down[angular_momentum - m][0], up[m][1], down[angular_momentum - m][1])
        for m in up
        if angular_momentum - m in down
    ]
    if not choices:
        raise ValueError(f"no determinant of {len(quanta)} orbitals has M = {angular_momentum}: add shells")
    _, of_up, of_down = min(choices)
    return torch.tensor([*of_up, *(len(quanta) + k for k in of_down)], dtype=torch.long)


def _lowest_by_angular_momentum(quanta: Tensor, n: int) -> dict[int, tuple[int, tuple[int, ...]]]:
    """M -> (quanta, orbitals) of the lowest set of n orbitals, one orbital after the other."""
    best: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {(0, 0): (0, ())}
    for index, (plus, minus) in enumerate(quanta.tolist()):
        for (count, m), (energy, chosen) in list(best.items()):
            if count < n:
                key, candidate = (count + 1, m + plus - minus), (energy + plus + minus, (*chosen, index))
                best[key] = min(best.get(key, candidate), candidate)
    return {m: found for (count, m), found in best.items() if count == n}
