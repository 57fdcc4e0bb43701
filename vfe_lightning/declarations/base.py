"""What every declaration is: frozen plain data that refuses unknown fields and values out of range."""

from pydantic import BaseModel, ConfigDict


class Declaration(BaseModel):
    """Plain data that names a physical system, a part of an ansatz, an optimiser or a budget."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
