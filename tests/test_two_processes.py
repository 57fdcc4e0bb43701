"""Two processes with half the batch each do what one process does with all of it, given the same samples."""

import math
from functools import cache
from pathlib import Path

import pytest
import seeds  # noqa: F401
import torch
import torch.distributed as dist
from torch import Tensor
from two_ranks import start_two

from vfe_lightning import declarations, reductions
from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.free_energy import make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.statistics import Moments, between_group_variance
from vfe_lightning.systems.electron_gas import ElectronGas
from vfe_lightning.wavefunctions.base_states import BaseStates

STEPS = 20
SMALL = {"kind": "transformer", "width": 4, "heads": 2, "hidden": 4, "layers": 1}
FLOW = {"width": 3, "pair_width": 2, "init_scale": 0.1}
MOMENTUM = {"classical": {"momentum": 0.9}, "quantum": {"momentum": 0.9}}
# rounding grows with the condition number, and momentum adds it up: less of it with more damping
CLOSE = 1e-9  # rounding of 2e-16 times a condition of 1e5 in twenty steps, of parameters that move by 1e-3
DAMPED = {"classical": {"momentum": 0.9, "damping": 0.01}, "quantum": {"momentum": 0.9, "damping": 0.01}}
# name: batch, occupation, optimizer; the flow has 65 parameters, the transformer above 200
CASES = {
    "kernel": (16, SMALL, {}),
    "kernel with momentum": (16, SMALL, MOMENTUM),
    "Cholesky": (40, {"kind": "quasiparticle"}, {}),
    "Cholesky with momentum": (40, {"kind": "quasiparticle"}, DAMPED),
    "Adam": (16, SMALL, {"kind": "adam"}),
    "both spins": (16, SMALL, {}),
    "many twists": (16, SMALL, {}),
}
FAST = ["kernel with momentum", "Cholesky", "both spins", "many twists"]
SLOW = [case for case in CASES if case not in FAST]


