"""Optimisers of the variational free energy."""

from torch.optim import Optimizer

from vfe_lightning import declarations
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.optimizers.adam import Adam
from vfe_lightning.optimizers.lbfgs import LBFGS
from vfe_lightning.optimizers.natural_gradient import NaturalGradient


def make_optimizer(declaration: declarations.Optimizer, system: VariationalFreeEnergy) -> Optimizer:
    """The optimiser that was declared, on all parameters of the system."""
    match declaration:
        case declarations.NaturalGradient():
            return NaturalGradient(declaration, system.parameters())
        case declarations.Adam():
            return Adam(declaration, system.parameters())
        case declarations.LBFGS():
            return LBFGS(declaration, system.parameters())
