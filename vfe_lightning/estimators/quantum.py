r"""Free energy of quantum systems, rho = sum_K p(K) |Psi_K><Psi_K|.

$$ F = E_{K \sim p} [ T \ln p(K) + E_{x \sim |\Psi_K|^2} \, H \Psi_K / \Psi_K ] $$

Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023), eqs. (6) to (10). The gradient in Psi is

$$ 2 \, \mathrm{Re} \, E [ (H \Psi_K / \Psi_K - b_K)^* \, \nabla \ln \Psi_K ] $$

for any real b_K, since E_x Re(grad ln Psi_K) = 0 for each K. Here b_K = -T ln p(K) up to a constant, which
takes the thermal spread of the energies, T^2 C_V, out of its noise; the paper has the mean energy.
"""

from collections.abc import Callable

from torch import Tensor, nn

from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.statistics import group_means


def by_variational_monte_carlo(
    local_energy: Tensor,
    log_prob: Tensor,
    temperature: float,
    *,
    p: tuple[nn.Module, Callable[[], Tensor]],
    psi: tuple[nn.Module, Callable[[], Tensor]],
    clip_width: float,
    unit_of_p: float = 1.0,
    baseline: Tensor | None = None,
) -> Estimate:
    """Estimate of F from K ~ p and x ~ |Psi_K|^2, with one factor for p and one for Psi.

    Args:
        local_energy: H Psi / Psi, complex (batch,); the x of one K stand next to each other.
        log_prob: ln p(K) of each sampled K, (batch / x per K,).
        p: the module of p and a function that computes its scores, (batch / x per K, parameters).
        psi: the same of Psi, complex (batch, parameters).
        clip_width: in mean absolute deviations, for the costs in the gradients only.
        unit_of_p: energy in which the cost of p is measured. In that of T a natural step of p has no
            dimension: it takes a share of ln p + beta E off ln p, as fast at any temperature.
        baseline: of each sampled K, taken off the costs: the same for all K that one density has, of those
            that K is drawn of, so that no gradient changes but its noise; (batch / x per K,).
    """
    per_state = len(local_energy) // len(log_prob)
    log_p = log_prob.detach().repeat_interleave(per_state)
    energy = local_energy.real
    free_energy = energy + temperature * log_p
    cost = local_energy + temperature * log_p
    if baseline is not None:
        cost = cost - baseline.repeat_interleave(per_state)
    of_state = group_means(cost.real, per_state)
    return Estimate(
        free_energy=free_energy,
        energy=energy,
        entropy=-log_p,
        factors=(
            Factor("p", p[0], p[1], of_state / unit_of_p, clip_width),
            Factor("psi", psi[0], psi[1], cost, clip_width),
        ),
        correlated=per_state,
    )
