"""phi^4 theory on a periodic 8 x 8 lattice: a flow for lattice field theory, with the right free energy.

The lattice of Albergo et al., arXiv 2101.08176, in their convention of the action. Reported per site, in kT.
`susceptibility` is chi_2 = L^2 <M^2>, `ising_energy` <phi_x phi_{x+1}>, `acceptance` that of a Metropolis
chain with the flow as its proposal; what is `reweighted` is exact in the limit of many samples.

    python -m experiments.phi4                                  # three minutes
    python -m experiments.phi4 --L 6 --lam 6.975
    python -m experiments.phi4 --m2 1 --lam 0 --L 16 --optimizer.learning_rate 1e-4     # the free field
    python -m experiments.phi4 --L 3                            # against the transfer matrix
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, Checkerboard, PhiFour, Trainer

phi4 = Experiment(
    name="phi4",
    system=PhiFour(L=8, m2=-4.0, lam=8.0, flow=Checkerboard(layers=8, width=8)),
    optimizer=Adam(learning_rate=5e-3, decay=300, max_norm=20.0),
    trainer=Trainer(max_steps=2000, average=0.2, evaluation_batches=100),
    batch_size=64,
)

if __name__ == "__main__":
    phi4.main()
