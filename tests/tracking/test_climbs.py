"""Sequential Monte Carlo that is stopped on its way goes on from there, to the same numbers."""

import pytest
import torch

from vfe_lightning import declarations
from vfe_lightning.finishing import finish
from vfe_lightning.tracking.climbs import KeptClimb

CPU = torch.device("cpu")
WANTED = declarations.SequentialMonteCarlo(populations=8, walkers=8, steps=4, settling=2)
SYSTEMS = {
    "spins": lambda: declarations.SherringtonKirkpatrick(n=5, beta=1.0, annealing={"kind": "none"}),
    "space": lambda: declarations.DoubleWell(),
}


class Killed(BaseException):
    pass


class KilledAt(KeptClimb):
    """Not there any more after some stops were written."""

    def __init__(self, folder, identity, height):
        super().__init__(folder, identity, every=0)
        self.height = height

    def keep(self, stop):
        super().keep(stop)
        if stop["height"] == self.height:
            raise Killed


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_climb_that_was_stopped_comes_to_the_same_numbers(tmp_path, kind):
    torch.manual_seed(0)
    system = SYSTEMS[kind]().build()
    whole = finish(system.crossing(), WANTED, 3, CPU)
    with pytest.raises(Killed):
        finish(system.crossing(), WANTED, 3, CPU, keeper=KilledAt(tmp_path, "it", 2))
    keeper = KeptClimb(tmp_path, "it")
    held = keeper.held()
    assert held is not None and held["height"] == 2 < whole.climb.height
    again = finish(system.crossing(), WANTED, 3, CPU, keeper=keeper)
    torch.testing.assert_close(again.log_z, whole.log_z, rtol=0, atol=0)
    torch.testing.assert_close(again.x, whole.x, rtol=0, atol=0)
    torch.testing.assert_close(again.climb.acceptance, whole.climb.acceptance, rtol=0, atol=0, equal_nan=True)
    assert again.evaluations == whole.evaluations and again.seconds > held["seconds"]
    for name, series in whole.series.items():
        torch.testing.assert_close(again.series[name].means, series.means, rtol=0, atol=0)
    assert keeper.held() is None and not list(tmp_path.iterdir())  # nothing is left of what is over


def test_a_stop_of_something_else_or_of_garbage_is_none(tmp_path):
    keeper = KeptClimb(tmp_path, "this", every=0)
    assert keeper.held() is None
    keeper.keep({"height": 1})
    assert keeper.held() == {"height": 1}
    assert KeptClimb(tmp_path, "that").held() is None
    keeper.path.write_bytes(keeper.path.read_bytes()[:-9])
    assert keeper.held() is None
    keeper.clear()
    assert not list(tmp_path.iterdir())


def test_stops_are_not_written_all_the_time(tmp_path):
    keeper = KeptClimb(tmp_path, "this", every=1e6)
    keeper.keep({"height": 1})
    assert keeper.held() is None
