"""On a real GPU, beside the CPU: `pytest -m device`; skipped where there is none.

What a pretended device can show is in `test_devices.py`, and runs everywhere.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from contracts import EXPERIMENTS, small
from parts import BIJECTORS, SPIN_MODELS
from test_contracts import bijector, spin_model
from test_devices import OTHERS
from test_two_processes import FAST, compare, on_two_ranks
from torch import Tensor

import vfe_lightning
from vfe_lightning.errors import NotKnown
from vfe_lightning.trained import Trained

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]
GPU = {"trainer.accelerator": "gpu"}
# several devices say the same but for the order of summation, which the condition of a matrix multiplies
CLOSE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}


def close(there: Any, here: Any, **how: Any) -> None:
    """Numbers of the GPU and of the CPU."""
    torch.testing.assert_close(there.cpu(), here, **(CLOSE | how))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs(name, home):
    result = small(name, **GPU).run()
    assert result.status == "FINISHED" and result.failures is None


@pytest.mark.parametrize(("name", "changes"), OTHERS)
def test_other_choices_run(name, changes, home):
    result = small(name, **changes, **GPU).run()
    assert result.status == "FINISHED" and result.failures is None


@pytest.mark.parametrize("name", BIJECTORS)
def test_bijectors_are_those_of_the_cpu(name):
    flow, z, _ = bijector(name)
    x, log_det = flow(z)
    (x.square().sum() + log_det.sum()).backward()
    gradients = [p.grad for p in flow.parameters()]
    for p in flow.parameters():
        p.grad = None
    there = flow.cuda()
    y, other = there(z.cuda())
    close(y, x)
    close(other, log_det)
    (y.square().sum() + other.sum()).backward()
    for p, gradient in zip(there.parameters(), gradients, strict=True):
        if gradient is not None:
            assert p.grad is not None
            close(p.grad, gradient)


@pytest.mark.parametrize("name", SPIN_MODELS)
def test_models_of_spins_are_those_of_the_cpu(name):
    model = spin_model(name)
    s = model.sample(50, torch.Generator().manual_seed(0))
    with torch.no_grad():
        log_prob, scores = model.log_prob(s), model.scores(s)
        there = model.cuda()
        close(there.log_prob(s.cuda()), log_prob)
        close(there.scores(s.cuda()), scores)
        drawn = there.sample(50, torch.Generator("cuda").manual_seed(0))
    assert set(drawn.unique().tolist()) <= {-1.0, 1.0}


def densities(trained: Trained, drawn: Any) -> dict[str, Tensor]:
    device = trained.system.device
    if not isinstance(drawn, tuple):
        return {"log_prob": trained.log_prob(drawn.to(device))}
    state, x = (part.to(device) for part in drawn)
    found = {"log_prob": trained.log_prob(state), "log_psi": trained.log_psi(state, x)}
    if hasattr(trained.system, "local_kinetic"):
        local = trained.system.local_kinetic(trained.system.states(state), x)
        found |= {"kinetic": local.energy, "potential": trained.system.hamiltonian.energy(x)}
        with torch.no_grad():
            found["scores"] = trained.system.wavefunction.scores(trained.system.states(state), x)
    elif not hasattr(trained.system, "wavefunction") and hasattr(trained.system, "hamiltonian"):
        found["energy"] = trained.system.hamiltonian.energy(x)
    return found


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_of_either_is_loaded_on_either(name, home):
    """The same densities, local energies and scores at the same samples, on the GPU and on the CPU."""
    run_id = small(name).run().run_id
    here, there = vfe_lightning.load(run_id), vfe_lightning.load(run_id, device="cuda")
    try:
        drawn = here.sample(50)
    except NotKnown:
        return
    found, expected = densities(there, drawn), densities(here, drawn)
    for number, value in expected.items():
        scale = value.abs().max().clamp(min=1)
        close(found[number] / scale.cuda(), value / scale)
    back = vfe_lightning.load(small(name, **GPU).run().run_id)
    assert back.evaluate(2).free_energy is not None and back.system.device.type == "cpu"
    assert there.sample(3) is not None


@pytest.mark.parametrize("name", ["sk", "tfim", "heg2d_ground_state"])
def test_a_run_goes_on_on_another_device_and_back(name, home):
    """With Adam, with L-BFGS and with natural gradients, each of which has a state of its own."""
    run_id = small(name, **GPU).run().run_id
    here = small(name, **{"trainer.max_steps": 3, "trainer.accelerator": "cpu"}).run(resume=run_id)
    assert here.steps == 3 and here.run_id == run_id
    there = small(name, **{"trainer.max_steps": 4}, **GPU).run(resume=run_id)
    assert there.steps == 4 and there.status == "FINISHED"


def test_two_processes_on_one_gpu_reach_the_parameters_of_one(tmp_path: Path):
    ranks = on_two_ranks(tmp_path, FAST, "cuda")
    for case in FAST:
        compare(case, ranks, "cuda")
