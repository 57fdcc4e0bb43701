"""Time of the circuit of the transverse-field Ising model, one core.

    python -m benchmarks.circuit                   # 3 x 3, depth 5, 100 states; both precisions
    python -m benchmarks.circuit --nx 4 --ny 4 --states 16

Medians of CPU time. Forward is the energies of all states from the angles, backward their derivatives. For
3 x 3 on one core PennyLane 0.45 (default.qubit) needs 0.213 s for both and tensorcircuit-ng 1.10 0.120 s.
"""

import argparse
import resource

import torch

from benchmarks.timing import median_ms
from vfe_lightning.circuits.adjoint import energies
from vfe_lightning.circuits.exponential import GeneralCircuit
from vfe_lightning.hamiltonians.lattices import SQUARE_LINKS, cell_bonds
from vfe_lightning.hamiltonians.pauli import PauliSum, transverse_ising


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in {"nx": 3, "ny": 3, "depth": 5, "states": 100, "steps": 9}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    a = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sites, bonds = a.nx * a.ny, cell_bonds(a.nx, a.ny, SQUARE_LINKS)
    hamiltonian = PauliSum(sites, transverse_ising(bonds, sites, 1.0, 1.0))
    circuit = GeneralCircuit(bonds, a.depth, 0.1)
    index = torch.randperm(2**sites)[: a.states]

    def forward(dtype: torch.dtype) -> torch.Tensor:
        return energies(circuit.unitaries().to(dtype), index, circuit.places, hamiltonian)

    print(f"{a.nx} x {a.ny}, {len(circuit.places)} gates, {len(index)} states")
    for dtype in (torch.complex128, torch.complex64):
        one = median_ms(lambda dtype=dtype: forward(dtype), a.steps)
        both = median_ms(lambda dtype=dtype: forward(dtype).sum().backward(), a.steps)
        print(f"{dtype}: forward {one:.0f} ms, forward and backward {both:.0f} ms")
    print(f"largest memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
