"""What is replayed on a GPU is called as it is elsewhere; the GPU itself is in `test_on_a_device.py`."""

import torch
from second_device import second_device

from vfe_lightning.calculus.replay import _called, replayed


class Doubling(torch.nn.Linear):
    def doubled(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * self(x)


class Counting:
    calls = 0

    def count(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x


def plain(x: torch.Tensor) -> torch.Tensor:
    return x + 1


def test_on_a_cpu_a_function_is_called_without_autograd():
    layer, x = Doubling(3, 3), torch.ones(2, 3)
    found = replayed(layer.doubled, x)
    assert torch.equal(found, 2 * layer(x)) and not found.requires_grad


def test_each_call_reaches_what_knows_more_than_its_arguments():
    counting, x = Counting(), torch.ones(2)
    with second_device():
        for _ in range(3):
            replayed(counting.count, x.cuda())
    assert counting.calls == 3


def test_only_what_knows_its_arguments_alone_can_be_recorded():
    layer, length = Doubling(3, 3), 2.0
    assert _called(plain) and _called(layer.doubled)
    assert _called(Counting().count) is None and _called(lambda x: x * length) is None


def test_a_module_with_other_parameters_is_another():
    one, other = Doubling(3, 3), Doubling(3, 3)
    assert _called(one.doubled) == _called(one.doubled) != _called(other.doubled)
    before = _called(one.doubled)
    one.weight.data = one.weight.data.clone()
    assert _called(one.doubled) != before
