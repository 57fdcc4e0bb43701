"""Any potential energy: a flow of a normal density, stretched and shifted as a whole."""

import math

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.affine_coupling import affine_couplings
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.centred_scale import CentredScale
from vfe_lightning.bijectors.coordinate_splines import CoordinateSplines
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian
from vfe_lightning.result import Reference
from vfe_lightning.samplers.elsewhere import normal
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.own_parts import TRIED, own_flow, shaped, told
from vfe_lightning.systems.physics import Physics
from vfe_lightning.systems.trap_flow import particle_flow

BROAD = 2.0  # widths of the density before training, from where populations come that know nothing else


class Declared(Hamiltonian):
    """The energy that a declaration has."""

    def __init__(self, declaration: declarations.Potential) -> None:
        super().__init__()
        self.declaration = declaration

    def energy(self, x: Tensor) -> Tensor:
        return self.declaration.energy(x)


def potential(d: declarations.Potential) -> Continuous:
    """One classical system, as its declaration says.

    Raises:
        ValueError: the shape or the energy is none.
    """
    shape = tuple(d.shape)
    if not shape or any(not isinstance(length, int) or length < 1 for length in shape):
        raise ValueError(f"{type(d).__name__}.shape = {d.shape}: whole numbers such as (n, dim) are wanted")
    check_energy(d, shape)

    def reference(tolerance: float) -> Reference:
        if (found := d.exact()) is None:
            raise NotKnown(f"{type(d).__name__} declares no exact free energy")
        return Reference(float(found), free_energy_error=EPSILON * abs(found))

    physics = Physics(
        size=d.size,
        beta=d.beta,
        units=d.units,
        per=d.per,
        hamiltonian=Declared(d),
        model=NormalizingFlow(flow_of(d, shape), shape),
        observables={},
        elsewhere=normal(shape, BROAD * d.width),
        reference=reference,
    )
    return Continuous(d, physics)


def flow_of(d: declarations.Potential, shape: tuple[int, ...]) -> Bijector:
    """The declared flow, then a stretch and a shift."""
    match d.flow:
        case declarations.Couplings(layers=layers, width=width, bins=bins):
            count = math.prod(shape)
            mixing = [affine_couplings(count, layers, width)] if count > 1 else []
            return Composed([*mixing, CoordinateSplines(count, bins), Affine(shape, d.width)])
        case declarations.EquivariantFlow():
            if len(shape) != 2 or shape[0] < 2:
                raise ValueError(f"flow equivariant is of n > 1 particles, of shape (n, dim), not {shape}")
            flow = particle_flow(d.flow, *shape)
            return Composed([CentredScale(1.0, 1.0), flow, Affine(shape[1:], d.width)])
        case declarations.OwnFlow():
            return Composed([own_flow(d.flow, shape), Affine(shape, d.width)])


def check_energy(d: declarations.Potential, shape: tuple[int, ...]) -> None:
    """Raises ValueError where the energy is none of each sample alone, or has no gradient."""
    z = torch.randn(TRIED, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with told(f"{type(d).__name__}.energy"), torch.enable_grad():
        x = (d.width * z).requires_grad_()
        energy = d.energy(x)
        shaped("energy(x)", energy, (TRIED,))
        if not energy.requires_grad:
            raise ValueError("it does not follow from x by torch: there is no gradient")
        (slope,) = torch.autograd.grad(energy[0], x)
        if slope[1:].any():
            raise ValueError("the energy of a sample depends on the others: sum over all axes but the first")
