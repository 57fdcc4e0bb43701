"""Every experiment runs where its system is not on the CPU: made, trained, evaluated and drawn, on a double.

The double fails where a GPU would refuse: an operator that meets tensors of two devices, a generator of
another device than what it fills, numpy on what was not brought back. It cannot see

- kernels that CUDA lacks, or that ask for other types, shapes or strides there than on the CPU;
- other numbers: orders of summation, non-deterministic kernels, limits of a device's memory;
- transfers that torch allows, by .to, .cpu, .item, copy_ or an index on the CPU, and the time they cost;
- the device of the gradient of a transfer: it stays where the copy was;
- what several devices say to each other, and storages that a checkpoint keeps on its device.
"""

import contextlib
import copy
import math
import re
import traceback
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from contracts import EXPERIMENTS, small
from lightning import Trainer
from second_device import HOST, SECOND, place, second_device, trainer_on_second_device
from torch import Tensor
from torch.overrides import TorchFunctionMode

import vfe_lightning.trainer
from vfe_lightning import Experiment, reductions
from vfe_lightning.bijectors import inversion
from vfe_lightning.estimators import correlations
from vfe_lightning.preparation import prepared
from vfe_lightning.result import Result
from vfe_lightning.systems.continuous import Continuous

MIXED = {"kind": "configuration_interaction"}
# what may be declared in place of what the experiments declare
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("coulomb_trap", {"gradient.kind": "path_only", "flow.velocity.kind": "message_passing"}),
    ("dimer", {"solvent": 2}),
    ("heg2d", {"sampler": {"kind": "metropolis", "steps": 2}}),
    ("heg2d", {"kinetic.kind": "forward_laplacian", "occupation.kind": "ideal_gas"}),
    ("heg2d", {"kinetic.kind": "hutchinson"}),
    ("heg2d", {"n": 2, "base_states": MIXED | {"cutoff": 3}, "occupation.kind": "levels"}),
    ("heg2d_ground_state", {"twist": "average", "cutoff": None}),
    ("heg3d_metal", {"twist.kind": "monkhorst_pack", "twist.points": 2}),
    ("heisenberg", {"gates.kind": "hardware", "network.kind": "made", "optimizer.kind": "natural_gradient"}),
    ("heisenberg", {"gates.kind": "general", "network.kind": "bernoulli", "optimizer.kind": "adam"}),
    ("hydrogen", {"occupation": {"kind": "levels", "levels": 3}}),
    ("hopfield", {"annealing": {"kind": "exponential"}, "network.precision": "single"}),
    ("ising", {"network.kind": "pixel_cnn", "gradient.kind": "past_average"}),
    ("ising", {"network.kind": "made", "gradient.kind": "var_grad", "periodic": False}),
    ("ising", {"network.kind": "bernoulli", "symmetrize": False, "gradient.kind": "measure_valued"}),
    ("ising", {"optimizer.kind": "natural_gradient"}),
    ("edwards_anderson", {"disorder": "gaussian", "h": 0.3, "symmetrize": False, "periodic": False}),
    ("inverse_ising", {"data_samples": 100}),
    ("log_gas", {"dim": 1, "coupling": 1}),
    ("monge_ampere", {"symmetrize": False}),
    ("neural_rg", {"symmetrize": False, "flow.shared": False, "fourier": False}),
    ("one_component_plasma", {"flow.start.kind": "independent", "gradient.kind": "path_only"}),
    ("one_component_plasma", {"optimizer.kind": "natural_gradient", "flow.messages": 0}),
    ("phi4", {"symmetrize": True, "gradient.kind": "path_only", "curriculum": {"kind": "exponential"}}),
    ("potts", {"network.kind": "pixel_cnn", "optimizer.kind": "natural_gradient"}),
    ("quantum_dot", {"base_states": MIXED | {"cutoff": 2}, "occupation.kind": "levels"}),
    ("quantum_dot", {"n_down": 1, "occupation.kind": "quasiparticle"}),
    ("quantum_dot", {"n_down": 1, "occupation.kind": "ideal_gas", "flow.velocity.kind": "message_passing"}),
    ("quantum_dot_ground_state", {"base_states.kind": "determinants", "n_down": 1}),
    ("solvated_dimer", {"solvent": 2}),
    ("xy", {"L": 4, "gradient.kind": "path_only"}),
]


def run_there(experiment: Experiment, sound: bool = True, **how: Any) -> Result:
    """Run it: the system is made on the CPU, as ever, and from the trainer on it is on the second device.

    Where it is sound, nothing that decorates the run has failed either.
    """
    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Trainer:
            if "max_steps" not in options:  # it is only asked whether there are such devices
                return Trainer(**options)
            stack.enter_context(second_device())
            for name in ("total", "mean", "maximum", "gather"):
                refusing = refusing_the_cpu(getattr(reductions, name))
                stack.enter_context(mock.patch.object(reductions, name, refusing))
            return trainer_on_second_device(**options)

        stack.enter_context(mock.patch.object(vfe_lightning.trainer.L, "Trainer", make))
        result = experiment.run(**how)
    assert result.failures is None or not sound, result.failures
    return result


