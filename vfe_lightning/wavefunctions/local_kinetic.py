"""The local kinetic energy of a flow wavefunction in the way that is declared."""

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.cusped_flow import CuspedFlow
from vfe_lightning.bijectors.flow import Flow, FlowWithJet
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.cusped_kinetic import cusped_kinetic
from vfe_lightning.wavefunctions.kinetic import (
    LocalKinetic,
    exact_kinetic,
    forward_laplacian_kinetic,
    hutchinson_kinetic,
)


def local_kinetic(
    how: declarations.Kinetic,
    flow: Flow,
    states: BaseStates,
    x: Tensor,
    chunk_size: int,
    generator: torch.Generator | None = None,
) -> LocalKinetic:
    """The local kinetic energy at x (batch, n, dim) in the way that is declared."""
    match how:
        case declarations.Exact():
            if isinstance(flow, CuspedFlow):
                return cusped_kinetic(flow, states, x, chunk_size)
            assert isinstance(flow, FlowWithJet)
            return exact_kinetic(flow, states, x, chunk_size)
        case declarations.ForwardLaplacian():
            return forward_laplacian_kinetic(flow, states, x, chunk_size)
        case declarations.Hutchinson(probes=probes):
            coin = x.new_empty(probes, *x.shape).uniform_(-1, 1, generator=generator).sign()
            return hutchinson_kinetic(flow, states, x, coin, chunk_size)
