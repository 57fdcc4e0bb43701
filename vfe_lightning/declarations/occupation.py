"""Which orbitals are occupied: models of p(K)."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from vfe_lightning.declarations.base import Declaration


class FermiSea(Declaration):
    """The N lowest orbitals and nothing else: the ground state of a closed shell, T = 0."""

    kind: Literal["fermi_sea"] = "fermi_sea"


class IdealGas(Declaration):
    """The exact p(K) of non-interacting particles, without parameters: Hartree-Fock's entropy."""

    kind: Literal["ideal_gas"] = "ideal_gas"


class Quasiparticle(Declaration):
    """An ideal gas with a trainable dispersion, one energy for each star of symmetric orbitals."""

    kind: Literal["quasiparticle"] = "quasiparticle"


class Levels(Declaration):
    """Boltzmann weights of the levels of base states configuration_interaction, with trainable shifts."""

    kind: Literal["levels"] = "levels"


class Transformer(Declaration):
    """The ideal gas times a causal transformer that starts at one: any p(K)."""

    kind: Literal["transformer"] = "transformer"
    layers: PositiveInt = Field(default=2, description="attention layers")
    width: PositiveInt = Field(default=16, description="features of a token")
    heads: PositiveInt = Field(default=4, description="attention heads; they divide the width")
    hidden: PositiveInt = Field(default=32, description="width of the network between two attention layers")
    dispersion: bool = Field(default=True, description="train the dispersion of the ideal gas as well")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Transformer":
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is not a multiple of heads = {self.heads}")
        return self


Occupation = Annotated[
    FermiSea | IdealGas | Quasiparticle | Levels | Transformer, Field(discriminator="kind")
]