class Replay:
    """Hands out the same samples to any number of ranks and passes, in the order of the whole batch."""

    def __init__(self, system: ElectronGas, batch: int) -> None:
        self.system, self.batch, self.taken = system, batch, 0
        g = torch.Generator().manual_seed(7)
        per_state = system.declaration.walkers_per_state
        self.occupied = system.model.sample(STEPS * batch // per_state, g)
        self.z = system.states(self.occupied.repeat_interleave(per_state, dim=0)).sample(g)
        self.per_state = per_state
        system.model.sample = self.sample
        system.sample_positions = self.sample_positions

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        share = count * self.per_state
        passes, first = self.batch // (share * reductions.world_size()), self.taken
        step, part = divmod(first, passes)
        self.taken += 1
        begin = step * self.batch + (part * reductions.world_size() + reductions.rank()) * share
        self.rows = slice(begin, begin + share)
        occupied = self.occupied[begin // self.per_state : (begin + share) // self.per_state]
        return occupied.to(self.system.device)

    def sample_positions(self, states: BaseStates) -> tuple[Tensor, dict[str, Tensor]]:
        return invert(self.system.wavefunction.flow, self.z[self.rows].to(self.system.device)).x, {}


class Stepper:
    """What Lightning hands to the training step."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.step = optimizer, optimizer.step


def gas(occupation: dict, clip: float = 5.0, n_down: int = 0, twist: float | str = 0.25) -> ElectronGas:
    return ElectronGas(
        declarations.ElectronGas(
            n=3,
            n_down=n_down,
            dim=2,
            rs=5,
            theta=0.3,
            twist=twist,
            cutoff=4,
            occupation=occupation,
            walkers_per_state=2,
            flow=FLOW,
            chunk_size=64,
            clip=clip,
        )
    )


@cache  # one process is compared with two ranks and with two passes
def train(case: str, accumulate: int = 1, clip: float = 5.0, device: str = "cpu") -> dict[str, Tensor]:
    """Parameters after twenty steps, and the metrics of the last."""
    batch, occupation, optimizer = CASES[case]
    torch.manual_seed(0)
    twist = "average" if case == "many twists" else 0.25
    system = gas(occupation, clip, int(case == "both spins"), twist)
    Replay(system, batch)
    system.to(device)
    declaration = declarations.Adam if "kind" in optimizer else declarations.NaturalGradient
    made = make_optimizer(declaration(**optimizer), system)
    system.prepare(lambda _: made, batch, seed=0, accumulate=accumulate)
    system.setup("fit")
    system.generator = make_generator(torch.device("cpu"), 0, "training")
    stepper = Stepper(made)
    system.optimizers = lambda: stepper
    start = torch.cat([p.detach().flatten() for p in system.parameters()])
    for step in range(STEPS):
        system.training_step(step, step)
    end = torch.cat([p.detach().flatten() for p in system.parameters()])
    return {"parameters": end.cpu(), "moved": (end - start).norm().cpu(), "metrics": system.metrics}


def reduced() -> dict[str, Tensor]:
    """Reductions of twelve numbers that the ranks share."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, generator=g, dtype=torch.float64)
    c = torch.randn(12, generator=g, dtype=torch.complex128)
    share = 12 // reductions.world_size()
    mine = slice(reductions.rank() * share, (reductions.rank() + 1) * share)
    moments = Moments.of(x[mine]).over_ranks()
    return {
        "mean": reductions.mean(x[mine]),
        "complex mean": reductions.mean(c[mine]),
        "gathered": reductions.gather(x[mine]),
        "complex gathered": reductions.gather(c[mine]),
        "total": reductions.total(x[mine].sum(0)),
        "variance": moments.variance,
        "error": moments.error,
        "count": torch.tensor(moments.count),
        "maximum": reductions.maximum(x[mine].amax(0)),
        "between": between_group_variance(x[mine, 0], 2),
    }


def work(rank: int, folder: str, cases: list[str], device: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    try:
        results = {"reductions": reduced()} | {case: train(case, device=device) for case in cases}
        results["seeds"] = make_generator(torch.device("cpu"), 0, "training").initial_seed()
        torch.save(results, Path(folder) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


def on_two_ranks(folder: Path, cases: list[str], device: str = "cpu") -> list[dict]:
    start_two(work, str(folder), cases, device)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict]:
    return on_two_ranks(tmp_path_factory.mktemp("fast"), FAST)


@pytest.fixture(scope="module")
def more_ranks(tmp_path_factory) -> list[dict]:
    return on_two_ranks(tmp_path_factory.mktemp("slow"), SLOW)


@pytest.mark.parametrize("case", FAST)
def test_two_processes_reach_the_parameters_of_one(case, ranks):
    compare(case, ranks)


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW)
def test_two_processes_reach_the_parameters_of_one_in_all_forms(case, more_ranks):
    compare(case, more_ranks)


def compare(case: str, ranks: list[dict], device: str = "cpu") -> None:
    alone = train(case, device=device)
    assert float(alone["moved"]) > 1e-3
    assert torch.equal(ranks[0][case]["parameters"], ranks[1][case]["parameters"])
    torch.testing.assert_close(ranks[0][case]["parameters"], alone["parameters"], rtol=0, atol=CLOSE)
    for name, value in alone["metrics"].items():
        if "det_jacobian" not in name:
            assert ranks[0][case]["metrics"][name] == pytest.approx(value, rel=1e-6, abs=CLOSE), name


@pytest.mark.parametrize("case", ["kernel with momentum", "Cholesky"])
def test_two_passes_reach_the_parameters_of_one(case):
    torch.testing.assert_close(train(case, 2)["parameters"], train(case)["parameters"], rtol=0, atol=CLOSE)


def test_the_cases_solve_in_the_form_that_they_name():
    for case, (batch, occupation, _) in CASES.items():
        system = gas(occupation)
        sizes = [sum(p.numel() for p in m.parameters()) for m in (system.model, system.wavefunction)]
        kernel = [rows < size for rows, size in zip((batch // 2, 2 * batch), sizes, strict=True)]
        assert kernel == ([False] * 2 if "Cholesky" in case else [True] * 2)


def test_reductions_over_two_processes(ranks):
    for rank in range(2):
        for name, value in reduced().items():
            torch.testing.assert_close(
                ranks[rank]["reductions"][name], value, rtol=1e-14, atol=1e-14, msg=name
            )


def test_ranks_draw_different_random_numbers(ranks):
    drawn = {ranks[0]["seeds"], ranks[1]["seeds"]}
    assert len(drawn) == 2
    assert make_generator(torch.device("cpu"), 0, "training").initial_seed() in drawn
    assert make_generator(torch.device("cpu"), 0, "evaluation").initial_seed() not in drawn
    assert all(math.isfinite(s) and s >= 0 for s in drawn)
