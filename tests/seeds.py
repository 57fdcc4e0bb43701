"""All seeds moved by one number, so that nothing holds for a lucky one alone.

`pytest --seed_shift 3` sets VFE_SEED_SHIFT, which the processes that tests start inherit. To import this
module is enough: from then on whatever sets a seed, a test or the library, sets another one. Seeds that
say which couplings or patterns a system has are physics and stay.
"""

import os
import sys

import numpy as np
import torch

STRIDE = 1_000_003  # seeds 0, 1, 2, ... of one shift are none of the next
MOVED = STRIDE * int(os.environ.get("VFE_SEED_SHIFT", "0"))
PHYSICS = {"vfe_lightning.hamiltonians.spins"}


def shifted(seed: int) -> int:
    """The seed in place of what the caller's caller sets."""
    setter = sys._getframe(2).f_globals.get("__name__")
    return seed if setter in PHYSICS else seed + MOVED


class Generator(torch.Generator):
    def manual_seed(self, seed: int) -> torch.Generator:
        return super().manual_seed(shifted(seed))


def shift_all(manual_seed=torch.manual_seed, default_rng=np.random.default_rng) -> None:
    torch.Generator = Generator
    torch.manual_seed = lambda seed: manual_seed(shifted(seed))
    np.random.default_rng = lambda seed=None: default_rng(shifted(seed) if isinstance(seed, int) else seed)


if MOVED:
    shift_all()
