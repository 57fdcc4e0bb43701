"""Variables of a cluster or a launcher, which torch and Lightning read as they are loaded and trust."""

import os
import re
from collections.abc import Callable

from vfe_lightning.errors import Refused

SHOWN = 60  # letters of a value


def _whole(least: int, most: int | None = None) -> Callable[[str], bool]:
    def allowed(text: str) -> bool:
        return bool(re.fullmatch(r"[0-9]{1,9}", text)) and least <= int(text) <= (most or 10**9)

    return allowed


def _threads(text: str) -> bool:
    return all(map(_whole(1), text.split(",")))  # one of each level of nesting


def _gpus(text: str) -> bool:
    """NoDevFiles is what SLURM gives a job that asked for none."""
    known = r"-?[0-9]+|(GPU|MIG)-[\w/-]+|NoDevFiles"
    return all(re.fullmatch(known, name.strip()) for name in text.split(",") if name)


RANK = (_whole(0), "a whole number from 0")
COUNT = (_whole(1), "a whole number from 1")
KINDS: dict[str, tuple[Callable[[str], bool], str]] = {
    **dict.fromkeys(("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "JSM_NAMESPACE_RANK"), RANK),
    **dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"), RANK),
    **dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), COUNT),
    **dict.fromkeys(("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES"), COUNT),
    "MASTER_PORT": (_whole(1, 65535), "a port from 1 to 65535"),
    "OMP_NUM_THREADS": (_threads, "a whole number from 1"),
    "CUDA_VISIBLE_DEVICES": (
        _gpus,
        "numbers or names (GPU-..., MIG-...) of GPUs with commas between, or empty",
    ),
}


def check_variables() -> None:
    """
    Raises:
        Refused: one of them has no meaning.
    """
    for name, (allowed, words) in KINDS.items():
        value = os.environ.get(name)
        if value is not None and not allowed(value.strip()):
            raise Refused(f"{name} = {value[:SHOWN]} is not allowed: {words}; unset it where nothing uses it")
