"""What every bijector and every model of p(s) is: held for all that there are, by one list of each."""

import io

import pytest
import torch
from judging import agrees
from parts import BIJECTORS, SPIN_MODELS, concrete, normal
from spins import all_spins, scores_by_autograd

import vfe_lightning.bijectors
import vfe_lightning.generative
from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.generative.model import GenerativeModel

# models of occupations and weights that follow a circuit have tests of their own
OTHERS = {
    "Levels",
    "FermiSea",
    "Occupation",
    "TwistedOccupation",
    "ThermalTwistedOccupation",
    "PeierlsWeights",
}


def test_the_lists_are_complete():
    bijectors = {type(make()).__name__ for make, _, _ in BIJECTORS.values()}
    assert bijectors == concrete(vfe_lightning.bijectors, Bijector)
    models = {type(make()).__name__ for make in SPIN_MODELS.values()}
    assert models == concrete(vfe_lightning.generative, GenerativeModel) - OTHERS


def bijector(name: str):
    """One with parameters that are a little away from the first ones, some z, and how exact it is."""
    make, shape, tolerance = BIJECTORS[name]
    torch.manual_seed(0)
    made = make()
    with torch.no_grad():
        for seed, p in enumerate(made.parameters()):
            p.add_(0.1 * normal(seed, *p.shape))
    return made, 0.8 * normal(100, 5, *shape), tolerance


@pytest.mark.parametrize("name", BIJECTORS)
def test_a_bijector_is_one_with_its_jacobian(name):
    flow, z, tolerance = bijector(name)
    x, log_det = flow(z)
    back, other = flow.inverse(x)
    torch.testing.assert_close(back, z, rtol=0, atol=tolerance)
    torch.testing.assert_close(other, -log_det, rtol=0, atol=tolerance)
    rows = torch.stack([torch.func.jacrev(lambda y: flow(y[None])[0][0])(y) for y in z])
    jacobian = rows.view(5, z[0].numel(), -1)
    torch.testing.assert_close(log_det, torch.linalg.slogdet(jacobian)[1], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", BIJECTORS)
def test_samples_do_not_see_each_other(name):
    flow, z, _ = bijector(name)
    x, log_det = flow(z)
    for one in range(len(z)):
        alone, other = flow(z[one : one + 1])
        torch.testing.assert_close(alone[0], x[one], rtol=0, atol=1e-12)
        torch.testing.assert_close(other[0], log_det[one], rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", BIJECTORS)
def test_a_bijector_is_saved_and_loaded(name):
    flow, z, _ = bijector(name)
    file = io.BytesIO()
    torch.save(flow.state_dict(), file)
    file.seek(0)
    torch.manual_seed(1)
    other = BIJECTORS[name][0]()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(z)[0], flow(z)[0])


@pytest.mark.parametrize("name", BIJECTORS)
def test_every_parameter_of_a_bijector_is_learned(name):
    flow, z, _ = bijector(name)
    x, log_det = flow(z.requires_grad_())
    (x.pow(4).sum() - log_det.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in flow.parameters() if p.requires_grad)


def spin_model(name: str) -> GenerativeModel:
    torch.manual_seed(0)
    made = SPIN_MODELS[name]()
    with torch.no_grad():
        for seed, p in enumerate(made.parameters()):
            p.add_(0.3 * normal(seed, *p.shape).to(p.dtype))
    return made


@pytest.mark.parametrize("name", SPIN_MODELS)
def test_a_model_is_normalised_and_sampled_as_it_says(name):
    model, n = spin_model(name), 16 if name == "hierarchical" else 9
    everything = all_spins(n)
    with torch.no_grad():
        p = torch.cat([model.log_prob(part) for part in everything.split(4096)]).exp()
        drawn = model.sample(4000, torch.Generator().manual_seed(0))
        entropy = -(p * p.log()).sum().item()
        log_prob = model.log_prob(drawn)
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    assert set(drawn.unique().tolist()) <= {-1.0, 1.0}
    assert agrees(-log_prob.mean().item(), log_prob.std().item() / 4000**0.5, entropy, samples=4000)
    pairs = (drawn[:, :, None] * drawn[:, None]).flatten(1)
    exact = torch.einsum("b,bi,bj->ij", p, everything, everything).flatten()
    assert agrees(pairs.mean(dim=0), pairs.std(dim=0) / 4000**0.5 + 1e-12, exact, samples=4000)


@pytest.mark.parametrize("name", SPIN_MODELS)
def test_scores_are_derivatives(name):
    model = spin_model(name)
    drawn = model.sample(6, torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.scores(drawn), scores_by_autograd(model, drawn), rtol=1e-9, atol=1e-10)
