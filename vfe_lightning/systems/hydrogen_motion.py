"""Numbers of dense hydrogen as they are published: with the motion of the nuclei, and the pressure."""

import math
from collections.abc import Mapping

import torch

from vfe_lightning import declarations
from vfe_lightning.exact.nuclear_motion import nuclear_motion, over_volume, pressure
from vfe_lightning.statistics import Moments
from vfe_lightning.units import KELVIN, RYDBERG


def with_motion(d: declarations.DenseHydrogen, found: Mapping[str, Moments]) -> dict[str, Moments]:
    """F, E and S of an atom, and P, of an evaluation that has measured the virial."""
    motion = nuclear_motion(d.n, d.rs, d.kelvin, d.mass)
    # p is of positions in sides of the cube, the motion's entropy of those in r_s
    entropy = motion.entropy + math.log(4 * math.pi * d.n / 3)
    energy = RYDBERG * motion.energy
    added = {"free_energy": energy - d.kelvin / KELVIN * entropy, "energy": energy, "entropy": entropy}
    known = {}
    for name, more in added.items():
        moved = Moments.with_error(found[name].mean + more, found[name].error)
        known[f"{name}_with_motion"] = moved.measured_in(found[name].units, "atom")
    kinetic, potential = (d.n * found[k].mean.item() / RYDBERG for k in ("kinetic", "potential"))
    value = pressure(kinetic, potential, d.n, d.rs, d.kelvin)
    error = over_volume(found["virial"].error.item() / RYDBERG, d.rs)
    of_protons = Moments.with_error(*torch.tensor([value, error], dtype=torch.float64))
    return known | {"pressure": of_protons.measured_in("GPa")}
