r"""Spins 1/2 as a sum of Pauli strings, $H = \sum_k c_k P_k$, acting on state vectors.

Amplitudes are numbered by the spins in the basis of Z, site 0 the highest bit and Z = 1 where a bit is 0;
states are columns, (2^sites, batch). A string flips the sites with X or Y, a mask of bits, and has one phase
for each amplitude, so that all strings of one mask are one product.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

MOST_SITES = 20


@dataclass(frozen=True)
class PauliString:
    """coefficient * P_1(site_1) P_2(site_2) ...; `letters` such as "ZZ", one of X, Y, Z for each site.

    Raises:
        ValueError: letters that are none of X, Y and Z, not one for each site, or a site twice.
    """

    coefficient: float
    letters: str
    sites: tuple[int, ...]

    def __post_init__(self) -> None:
        if set(self.letters) - set("XYZ") or len(self.letters) != len(self.sites):
            raise ValueError(
                f"letters = {self.letters!r} must be one of X, Y, Z for each of the sites {self.sites}"
            )
        if len(set(self.sites)) != len(self.sites):
            raise ValueError(f"sites = {self.sites} has a site twice")


class PauliSum(nn.Module):
    """A Hermitian operator on `sites` spins 1/2.

    Attributes:
        masks: the distinct flips, as integers; 0 is the diagonal.
        phases: what each flip multiplies the amplitude with that it leads to: (masks, 2^sites).

    Raises:
        ValueError: no spins, more than 20, or a string on a site that there is not.
    """

    phases: Tensor

    def __init__(self, sites: int, strings: Iterable[PauliString]) -> None:
        super().__init__()
        if not 1 <= sites <= MOST_SITES:
            raise ValueError(f"sites = {sites}: 1 to {MOST_SITES} spins have state vectors that fit")
        self.sites = sites
        index, phases = torch.arange(2**sites), dict[int, Tensor]()
        for string in strings:
            mask, phase = 0, torch.full((2**sites,), string.coefficient, dtype=torch.complex128)
            for letter, site in zip(string.letters, string.sites, strict=True):
                if not 0 <= site < sites:
                    raise ValueError(f"site {site} of {string} is not one of 0 to {sites - 1}")
                bit = sites - 1 - site
                z = 1 - 2 * (index >> bit & 1)
                mask |= (letter != "Z") << bit
                phase = phase * (1 if letter == "X" else z * (-1j if letter == "Y" else 1))
            phases[mask] = phases.get(mask, 0) + phase
        self.masks = tuple(sorted(phases))
        everything = torch.stack([phases[mask] for mask in self.masks])
        real = not everything.imag.any()
        self.register_buffer("phases", everything.real.clone() if real else everything, persistent=False)

    def apply_to(self, psi: Tensor) -> Tensor:
        """H |psi> of each column: (2^sites, batch) -> (2^sites, batch)."""
        phases = self.phases.to(psi.dtype if self.phases.is_complex() else psi.real.dtype)
        index, result = torch.arange(len(psi), device=psi.device), torch.zeros_like(psi)
        for mask, phase in zip(self.masks, phases, strict=True):
            flipped = psi if mask == 0 else psi.index_select(0, index ^ mask)
            result.addcmul_(flipped, phase[:, None].to(psi.dtype))
        return result

    def expectation(self, psi: Tensor) -> Tensor:
        """<psi|H|psi> of each normalised column: (2^sites, batch) -> (batch,)."""
        return overlap(psi, self.apply_to(psi)).real


def overlap(bra: Tensor, ket: Tensor) -> Tensor:
    """<bra|ket> of each column: (2^sites, batch), (2^sites, batch) -> (batch,)."""
    return (bra.conj() * ket).sum(dim=0)


def numbers(s: Tensor) -> Tensor:
    """Spins +-1 as numbers of basis states, site 0 the highest bit, 0 for s = 1: (batch, n) -> (batch,)."""
    powers = 2 ** torch.arange(s.shape[1] - 1, -1, -1, device=s.device)
    return ((s < 0).long() * powers).sum(dim=1)


def all_spins(sites: int, device: torch.device | None = None) -> Tensor:
    """The spins of all basis states in the order of their numbers: (2^sites, sites), float64."""
    states = torch.arange(2**sites, device=device)
    bits = states[:, None] >> torch.arange(sites - 1, -1, -1, device=device) & 1
    return 1.0 - 2.0 * bits.double()


def transverse_ising(
    bonds: Sequence[tuple[int, int]], sites: int, J: float, gamma: float
) -> list[PauliString]:
    r"""$H = -J \sum_{\langle ij \rangle} Z_i Z_j - \Gamma \sum_i X_i$."""
    return [
        *(PauliString(-J, "ZZ", bond) for bond in bonds),
        *(PauliString(-gamma, "X", (i,)) for i in range(sites) if gamma),
    ]


def heisenberg(
    bonds: Sequence[tuple[int, int]], sites: int, J: float, anisotropy: float, field: float
) -> list[PauliString]:
    r"""$H = J \sum_{\langle ij \rangle} (S^x_i S^x_j + S^y_i S^y_j + \Delta S^z_i S^z_j) - h \sum_i S^z_i$.

    S is half of the Pauli matrices; J > 0 is the antiferromagnet, anisotropy Delta = 1 the Heisenberg model.
    """
    return [
        *(PauliString(J / 4, 2 * letter, bond) for bond in bonds for letter in "XY"),
        *(PauliString(J * anisotropy / 4, "ZZ", bond) for bond in bonds if anisotropy),
        *(PauliString(-field / 2, "Z", (i,)) for i in range(sites) if field),
    ]
