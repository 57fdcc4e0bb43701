"""The harmonic oscillator of toy.py as a system."""

import math
import os
import signal
import time

import seeds  # noqa: F401
import torch
from torch import nn
from toy import Oscillator

from vfe_lightning import reductions
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.result import Reference


class Gaussian(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_width = nn.Parameter(torch.randn((), dtype=torch.float64).mul(0.1))


class ToySystem(VariationalFreeEnergy):
    units, per = "hbar omega", "particle"
    size, energy_unit = 1, 1.0

    def __init__(self, declaration: Oscillator) -> None:
        super().__init__()
        self.declaration, self.temperature = declaration, declaration.temperature
        self.model = Gaussian()

    def estimate(self, n_samples: int) -> Estimate:
        self.misbehave()
        width = self.model.log_width.exp().detach()
        z = torch.randn(n_samples, generator=self.generator, dtype=torch.float64)
        x = width * z
        log_prob = -(z.square() + math.log(2 * math.pi)) / 2 - self.model.log_width.detach()
        energy = x.square() / 2
        free_energy = energy + self.temperature * log_prob
        if self.due("nan"):
            free_energy = free_energy * math.nan
        factor = Factor("p", self.model, lambda: (z.square() - 1)[:, None], free_energy)
        return Estimate(
            free_energy,
            energy,
            -log_prob,
            (factor,),
            energies={"potential": energy},
            observables={"square": x.square()},
            profiles={"histogram": lambda: nn.functional.one_hot((z > 0).long(), 2).double()},
        )

    def due(self, how: str) -> bool:
        wanted, step, rank = os.environ.get("TOY_BREAK", "none:0:0").split(":")
        now = self.trainer.global_step + 1 if self.trainer.training else -1
        return (how, now, reductions.rank()) == (wanted, int(step), int(rank))

    def misbehave(self) -> None:
        time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
        gate = os.environ.get("TOY_GATE")
        while gate and os.path.exists(f"{gate}/{self.trainer.global_step + 1}"):
            time.sleep(0.05)
        if self.due("error"):
            raise RuntimeError("boom")
        for how, signum in {
            "interrupt": signal.SIGINT,
            "terminate": signal.SIGTERM,
            "kill": signal.SIGKILL,
        }.items():
            if self.due(how):
                os.kill(os.getpid(), signum)

    def reference(self, tolerance: float = math.inf) -> Reference:
        entropy = math.log(2 * math.pi * math.e * self.temperature) / 2
        return Reference(self.temperature * (0.5 - entropy), self.temperature / 2, entropy)

    def landmarks(self) -> dict[str, float]:
        return {"width 1": 0.5 - self.temperature / 2 * math.log(2 * math.pi * math.e)}
