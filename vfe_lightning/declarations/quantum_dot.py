"""Electrons in a two-dimensional harmonic trap."""

import math
from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_serializer,
    model_validator,
)

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.occupation import IdealGas, Levels, Quasiparticle, Transformer
from vfe_lightning.declarations.system import System
from vfe_lightning.declarations.trap_base_states import (
    OscillatorDeterminants,
    TrapBaseStates,
    TrapConfigurationInteraction,
)
from vfe_lightning.declarations.velocity import ContinuousFlow


class LowestDeterminant(Declaration):
    """The ground state, beta = inf: the lowest determinant of an angular momentum, alone or mixed."""

    kind: Literal["determinant"] = "determinant"
    angular_momentum: int | None = Field(
        default=None, description="total M, in hbar; none takes the lowest orbitals, +m before -m"
    )


TrapOccupation = Annotated[
    LowestDeterminant | IdealGas | Quasiparticle | Levels | Transformer, Field(discriminator="kind")
]


class QuantumDot(System):
    """Electrons of both spins in a 2D harmonic trap, in units of hbar omega and sqrt(hbar / m omega).

    rho = sum_K p(K) |Psi_K><Psi_K| with Psi_K an up and a down determinant of Fock-Darwin orbitals, or a
    superposition of some, carried by a continuous equivariant flow: Xie, Zhang & Wang, arXiv 2105.08644.
    """

    builder = "vfe_lightning.systems.quantum_dot:QuantumDot"

    n_up: PositiveInt = Field(description="electrons of spin up")
    n_down: NonNegativeInt = Field(default=0, description="electrons of spin down")
    z: NonNegativeFloat = Field(
        description="strength of the Coulomb interaction, 1 / sqrt(omega in Hartree): its length over Bohr's"
    )
    beta: PositiveFloat = Field(
        allow_inf_nan=True, description="hbar omega / T; inf needs occupation determinant"
    )
    shells: PositiveInt | None = Field(
        default=None,
        description="oscillator shells whose orbitals may be occupied; as many as beta needs",
    )
    occupation: TrapOccupation = Field(default=Transformer(), description="model of p(K)")
    base_states: TrapBaseStates = Field(default=OscillatorDeterminants(), description="what the flow carries")
    flow: ContinuousFlow = Field(default=ContinuousFlow(), description="coordinates of the electrons")
    walkers_per_state: PositiveInt = Field(default=1, description="configurations x for each sampled K")
    chunk_size: PositiveInt | None = Field(
        default=None, description="walkers whose derivatives are held at once; as many as fit if not given"
    )
    clip: PositiveFloat = Field(
        default=5.0, description="local energies beyond this many mean deviations are clipped in gradients"
    )

    @field_serializer("beta", when_used="json")
    def _readable(self, beta: float) -> float | str:
        return "inf" if math.isinf(beta) else beta  # JSON has no number for it

    @model_validator(mode="after")
    def _consistent(self) -> "QuantumDot":
        if math.isinf(self.beta) != isinstance(self.occupation, LowestDeterminant):
            raise ValueError(
                "beta must be finite for a thermal occupation model; the ground state, beta = inf, needs "
                "occupation determinant (python -m experiments.quantum_dot_ground_state)"
                if math.isinf(self.beta)
                else f"occupation determinant is the ground state, beta = inf, but beta = {self.beta}; "
                "finite beta: python -m experiments.quantum_dot"
            )
        mixed = isinstance(self.base_states, TrapConfigurationInteraction)
        if not math.isinf(self.beta) and isinstance(self.occupation, Levels) != mixed:
            raise ValueError("base_states configuration_interaction and occupation levels go together")
        largest = max(self.n_up, self.n_down)
        if self.shells is not None and largest > self.orbitals:
            raise ValueError(
                f"{largest} electrons of one spin need as many orbitals, but shells = {self.shells} gives "
                f"{self.orbitals}: raise --shells"
            )
        return self

    @property
    def orbitals(self) -> int:
        """How many orbitals of each spin the shells hold, where they are given."""
        assert self.shells is not None
        return self.shells * (self.shells + 1) // 2
