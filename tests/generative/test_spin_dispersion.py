"""p(K) of two spins: the product of two ideal gases, normalised also when trained, its scores by autograd."""

import itertools

import pytest
import torch
from judging import follows

from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.occupation import Occupation
from vfe_lightning.generative.spin_dispersion import SpinDispersion

LEVELS = torch.tensor([1.0, 2, 2, 3, 3, 3], dtype=torch.float64)
STARS = torch.tensor([0, 1, 1, 2, 2, 3])


def model(n_up: int, n_down: int, trained: bool, beta: float = 0.7) -> Occupation:
    torch.manual_seed(0)
    tokens = torch.randn(12, 3, dtype=torch.float64)
    network = CausalTransformer(3, 12, 1, 4, 2, 4) if trained else None
    made = Occupation(SpinDispersion(-beta * LEVELS, n_up, n_down, STARS, trained), tokens, network)
    with torch.no_grad():
        for p in made.parameters():
            p += 0.3 * torch.randn_like(p)
    return made


def all_states(n_up: int, n_down: int) -> torch.Tensor:
    up, down = (itertools.combinations(range(6), n) for n in (n_up, n_down))
    return torch.tensor([(*a, *(6 + k for k in b)) for a, b in itertools.product(up, down)])


@pytest.mark.parametrize(("n_up", "n_down"), [(3, 2), (2, 0), (1, 1)])
def test_without_training_it_is_the_ideal_gas(n_up: int, n_down: int) -> None:
    states, beta = all_states(n_up, n_down), 0.7
    expected = (-beta * LEVELS.repeat(2)[states].sum(1)).log_softmax(0)
    log_prob = model(n_up, n_down, trained=False).log_prob(states)
    torch.testing.assert_close(log_prob, expected)
    gas = oscillator_gas(n_up, n_down, beta, shells=3)
    assert float(-(expected.exp() * expected).sum()) == pytest.approx(gas.entropy)


@pytest.mark.parametrize(("n_up", "n_down"), [(3, 2), (2, 0), (1, 1)])
def test_it_stays_normalised_and_its_scores_equal_autograd(n_up: int, n_down: int) -> None:
    states, trained = all_states(n_up, n_down), model(n_up, n_down, trained=True)
    log_prob = trained.log_prob(states)
    assert float(log_prob.detach().exp().sum()) == pytest.approx(1)
    scores = trained.scores(states)
    for row in (0, len(states) - 1):
        gradient = torch.autograd.grad(log_prob[row], list(trained.parameters()), retain_graph=True)
        torch.testing.assert_close(scores[row], torch.cat([g.flatten() for g in gradient]))
    torch.testing.assert_close(log_prob.exp() @ scores, torch.zeros_like(scores[0]), rtol=0, atol=1e-12)


def test_samples_follow_the_probabilities() -> None:
    trained, states = model(2, 1, trained=True), all_states(2, 1)
    drawn = trained.sample(20000, torch.Generator().manual_seed(0))
    code = 12 ** torch.arange(3)
    counts = torch.stack([(drawn @ code == s @ code).sum() for s in states]).double()
    assert int(counts.sum()) == 20000
    assert follows(counts, 20000 * trained.log_prob(states).detach().exp())
