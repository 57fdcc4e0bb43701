"""What electrons among protons are in: orbitals, and the flow that carries them. Bohr."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.data import Allowed, fields


def _exponents(given: Any) -> tuple[float, ...]:
    return fields(given) if isinstance(given, str) else given


Exponents = Annotated[
    tuple[PositiveFloat, ...],
    Field(min_length=1),
    BeforeValidator(_exponents),
    Allowed("numbers in brackets"),
]


class GaussianOrbitals(Declaration):
    """Orbitals of Gaussians on all protons, by one diagonalisation of screened atoms."""

    exponents: Exponents = Field(
        default=(2.4, 0.6, 0.2), description="of the Gaussians on each proton, in Bohr^-2"
    )
    spacing: float = Field(
        default=0.33, gt=0.05, le=1, description="of the grid of potentials and proposals, in Bohr"
    )
    pairing: float = Field(
        default=0.0,
        ge=0,
        description="levels an atom that singlet pairs are spread over, a geminal: more than .5, and no more "
        "than exponents, or 0 for determinants; electrons in levels or of unequal spins are in these anyway",
    )

    def levels_of_pairs(self, up: int, down: int) -> int:
        """Of so many electrons of each spin; 0 of determinants.

        Raises:
            ValueError: there are not more levels than pairs, or fewer orbitals.
        """
        if up != down or not self.pairing:
            return 0
        levels, most = round(2 * up * self.pairing), 2 * up * len(self.exponents)
        if not up < levels <= most:
            raise ValueError(
                f"orbitals.pairing = {self.pairing:g}: {levels} levels for {up} pairs; allowed are {up + 1} "
                f"to {most} levels, {0.5 + 0.5 / up:g} to {len(self.exponents)} an atom, or 0 (determinants)"
            )
        return levels


class ElectronFlow(Declaration):
    """Forces between electrons and from protons, integrated in steps, and the cusps of Psi."""

    width: PositiveInt = Field(default=6, description="hidden units of each radial function")
    three_body: NonNegativeInt = Field(
        default=0,
        description="functions of each force of three bodies, two of which may be protons; 0 for none",
    )
    steps: PositiveInt = Field(default=2, description="Runge-Kutta steps from t = 0 to 1")
    softness: PositiveFloat = Field(
        default=0.4, description="distances below this are not told apart, in Bohr"
    )
    reach: PositiveFloat = Field(default=3.0, description="of forces, which fall as a Gaussian, in Bohr")
    proton_cusp: float = Field(default=1.4, gt=0, le=3, description="reach of the cusps at protons, in Bohr")
    pair_cusp: float = Field(default=4.0, gt=0, le=8, description="the same where opposite spins meet")
    tolerance: PositiveFloat = Field(
        default=0.1, description="largest residual of forth and back, in Bohr; beyond it stops"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_old_runs(cls, data: Any) -> Any:
        """Without messages, which a run might have before there were forces of three bodies."""
        if not isinstance(data, Mapping) or "messages" not in data:
            return data
        if data["messages"]:
            raise ValueError(
                f"messages = {data['messages']}: electrons have none since there are forces of three bodies "
                "(three_body); allowed is 0"
            )
        return {name: value for name, value in data.items() if name != "messages"}
