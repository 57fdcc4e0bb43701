"""Electrons among protons in a periodic cube, in Bohr and Hartree."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.data import Allowed, fields, read
from vfe_lightning.declarations.electrons_among_protons import ElectronFlow, GaussianOrbitals
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


Positions = Annotated[
    tuple[tuple[float, float, float], ...],
    BeforeValidator(positions),
    Allowed("a file or [[x, y, z], ...]"),
]


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

    Psi is pairs in orbitals of screened atoms, or two determinants, carried by a flow among the protons.
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
        _ = self.levels_of_pairs
        return self

    @property
    def levels_of_pairs(self) -> int:
        """That pairs of electrons are spread over; 0 of determinants."""
        return self.orbitals.levels_of_pairs(self.up, self.down)

    @property
    def up(self) -> int:
        """Electrons of spin up."""
        return self.n_up if self.n_up is not None else (len(self.protons) + 1) // 2

    @property
    def down(self) -> int:
        """Electrons of spin down."""
        return len(self.protons) - self.up


class ElectronGroundState(Declaration):
    """The lowest orbitals of each S, or pairs in a few more: electrons at T = 0."""

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
        _ = self.levels_of_pairs
        most, least = self.n * len(self.orbitals.exponents), self.n // 2
        if isinstance(self.occupation, ElectronLevels) and not least < self.occupation.levels <= most:
            raise ValueError(
                f"occupation.levels = {self.occupation.levels}: allowed are {least + 1} to {most}, more than "
                f"the {least} electrons of a spin and not more than there are orbitals"
            )
        return self

    @property
    def levels_of_pairs(self) -> int:
        """That pairs of electrons are spread over in their ground state; 0 of determinants."""
        half, in_levels = self.n // 2, isinstance(self.occupation, ElectronLevels)
        return 0 if in_levels else self.orbitals.levels_of_pairs(half, half)