def refusing_the_cpu(reduce: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A reduction over ranks as NCCL does it, between GPUs only."""

    def reduced(x: Tensor) -> Tensor:
        if x.device != SECOND:
            raise RuntimeError(f"No backend type associated with device type {x.device.type}")
        return reduce(x)

    return reduced


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs_on_a_second_device(name, home):
    assert run_there(small(name)).status == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "changes"), OTHERS)
def test_other_choices_run_on_a_second_device(name, changes, home):
    assert run_there(small(name, **changes)).status == "FINISHED"


POPULATIONS = {"evaluation": {"kind": "smc", "populations": 8, "walkers": 8, "steps": 3, "settling": 2}}


@pytest.mark.parametrize(
    "name",
    ["xy", *(pytest.param(k, marks=pytest.mark.slow) for k in ("coulomb_trap", "phi4", "potts", "lj13"))],
)
def test_populations_come_to_the_gibbs_state_on_a_second_device(name, home):
    result = run_there(small(name, **POPULATIONS))
    assert result.verdict and math.isfinite(result.number("smc_free_energy")[0])


@pytest.mark.parametrize("name", ["sk", "tfim", "heg2d_ground_state"])
def test_a_run_goes_on_on_a_second_device(name, home):
    """With Adam, with L-BFGS and with natural gradients, each of which has a state of its own."""
    half = small(name).run()
    assert run_there(small(name, **{"trainer.max_steps": 3}), resume=half.run_id).steps == 3


class Asked(TorchFunctionMode):
    """Counts what makes the host wait for a GPU: numbers and shapes that only it knows, and transfers."""

    WAITS = (Tensor.item, Tensor.tolist, Tensor.__bool__, Tensor.__float__, Tensor.__int__, Tensor.cpu)
    WAITS += (Tensor.nonzero, torch.nonzero, Tensor.masked_select, Tensor.unique, torch.unique)
    WAITS += (Tensor.new_tensor, Tensor.numpy)

    def __init__(self) -> None:
        super().__init__()
        self.where: Counter[str] = Counter()

    @property
    def times(self) -> int:
        return self.where.total()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = func in self.WAITS and place(args[0]) == SECOND
        if asked or self.by_a_mask(func, args) or self.from_the_host(func, args, kwargs):
            frames = [f for f in traceback.extract_stack() if "vfe_lightning" in f.filename]
            self.where[f"{func.__name__} in {frames[-1].filename}, line {frames[-1].lineno}"] += 1
        return func(*args, **kwargs)

    def by_a_mask(self, func: Any, args: Any) -> bool:
        if func not in (Tensor.__getitem__, Tensor.__setitem__):
            return False
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(isinstance(i, Tensor) and i.dtype == torch.bool for i in index)

    def from_the_host(self, func: Any, args: Any, kwargs: Any) -> bool:
        if func in (torch.tensor, torch.as_tensor):
            return torch.device(kwargs.get("device") or "cpu") == SECOND
        return func == Tensor.to and place(args[0]) != SECOND


# The numbers of a step are brought to the host, which decides whether it is taken: once a step. Besides, it
# asks whether all free fermions of each spin have a place, and whether Newton's method has converged, once
# more for each iteration after the third; whether an integration was accurate enough; how many proposals of
# a superposition are rejected; and more than that in torch's own L-BFGS.
GAS, BOTH_SPINS, INTEGRATED = 3, 4, 2
MOST = dict.fromkeys(["heg2d", "heg2d_ground_state", "heg3d", "heg3d_brown", "heg_exact", "heg_twists"], GAS)
MOST |= {"heg3d_metal": BOTH_SPINS, "monge_ampere": INTEGRATED, "one_component_plasma": 2}
MOST |= {"quantum_dot": 1 + INTEGRATED}
ASKS_OFTEN = {
    "quantum_dot_ground_state",
    "hydrogen",
    "hydrogen_pair",
    "hydrogen_molecule",
    "heisenberg",
    "tfim",
}


@pytest.mark.parametrize("name", sorted(set(EXPERIMENTS) - ASKS_OFTEN))
def test_the_host_of_a_gpu_is_seldom_asked_in_a_step(name, monkeypatch):
    more = []  # iterations after the first ones, of each of which it is asked

    def counted(*given: Any) -> Any:
        found = together(*given)
        more.append(found[0].iterations - inversion._UNASKED)
        return found

    together = inversion._together
    monkeypatch.setattr(inversion, "_together", counted)
    system = prepared(small(name))
    with second_device():
        system.to(SECOND)
        optimizer = system.configure_optimizers()
        stepper = SimpleNamespace(optimizer=optimizer, step=optimizer.step)
        system.optimizers = lambda: stepper
        system.on_fit_start()
        system.training_step(0, 0)  # what is made once is made now
        more.clear()
        with Asked() as asked:
            system.training_step(0, 0)
    assert 0 < asked.times <= MOST.get(name, 1) + sum(more), asked.where


def test_wave_vectors_left_on_the_cpu_are_found(home, monkeypatch):
    def with_vectors_of_the_cpu(x: Tensor, k: Tensor, shells: Tensor) -> Tensor:
        return structure_factor(x, k.cpu(), shells.cpu())

    structure_factor = correlations.structure_factor
    monkeypatch.setattr(correlations, "structure_factor", with_vectors_of_the_cpu)
    failures = run_there(small("heg2d_ground_state"), sound=False).failures
    assert failures and set(failures) == {"profile structure_factor"}
    assert re.search(r"aten\.mm.* is on cpu, others are on cuda", failures["profile structure_factor"])


def test_samples_that_meet_a_model_back_on_the_cpu_are_found(home, monkeypatch):
    monkeypatch.setattr(
        Continuous, "figures", lambda self: self.physics.figures(self.evaluation, [self.latest])
    )
    failures = run_there(small("neural_rg"), sound=False).failures
    assert failures and set(failures) == {"figures"}
    assert re.search(r"aten\.add.* is on cpu, others are on cuda", failures["figures"])


def host() -> Tensor:
    return torch.arange(3.0)


REFUSED: dict[str, Callable[[Tensor], Any]] = {
    "an operator": lambda x: x + host(),
    "a matrix product": lambda x: x @ host(),
    "an operator in place": lambda x: x.add_(host()),
    "a result on the CPU": lambda x: torch.zeros(()).add_(x.sum()),
    "a join": lambda x: torch.cat([x, host()]),
    "a join with a number": lambda x: torch.stack([x[0], torch.tensor(1.0)]),
    "a tensor without a device": lambda x: x * torch.ones(3, dtype=x.dtype),
    "an index of the CPU by the device": lambda x: host()[x.long()],
    "a gather": lambda x: x.gather(0, host().long()),
    "what was brought back": lambda x: x * x.cpu(),
    "numpy": lambda x: np.asarray(x),
    "numpy of a gradient": lambda x: torch.func.grad(lambda y: y.square().sum())(x).numpy(),
    "a generator of the CPU": lambda x: x.normal_(generator=torch.Generator()),
    "a generator of the device": lambda x: torch.rand(3, generator=torch.Generator("cuda")),
    "the state of a generator": lambda x: torch.Generator("cuda").set_state(
        torch.Generator().get_state().cuda()
    ),
    "a gradient": lambda x: torch.func.grad(lambda y: (y * host()).sum())(x),
    "a directional derivative": lambda x: torch.func.jvp(lambda y: y * host(), (x,), (x,)),
    "a tangent": lambda x: torch.func.jvp(torch.sin, (x,), (host(),)),
    "a batch": lambda x: torch.func.vmap(lambda y: y * host())(x[None]),
    "a Jacobian of a Jacobian": lambda x: torch.func.jacfwd(torch.func.jacrev(lambda y: y.pow(3) @ host()))(
        x
    ),
    "a backward pass": lambda x: Doubled.apply(x.requires_grad_()).sum().backward(),
}


class Doubled(torch.autograd.Function):
    """Whose backward pass has a fault."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * torch.full((3,), 2.0)


@pytest.mark.parametrize("what", REFUSED)
def test_the_double_refuses(what):
    with second_device():
        x = torch.ones(3, device="cuda")
        with pytest.raises((RuntimeError, TypeError), match=r"device|ByteTensor"):
            REFUSED[what](x)


STAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "a number of the CPU": lambda x: x * torch.tensor(2.0),
    "an index on the CPU": lambda x: x[torch.tensor([0, 1])],
    "like": lambda x: torch.zeros_like(x),
    "new": lambda x: x.new_tensor([1.0]) + x.new_zeros(1),
    "made there": lambda x: torch.eye(3, device=x.device) @ x,
    "random": lambda x: torch.rand(3, generator=torch.Generator(x.device), device=x.device),
    "brought there": lambda x: host().to(x) + host().to("cuda") + host().cuda(),
    "a view": lambda x: x.view(1, 3).mT[0],
    "a copy": lambda x: copy.deepcopy(x) + copy.deepcopy(torch.nn.Linear(3, 3, device="cuda")).weight,
    "copied into": lambda x: x.copy_(host()),
    "a Hessian": lambda x: torch.func.hessian(lambda y: y.pow(3).sum())(x),
    "a batch of gradients": lambda x: torch.func.vmap(torch.func.grad(lambda y: y.sin().sum()))(x[None]),
    "a gradient": lambda x: torch.autograd.grad((x.requires_grad_() * 2).sum(), x)[0],
    "a module": lambda x: torch.nn.Linear(3, 3).to(x.device)(x),
}


@pytest.mark.parametrize("what", STAYS)
def test_on_the_second_device_stays_there(what):
    with second_device():
        x = torch.ones(3, device="cuda")
        assert STAYS[what](x).device == SECOND and host().device == HOST


def test_what_comes_back_has_the_values():
    with second_device():
        x = torch.arange(4.0, device="cuda").square()
        assert x.cpu().numpy().tolist() == x.tolist() == [0, 1, 4, 9] and x.sum().item() == 14
        assert x.cpu() is not x and torch.zeros_like(x, device="cpu").device == HOST
    assert torch.zeros(1).device == HOST
