"""The twin of a module in single precision follows it, and belongs to nothing."""

import torch
from torch import nn

from vfe_lightning.calculus.single_precision import SinglePrecision


def test_the_twin_follows_at_the_same_addresses():
    module = nn.Linear(3, 2).double()
    single = SinglePrecision(module)
    first = [p.data_ptr() for p in single().parameters()]
    with torch.no_grad():
        module.weight.mul_(3.0)
    twin = single()
    assert [p.data_ptr() for p in twin.parameters()] == first
    for own, followed in zip(twin.parameters(), module.parameters(), strict=True):
        assert own.dtype == torch.float32 and not own.requires_grad
        assert torch.equal(own, followed.float())
    assert module.weight.dtype == torch.float64


def test_a_module_that_holds_one_has_no_more_parameters():
    holder = nn.Module()
    holder.flow = nn.Linear(3, 2).double()
    holder.single = SinglePrecision(holder.flow)
    holder.single()
    assert set(holder.state_dict()) == {"flow.weight", "flow.bias"}
