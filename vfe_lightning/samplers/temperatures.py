"""What walkers say of the way that is before them: how far at once, and how much of H q has learned."""

from vfe_lightning.samplers.populations import Populations

HALVINGS = 50  # of the interval that the next t is looked for in
TAIL, FEWEST = 0.1, 8  # share of the walkers, and number of them, that are the tail of the weights
THIN = 0.1  # index of the tail of the weights of a step: of these ten moments are finite


def longest_step(here: Populations, most: float, threshold: float) -> float:
    """Of t, such that the conditional effective sample size is large enough and the tail of weights thin."""
    most = min(most, THIN / tail(here))
    if here.conditional(most).item() >= threshold:
        return most
    low, high = 0.0, most
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if here.conditional(middle).item() >= threshold else (low, middle)
    return high


def tail(here: Populations) -> float:
    """Index of the upper tail of w, as if it were Pareto's, whose powers w^step have step times as much.

    Hill, Ann. Stat. 3, 1163 (1975). The tail is heavy where the density is narrower than the Gibbs state.
    """
    log_w, order = here.log_weights.flatten().sort(descending=True)
    shares = here.log_shares.flatten()[order].exp()
    size = max(int((shares.cumsum(0) <= TAIL).sum()), min(FEWEST, len(log_w) - 1))
    above = (log_w[:size] - log_w[size]) * shares[:size]
    return max((above.sum() / shares[:size].sum()).item(), THIN)


def likeness(here: Populations) -> float:
    """How much of beta H is in -ln q, by regression over walkers: 1 of a good density, 0 of a uniform one."""
    alive = here.walkers.log_weights.isfinite()
    action = here.walkers.action.where(alive, 0.0)
    surprise = -here.walkers.log_q.where(alive, 0.0)
    away = action - here.means(action)
    variance = here.means(away.square()).item()
    slope = here.means(away * surprise).item() / variance if variance > 0 else 1.0
    return min(max(slope, 0.0), 1.0)
