"""What was measured in the states U |x>, each of which is evolved once."""

import torch
from torch import Tensor, nn

from vfe_lightning import reductions
from vfe_lightning.circuits.ansatz import Circuit
from vfe_lightning.circuits.statevector import basis_states, chunks, evolved
from vfe_lightning.hamiltonians.pauli import PauliSum, overlap


class StateTable:
    """Expectation values in the states of a circuit whose parameters are frozen, as they are asked for."""

    def __init__(self, circuit: Circuit, hamiltonian: PauliSum, operators: nn.ModuleDict) -> None:
        self.circuit, self.hamiltonian, self.operators = circuit, hamiltonian, operators
        self.unitaries = circuit.unitaries().detach()
        self.values: dict[str, Tensor] = {}  # NaN where a state was not asked for: (2^sites,)

    @torch.no_grad()
    def of(self, index: Tensor) -> dict[str, Tensor]:
        """energy, state_variance = <H^2> - <H>^2, and the operators, of each state: (batch,) each."""
        states = index.unique()
        new = states[self.values["energy"][states].isnan()] if self.values else states
        for part in chunks(new, self.hamiltonian.sites):
            if len(part):
                self._measure(part)
        return {name: value[index] for name, value in self.values.items()}

    def _measure(self, states: Tensor) -> None:
        psi = basis_states(states, self.hamiltonian.sites, self.unitaries.dtype)
        psi = evolved(psi, self.unitaries, self.circuit.places)
        h_psi = self.hamiltonian.apply_to(psi)
        energy = overlap(psi, h_psi).real
        found = {"energy": energy, "state_variance": (h_psi - energy * psi).abs().square().sum(dim=0)}
        for name, operator in self.operators.items():
            assert isinstance(operator, PauliSum)
            found[name] = operator.expectation(psi)
        for name, value in found.items():
            empty = value.new_full((len(psi),), torch.nan, dtype=torch.float64)
            self.values.setdefault(name, empty)[states] = value.double()

    def levels(self) -> Tensor:
        """Energies of the states that any rank asked for, in ascending order: (states,)."""
        energy = self.values["energy"].nan_to_num(nan=torch.inf)
        lowest = -reductions.maximum(-energy)
        return lowest[lowest.isfinite()].sort().values.cpu()
