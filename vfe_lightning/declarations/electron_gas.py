"""The uniform electron gas."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from vfe_lightning.declarations.base_states import BaseStates, ConfigurationInteraction, Determinants
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.declarations.kinetic import Exact, Kinetic
from vfe_lightning.declarations.occupation import FermiSea, Levels, Occupation, Transformer
from vfe_lightning.declarations.sampler import Determinantal, Sampler
from vfe_lightning.declarations.system import System
from vfe_lightning.declarations.twist import Several, Twist, Twists, twists


class ElectronGas(System):
    """Electrons of one spin or of both and a uniform background in a periodic box at T = theta T_F.

    rho = sum_K p(K) |Psi_K><Psi_K| with Psi_K a determinant of plane waves a spin, or a superposition of
    some, in the coordinates of a normalizing flow: Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023).
    """

    builder = "vfe_lightning.systems.electron_gas:ElectronGas"

    withdraws: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "n": ("n_up", "n_down"),
        "n_up": ("n",),
        "n_down": ("n",),
    }

    n: PositiveInt = Field(
        default=0, validate_default=True, description="electrons, of one spin if n_down is not given"
    )
    n_up: PositiveInt = Field(default=0, description="electrons of spin up")
    n_down: NonNegativeInt = Field(default=0, description="electrons of spin down")
    dim: Literal[2, 3] = Field(description="dimension of space")
    rs: PositiveFloat = Field(description="Wigner-Seitz radius, in Bohr radii")
    theta: float = Field(
        ge=0, description="T / T_F of the spin that has more electrons; 0 needs occupation fermi_sea"
    )
    twist: Twist = Field(
        default=0.0,
        description="offset of the momenta in 2 pi / L, or of several one a sample",
    )
    cutoff: PositiveInt | None = Field(
        default=None,
        description="orbitals: all integer |k|^2 <= cutoff, before the twist; as many as theta needs",
    )
    occupation: Occupation = Field(default=Transformer(), description="model of p(K)")
    base_states: BaseStates = Field(default=Determinants(), description="what the flow transforms")
    flow: TwoStream = Field(default=TwoStream(), description="coordinates zeta(x) of the electrons")
    sampler: Sampler = Field(default=Determinantal(), description="how x ~ |Psi_K|^2 is drawn")
    kinetic: Kinetic = Field(default=Exact(), description="how the local kinetic energy is computed")
    precision: Literal["double", "mixed"] = Field(
        default="double",
        description="mixed has single precision in the scores of Psi, for training alone",
    )
    walkers_per_state: PositiveInt = Field(default=1, description="configurations x for each sampled K")
    chunk_size: PositiveInt | None = Field(
        default=None, description="walkers whose derivatives are held at once; as many as fit if not given"
    )
    clip: PositiveFloat = Field(
        default=5.0, description="local energies beyond this many mean deviations are clipped in gradients"
    )

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, data: Any) -> Any:
        """Of n, n_up and n_down two are enough, and n alone is a polarised gas."""
        if not isinstance(data, Mapping):
            return data
        names = ("n", "n_up", "n_down")
        n, up, down = (data.get(name) for name in names)
        if all(isinstance(count, int) for count in (n, up, down) if count is not None):
            if down is None:
                down = 0 if n is None or up is None else n - up
            if up is None:
                up = None if n is None else n - down
            if n is None:
                n = None if up is None else up + down
        told = {name: count for name, count in zip(names, (n, up, down), strict=True) if count is not None}
        return {name: value for name, value in data.items() if name not in names} | told

    @model_serializer(mode="wrap")
    def _without_what_follows(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told = handler(self)
        for name in ("n",) if self.n_down else ("n_up", "n_down"):
            del told[name]
        return told

    @model_validator(mode="after")
    def _consistent(self) -> "ElectronGas":
        if (self.theta == 0) != isinstance(self.occupation, FermiSea):
            raise ValueError(
                "theta must be > 0 for a thermal occupation model; the ground state, theta = 0, needs "
                "occupation fermi_sea (python -m experiments.heg2d_ground_state)"
                if self.theta == 0
                else f"occupation fermi_sea is the ground state, theta = 0, but theta = {self.theta}"
            )
        if self.n != self.n_up + self.n_down:
            raise ValueError(f"n = {self.n} is not n_up + n_down = {self.n_up} + {self.n_down}: leave it out")
        name, most = ("n_up", self.n_up) if self.n_up >= self.n_down else ("n_down", self.n_down)
        name = name if self.n_down else "n"
        if self.cutoff is not None and most > self.orbitals:
            raise ValueError(
                f"{name} = {most} electrons need at least {most} orbitals, but cutoff = {self.cutoff} gives "
                f"{self.orbitals}: raise --cutoff or lower --{name}"
            )
        if self.flow.centred and 1 in (self.n_up, self.n_down):
            raise ValueError(
                "flow.centred = true keeps the only electron of a spin where it is: false is allowed here"
            )
        if isinstance(self.twist, tuple) and len(self.twist) != self.dim:
            raise ValueError(f"twist = {self.twist} has {len(self.twist)} components, in dim = {self.dim}")
        mixed = isinstance(self.base_states, ConfigurationInteraction)
        if isinstance(self.occupation, Levels) != mixed:
            raise ValueError("base_states configuration_interaction and occupation levels go together")
        if mixed and self.n_down > 1:
            raise ValueError(
                "base_states configuration_interaction is for no more than one electron of spin down, not "
                f"{self.n_down}: exchange the spins, or take determinants"
            )
        if mixed and self.n not in (2, 3):
            raise ValueError(
                f"base_states configuration_interaction is for n = 2 or 3 electrons, not {self.n}: "
                "take determinants"
            )
        if mixed and isinstance(self.twists, Several):
            raise ValueError(
                "base_states configuration_interaction mixes determinants of one twist, not of many"
            )
        return self

    @property
    def twists(self) -> Twists:
        """One component for each axis, or what they are drawn from."""
        return twists(self.twist, self.dim)

    @property
    def majority(self) -> float:
        """The share of the electrons that have the more frequent spin, whose Fermi temperature is T_F."""
        return max(self.n_up, self.n_down) / self.n

    @property
    def orbitals(self) -> int:
        """How many plane waves the cutoff admits, where it is given."""
        assert self.cutoff is not None
        reach = range(-math.isqrt(self.cutoff), math.isqrt(self.cutoff) + 1)
        return sum(sum(c * c for c in k) <= self.cutoff for k in itertools.product(reach, repeat=self.dim))
