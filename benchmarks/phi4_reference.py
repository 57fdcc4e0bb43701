"""Reference values of phi^4 theory by hybrid Monte Carlo, to compare flows with where nothing is exact.

ln Z comes from an integration of <S_1 - S_0> along the path from the free field with M^2 = 1.

    python -m benchmarks.phi4_reference --L 8 --m2 -4 --lam 8          # minutes
"""

import argparse

import torch

from vfe_lightning.bijectors.fourier_scale import FourierScale
from vfe_lightning.estimators import lattice_correlations as correlations
from vfe_lightning.exact.phi4 import free_field
from vfe_lightning.hamiltonians.phi4 import PhiFour
from vfe_lightning.samplers.hmc import hybrid_monte_carlo
from vfe_lightning.samplers.thermodynamic_integration import Integrated, integrate

START = 1.0  # M^2 of the free field


def log_z(
    L: int, m2: float, lam: float, chains: int, trajectories: int, generator: torch.Generator
) -> Integrated:
    """ln Z with its error; the chains end as samples of the theory, (chains, L, L)."""
    k = 2 - 2 * torch.cos(2 * torch.pi * torch.arange(L, dtype=torch.float64) / L)
    z = torch.randn(chains, L, L, generator=generator, dtype=torch.float64)
    x = FourierScale(0.5 / (START + k[:, None] + k))(z)[0].detach()
    start, end = PhiFour(START, 0.0), PhiFour(m2, lam)
    return integrate(
        start.energy,
        start.gradient,
        end.energy,
        end.gradient,
        x,
        -free_field(L, START).free_energy,
        trajectories=trajectories,
        generator=generator,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--L", type=int, default=8)
    parser.add_argument("--m2", type=float, default=-4.0)
    parser.add_argument("--lam", type=float, default=8.0)
    parser.add_argument("--chains", type=int, default=256)
    parser.add_argument("--trajectories", type=int, default=40, help="at each point of the path")
    a = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    found = log_z(a.L, a.m2, a.lam, a.chains, a.trajectories, generator)
    print(f"ln Z = {found.log_z:.4f} +- {found.error:.4f}, quadrature {found.quadrature:.1e}", flush=True)
    action = PhiFour(a.m2, a.lam)
    chains = hybrid_monte_carlo(
        action.energy,
        action.gradient,
        found.x,
        20,
        10 * a.trajectories,
        measure={"mean_square": correlations.mean_square, "susceptibility": correlations.susceptibility},
        generator=generator,
    )
    for name in ("action", "mean_square", "susceptibility"):
        moments = chains.moments(name)
        time = chains.autocorrelation_time(name)
        print(f"{name} {moments.mean.item():.5f} +- {moments.error.item():.5f}, tau {time:.2f} trajectories")


if __name__ == "__main__":
    main()
