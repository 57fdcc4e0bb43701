"""The models of p(K) that an electron gas may declare."""

import math

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.dispersion import Dispersion, stars_of
from vfe_lightning.generative.levels import Levels
from vfe_lightning.generative.occupation import FermiSea, Occupation
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction


def occupation_model(
    d: declarations.ElectronGas, orbitals: Tensor, mixing: ConfigurationInteraction | None
) -> FermiSea | Levels | Occupation:
    """The declared model of p(K) on orbitals in units of 2 pi / L, (orbitals, dim)."""
    if isinstance(d.occupation, declarations.FermiSea):
        return FermiSea(d.n)
    temperature = d.theta * fermi_energy(d.dim)
    if isinstance(d.occupation, declarations.Levels):
        assert mixing
        kinds = torch.nn.functional.one_hot(mixing.kinds).double()
        features = torch.cat([mixing.relative[:, None] / temperature, kinds], dim=1)
        return Levels(mixing.energies / temperature, features)
    energies = (2 * math.pi / box_length(d.n, d.dim)) ** 2 * orbitals.square().sum(dim=1)
    weights = -energies / temperature

    def dispersion(trainable: bool) -> Dispersion:
        return Dispersion(weights, d.n, stars_of(orbitals), trainable)

    match d.occupation:
        case declarations.IdealGas():
            return Occupation(dispersion(False), orbitals, None)
        case declarations.Quasiparticle():
            return Occupation(dispersion(True), orbitals, None)
        case declarations.Transformer(layers=layers, width=width, heads=heads, hidden=hidden) as t:
            network = CausalTransformer(d.dim, len(orbitals), layers, width, heads, hidden)
            return Occupation(dispersion(t.dispersion), orbitals, network)
