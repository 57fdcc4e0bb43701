r"""Electrons among protons, Psi_K(x; S) = Phi_K(zeta(x; S); S) |det d zeta / dx|^(1/2).

At each S they are orthonormal for different K, since the flow is a bijection of the electrons alone.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.electrons_among_protons import ElectronFlow
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.wavefunctions.kinetic import LocalKinetic, continuous_of_a_few, in_chunks
from vfe_lightning.wavefunctions.pairing import Pairing
from vfe_lightning.wavefunctions.proton_determinants import ProtonDeterminants
from vfe_lightning.wavefunctions.proton_geminals import ProtonGeminals

ProtonStates = ProtonDeterminants | ProtonGeminals


class ProtonWavefunction(nn.Module):
    """Psi of any batch of base states, which know their protons.

    Args:
        pairing: the amplitudes of base states that are geminals, None of determinants.
    """

    def __init__(self, flow: ElectronFlow, pairing: Pairing | None = None) -> None:
        super().__init__()
        self.flow, self.pairing = flow, pairing

    def log_psi(self, states: ProtonStates, x: Tensor) -> Tensor:
        """ln Psi, complex (batch,), at x (batch, n, 3)."""
        zeta, log_det = self.flow.at(states.protons).pull_back(x)
        return states.log_psi(zeta) + 0.5 * log_det

    @torch.no_grad()
    def sample(self, states: ProtonStates, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """x ~ |Psi|^2, (batch, n, 3), and the residual of each, see `ContinuousFlow.invert`."""
        return self.flow.invert(states.sample(generator), states.protons)

    def kinetic(self, states: ProtonStates, x: Tensor, chunk_size: int = 128) -> LocalKinetic:
        """ln Psi with its derivatives, and -nabla^2 Psi / Psi; chunk_size walkers at a time."""
        return in_chunks(lambda rows: replayed(_kinetic, self.flow, states[rows], x[rows]), x, chunk_size)

    def scores(self, states: ProtonStates, x: Tensor, chunk_size: int = 256) -> Tensor:
        """d ln Psi / d theta, complex (batch, P); chunk_size walkers at a time bound the memory."""
        rows = [slice(start, start + chunk_size) for start in range(0, len(x), chunk_size)]
        return torch.cat([replayed(_scores, self, states[chunk], x[chunk]) for chunk in rows])


def _kinetic(flow: ElectronFlow, states: ProtonStates, x: Tensor) -> LocalKinetic:
    return continuous_of_a_few(flow.at(states.protons), states, x)


def _scores(psi: ProtonWavefunction, states: ProtonStates, x: Tensor) -> Tensor:
    at: list[Tensor] = []

    def pull_back(flow: ElectronFlow, x: Tensor, protons: Tensor) -> tuple[Tensor, Tensor]:
        return flow.at(protons).pull_back(x)

    def cotangents(zeta: Tensor, log_det: Tensor) -> list[tuple[Tensor, Tensor]]:
        at.append(zeta)
        return [(states.gradient(zeta).real, torch.full_like(log_det, 0.5))]

    found = per_walker_gradients(psi.flow, pull_back, [x, states.protons], cotangents)
    if psi.pairing:
        assert isinstance(states, ProtonGeminals)
        slopes = states.of_amplitudes(*at)
        levels = states.levels[states.geometry]
        found += per_walker_gradients(
            psi.pairing, Pairing.forward, [levels], lambda _, ln_z: [(slopes, torch.full_like(ln_z, -0.5))]
        )
    real = torch.cat(found, dim=1)
    return torch.complex(real, torch.zeros_like(real))
