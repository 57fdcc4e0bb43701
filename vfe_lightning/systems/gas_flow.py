"""The flow that an electron gas declares, with the cusp of opposite spins where there are both."""

import math

from vfe_lightning import declarations
from vfe_lightning.bijectors.cusped_flow import CuspedFlow
from vfe_lightning.bijectors.flow import Flow
from vfe_lightning.bijectors.periodic_cusp import REACH, PeriodicCusp
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.bijectors.two_stream_spins import Spins

FINEST = 1.5  # reach of the cusp on mixed determinants, in inverse wave numbers of the highest


def flow_of(d: declarations.ElectronGas, length: float) -> Flow:
    """Coordinates of the electrons in a cube of a side."""
    if not d.n_down:
        return TwoStreamFlow(d.flow, d.dim, length)
    reach = REACH
    if isinstance(d.base_states, declarations.ConfigurationInteraction):
        # mixed plane waves have the hole around an electron but for what is finer than their wavelength
        reach = FINEST * length / (2 * math.pi * math.sqrt(d.base_states.cutoff / 2))
    cusp = PeriodicCusp(d.n_up, d.n_down, d.dim, length, d.rs / (d.dim - 1), reach)
    # what the network sees of opposite spins varies no faster than the cusp
    spins = Spins(d.n_up, d.n_down, cusp.reach)
    return CuspedFlow(TwoStreamFlow(d.flow, d.dim, length, spins=spins), cusp)
