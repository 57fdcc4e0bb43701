"""The way of a classical system from its model to its Gibbs state."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vfe_lightning.finishing import Crossing
from vfe_lightning.generative.reparameterized import ReparameterizedModel
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.samplers.bridge import Bridge, Function
from vfe_lightning.samplers.bridge_moves import Kernel
from vfe_lightning.samplers.elsewhere import Elsewhere
from vfe_lightning.systems.physics import Physics


def crossing_of(physics: Physics) -> Crossing:
    """Of walkers by any names of equal particles, where a model names them."""
    model, names = physics.model, physics.relabelling

    def draw(count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        if isinstance(model, ReparameterizedModel):
            x, log_q = model.rsample(count, generator)
        else:
            x = model.sample(count, generator)
            log_q = model.log_prob(x)
        return x, log_q - names.log_images_of(x) if names else log_q

    def log_q(x: Tensor) -> Tensor:
        known = model.known if isinstance(model, ReparameterizedModel) else model.log_prob
        return known(names.representative(x)) - names.log_images if names else known(x)

    def near(x: Tensor, step: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        y, log_q = model.nearby(names.representative(x) if names else x, step, generator)
        return y, log_q - names.log_images_of(y) if names else log_q

    bridge = Bridge(
        draw,
        log_q,
        *ends(physics),
        near if isinstance(model, ReparameterizedModel) else None,
    )
    measure = {**physics.observables, **physics.profiles}
    control = None if physics.elsewhere is None else from_elsewhere(physics, physics.elsewhere)
    return Crossing(bridge, physics.kernels(bridge), measure, physics.minima, control)


def from_elsewhere(physics: Physics, start: Elsewhere) -> tuple[Bridge, Sequence[Kernel]]:
    """From coordinates that know nothing of each other: population annealing.

    Hukushima & Iba, AIP Conf. Proc. 690, 200 (2003).
    """
    bridge = Bridge(start.draw, start.log_q, *ends(physics))
    return bridge, physics.kernels(bridge)


def ends(physics: Physics) -> tuple[Function, Function | None]:
    """beta H and its gradient, in closed form or None."""
    hamiltonian = physics.hamiltonian
    forces = isinstance(hamiltonian, ContinuousHamiltonian)
    return (
        lambda x: physics.beta * hamiltonian.energy(x),
        (lambda x: physics.beta * hamiltonian.gradient(x)) if forces else None,
    )
