"""Electrons among protons in a periodic cube, in Bohr and Hartree."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.data import Allowed, fields, read
from vfe_lightning.declarations.plasma import PairLayers
from vfe_lightning.declarations.system import System
from vfe_lightning.declarations.twist import RealTwist


def positions(given: Any) -> tuple[tuple[float, float, float], ...]:
    """One row of x, y, z a proton, or a file of them.

    Raises:
        ValueError: a row has not three numbers, or there are none.
    """
    rows = [fields(row) for row in read(given, "protons")]
    if not rows or any(len(row) != 3 for row in rows):
        raise ValueError("three coordinates of each proton are wanted, in Bohr")
    return tuple((x, y, z) for x, y, z in rows)


def _exponents(given: Any) -> tuple[float, ...]:
    return fields(given) if isinstance(given, str) else given


Positions = Annotated[
    tuple[tuple[float, float, float], ...],
    BeforeValidator(positions),
    Allowed("a file or [[x, y, z], ...]"),
]
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


class ElectronFlow(Declaration):
    """Forces between electrons and from protons, integrated in steps, and the cusps of Psi."""

    width: PositiveInt = Field(default=6, description="hidden units of each radial function")
    messages: NonNegativeInt = Field(
        default=0, description="features of where electrons are among the protons"
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


class Hydrogen(System):
    """What all systems of electrons and protons declare; as many electrons as protons, in a periodic cube."""

    orbitals: GaussianOrbitals = Field(default=GaussianOrbitals(), description="what the flow carries")
    twist: RealTwist = Field(
        default=0.0, description="of the electrons, in 2 pi / side of the cube: periodic or antiperiodic"
    )
    flow: ElectronFlow = Field(default=ElectronFlow(), description="coordinates of the electrons")
    chunk_size: PositiveInt | None = Field(
        default=None, description="walkers whose derivatives are held at once; as many as fit if not given"
    )
    clip: PositiveFloat = Field(
        default=5.0, description="local energies beyond this many mean deviations are clipped in gradients"
    )


class HydrogenAtRest(Hydrogen):
    """The ground state of the electrons among protons that do not move, in Hartree an atom.

    Psi is an up and a down determinant of orbitals of screened atoms, carried by a flow among the protons.
    """

    builder = "vfe_lightning.systems.hydrogen_at_rest:HydrogenAtRest"

    protons: Positions = Field(description="places of the protons, in Bohr")
    length: PositiveFloat = Field(description="side of the cube, in Bohr")
    n_up: PositiveInt | None = Field(default=None, description="electrons of spin up; half of all, if none")

    @model_validator(mode="after")
    def _consistent(self) -> "HydrogenAtRest":
        if self.up > len(self.protons):
            raise ValueError(
                f"n_up = {self.n_up} of {len(self.protons)} electrons: there are as many as protons"
            )
        return self

    @property
    def up(self) -> int:
        """Electrons of spin up."""
        return self.n_up if self.n_up is not None else (len(self.protons) + 1) // 2

    @property
    def down(self) -> int:
        """Electrons of spin down."""
        return len(self.protons) - self.up


class ElectronGroundState(Declaration):
    """The lowest orbitals of each S: electrons at T = 0."""

    kind: Literal["ground_state"] = "ground_state"


class ElectronLevels(Declaration):
    """p(K|S): the ideal gas in the levels of each S, with a scale and shifts by rank that are trained."""

    kind: Literal["levels"] = "levels"
    levels: PositiveInt = Field(default=8, description="of each spin, the lowest ones, that may be occupied")


ElectronOccupation = Annotated[ElectronGroundState | ElectronLevels, Field(discriminator="kind")]


class DenseHydrogen(Hydrogen):
    """Protons at a temperature, and electrons in their ground state or at it, too; in Hartree an atom.

    rho = int p(S) sum_K p(K|S) |S, Psi_SK><S, Psi_SK|. F and S of the protons are those beyond independent
    ones: what their motion adds is reported besides.
    """

    builder = "vfe_lightning.systems.dense_hydrogen:DenseHydrogen"

    n: int = Field(ge=2, multiple_of=2, description="atoms, half of whose electrons have spin up")
    rs: PositiveFloat = Field(description="radius of the sphere of one electron, in Bohr")
    kelvin: PositiveFloat = Field(description="temperature")
    protons: PairLayers = Field(default=PairLayers(), description="p(S) of the protons")
    walkers_per_geometry: PositiveInt = Field(default=4, description="positions of the electrons for each S")
    mean_field_steps: NonNegativeInt = Field(
        default=60,
        description="of training, at first, of p(S) on the energy of orbitals, which has no noise",
    )
    occupation: ElectronOccupation = Field(
        default=ElectronGroundState(), description="which orbitals the electrons are in at each S"
    )
    mass: PositiveFloat = Field(default=1836.0, description="of a nucleus, in electron masses")

    @model_validator(mode="after")
    def _levels_are_there(self) -> "DenseHydrogen":
        most, least = self.n * len(self.orbitals.exponents), self.n // 2
        if isinstance(self.occupation, ElectronLevels) and not least < self.occupation.levels <= most:
            raise ValueError(
                f"occupation.levels = {self.occupation.levels}: allowed are {least + 1} to {most}, more than "
                f"the {least} electrons of a spin and not more than there are orbitals"
            )
        return self
