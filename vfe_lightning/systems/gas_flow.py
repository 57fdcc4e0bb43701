"""The flow that an electron gas declares, with the cusp of opposite spins where there are both."""

from vfe_lightning import declarations
from vfe_lightning.bijectors.cusped_flow import CuspedFlow
from vfe_lightning.bijectors.flow import Flow
from vfe_lightning.bijectors.periodic_cusp import PeriodicCusp
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.bijectors.two_stream_spins import Spins


def flow_of(d: declarations.ElectronGas, length: float) -> Flow:
    """Coordinates of the electrons in a cube of a side."""
    if not d.n_down:
        return TwoStreamFlow(d.flow, d.dim, length)
    cusp = PeriodicCusp(d.n_up, d.n_down, d.dim, length, d.rs / (d.dim - 1))
    # what the network sees of opposite spins varies no faster than the cusp
    spins = Spins(d.n_up, d.n_down, cusp.reach)
    return CuspedFlow(TwoStreamFlow(d.flow, d.dim, length, spins=spins), cusp)
