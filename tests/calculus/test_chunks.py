"""Walkers at once: as asked, as many as fit, and half as many where they do not."""

import pytest
import torch

from vfe_lightning.calculus.chunks import CACHE, LEAST, OF_CONTINUOUS_FLOWS, Chunks, of_continuous_flow

CPU = torch.device("cpu")


def out_of_memory_above(limit: int):
    def function(size: int) -> int:
        if size > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return size

    return function


def test_what_is_asked_for_is_taken():
    assert Chunks(8, 5).run(lambda size: size, CPU) == 5


@pytest.mark.parametrize("bytes_of_one", [8, 1000, CACHE, 10 * CACHE])
def test_a_cache_holds_the_largest_tensor_of_as_many_as_are_chosen(bytes_of_one):
    size = Chunks(bytes_of_one).run(lambda size: size, CPU)
    assert size == LEAST or CACHE - bytes_of_one < size * bytes_of_one <= CACHE


@pytest.mark.parametrize(("electrons", "size"), [(2, None), (16, None), (40, None), (16, 3)])
def test_a_continuous_flow_on_a_cpu_takes_many_or_as_many_as_are_asked_for(electrons, size):
    chunks = of_continuous_flow(electrons, 3, electrons, size)
    assert chunks.run(lambda walkers: walkers, CPU) == (
        size or max(OF_CONTINUOUS_FLOWS, CACHE // chunks.bytes_of_one)
    )


def test_memory_that_runs_out_halves_them_for_good_and_says_so():
    chunks = Chunks(8, 64)
    with pytest.warns(UserWarning, match="no memory for 64 walkers at once: going on with 32"):
        assert chunks.run(out_of_memory_above(20), CPU) == 16
    assert chunks.run(lambda size: size, CPU) == 16


def test_a_walker_that_does_not_fit_is_an_error():
    with pytest.warns(UserWarning), pytest.raises(torch.OutOfMemoryError):
        Chunks(8, 4).run(out_of_memory_above(0), CPU)
