"""Maps of the particles' coordinates."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from vfe_lightning.declarations.base import Declaration


class TwoStream(Declaration):
    """Permutation-equivariant, periodic flow with a one-electron and a two-electron stream."""

    kind: Literal["two_stream"] = "two_stream"
    depth: PositiveInt = Field(default=2, description="layers of the one-electron stream")
    width: PositiveInt = Field(default=16, description="features of an electron")
    pair_width: PositiveInt = Field(default=16, description="features of a pair of electrons")
    momentum_dependent: bool = Field(
        default=False,
        description="coordinates for each total momentum of K, whose states are orthogonal anyway",
    )
    centred: bool = Field(
        default=False, description="electrons of a spin keep their mean position, which noise would move"
    )
    init_scale: NonNegativeFloat = Field(default=0.01, description="standard deviation of the first weights")
