"""Variables of a cluster: what launchers set passes; tests/malformed.py has what does not."""

import pytest

from vfe_lightning.cluster import KINDS, check_variables
from vfe_lightning.errors import Refused

USUAL = {
    "RANK": ["0", "12"],
    "WORLD_SIZE": ["1", " 64 "],
    "SLURM_NTASKS": ["8"],
    "MASTER_PORT": ["29500"],
    "OMP_NUM_THREADS": ["1", "4,2"],
    "CUDA_VISIBLE_DEVICES": ["", "0", "0,1, 2", "-1", "GPU-8932f937-d72c", "MIG-GPU-8932/1/2", "NoDevFiles"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in USUAL for value in USUAL[name]])
def test_what_launchers_set_is_allowed(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    check_variables()


@pytest.mark.parametrize("name", KINDS)
def test_every_variable_is_named_where_it_means_nothing(monkeypatch, name):
    monkeypatch.setenv(name, "abc")
    with pytest.raises(Refused, match=f"{name} = abc is not allowed"):
        check_variables()
