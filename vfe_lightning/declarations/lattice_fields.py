"""Scalar fields on an L x L torus, and flows of them."""

import math
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.continuous import Continuous
from vfe_lightning.declarations.own import OwnFlow, or_own

CRITICAL_BETA = math.log(1 + math.sqrt(2)) / 2  # Onsager


class Checkerboard(Declaration):
    """Couplings of the two sublattices by convolutions from one to the other; any L."""

    kind: Literal["checkerboard"] = "checkerboard"
    layers: PositiveInt = Field(default=8, description="couplings; two move every site once")
    width: PositiveInt = Field(default=8, description="channels")
    reach: PositiveInt = Field(default=2, description="rows and columns that the first convolution sees")
    hidden_reach: PositiveInt = Field(default=1, description="rows and columns that the others see")


class NeuralRG(Declaration):
    """Couplings within blocks of four sites at every scale, a renormalisation group; L = 2^n."""

    kind: Literal["neural_rg"] = "neural_rg"
    couplings: int = Field(default=4, ge=2, description="couplings in a block; two move every site once")
    width: PositiveInt = Field(default=16, description="hidden units of a coupling")
    bins: PositiveInt = Field(default=8, description="of the splines of a coupling; 1 leaves affine ones")
    shared: bool = Field(default=True, description="blocks of a scale and kind share their parameters")


class MongeAmpere(Declaration):
    """A continuous flow down the slope of convolutional potentials; any L."""

    kind: Literal["monge_ampere"] = "monge_ampere"
    potentials: PositiveInt = Field(default=6, description="one after another, a unit of time each")
    steps: PositiveInt = Field(default=1, description="Runge-Kutta steps in each potential")
    width: PositiveInt = Field(default=8, description="kernels of a potential")
    reach: PositiveInt = Field(default=1, description="rows and columns that a kernel sees")


LatticeFlow = Annotated[Checkerboard | NeuralRG | MongeAmpere, Field(discriminator="kind"), *or_own(OwnFlow)]


class LatticeField(Continuous):
    """What all fields on a torus declare."""

    L: int = Field(ge=2, description="rows and columns of the lattice")
    flow: LatticeFlow = Field(default=Checkerboard(), description="model of p(x)")
    symmetrize: bool = Field(
        default=False, description="average a flow of one phase over x -> -x; false: the flow itself is odd"
    )
    fourier: bool = Field(default=True, description="stretch Fourier modes, from the best Gaussian field on")

    @model_validator(mode="after")
    def _blocks_fit(self) -> "LatticeField":
        if isinstance(self.flow, NeuralRG) and self.L & (self.L - 1):
            raise ValueError(f"L = {self.L} is no power of 2: flow neural_rg needs one")
        return self


class PhiFour(LatticeField):
    """phi^4 theory: S = sum_x phi (4 phi - neighbours) + M^2 phi^2 + lambda phi^4, at beta = 1.

    In the convention of Albergo, Kanwar & Shanahan, Phys. Rev. D 100, 034515 (2019).
    """

    builder = "vfe_lightning.systems.lattice_fields:phi_four"

    m2: float = Field(description="M^2, bare; below zero with lam > 0 for the broken and the critical field")
    lam: float = Field(ge=0, description="lambda; 0 is the free field")

    @model_validator(mode="after")
    def _bounded(self) -> "PhiFour":
        if self.lam == 0 and self.m2 <= 0:
            raise ValueError(f"m2 = {self.m2:g} needs lam > 0: the free field has m2 > 0")
        return self


class IsingDual(LatticeField):
    """The continuous dual of the periodic Ising model: E = x K^-1 x / 2 - sum ln cosh x, beta inside of K.

    Li & Wang, PRL 121, 260601 (2018). Free energies are -ln Z of the field; spins are drawn from it.
    """

    builder = "vfe_lightning.systems.lattice_fields:ising_dual"

    L: int = Field(ge=3, description="rows and columns of the lattice")
    beta: PositiveFloat = Field(default=CRITICAL_BETA, description="of the spins; the default is critical")
