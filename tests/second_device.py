"""A pretended GPU for machines that have none: CPU tensors with a mark on their storage.

Two modes see every call. One sees what Python calls, also within the transforms of torch.func: it answers
`x.device`, makes tensors where they are asked for, moves them by a copy, and keeps away numpy and generators
of the other device. One sees the operators that are left at the bottom, also of the backward pass: it refuses
them tensors of two devices, as torch does, and marks what they return.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from lightning import Trainer
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor
from torch._C import _functorch  # pyright: ignore
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors
from torch.utils._python_dispatch import TorchDispatchMode

HOST, SECOND = torch.device("cpu"), torch.device("cuda", 0)
aten = torch.ops.aten

# Make tensors out of nothing, on the CPU unless they are told a device
MAKERS = frozenset(_device_constructors()) | {torch.from_numpy}
CONVERTERS = {torch.tensor, torch.as_tensor, torch.asarray}  # leave a tensor where it lies
TO_NUMPY = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__}
ACROSS = {aten.copy_.default, aten._foreach_copy_.default}
# Their second argument is a list of indices, which may lie on the CPU
INDEXED = {
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
    aten._unsafe_index.Tensor,
    aten._unsafe_index_put.default,
}
HOLDING = (Tensor, list, tuple, dict)  # among arguments and results, tensors
JOINING = {aten.cat.default, aten.stack.default}  # take no number from the CPU, as others do


@contextlib.contextmanager
def second_device() -> Iterator[None]:
    """Within, `cuda` is a device; tensors that come from before it lie on the CPU."""
    operators = Operators()
    calls = Calls(operators)
    run_backward = torch.autograd._engine_run_backward  # pyright: ignore

    def backward(*arguments: Any, **options: Any) -> Any:
        with calls:  # torch takes a mode off while it handles a call, but a backward pass runs Python of ours
            return run_backward(*arguments, **options)

    with (
        mock.patch.object(torch, "Generator", Generator),
        mock.patch.object(torch.cuda, "get_device_name", lambda device: "pretended"),
        mock.patch.object(torch.autograd, "_engine_run_backward", backward),
        operators,
        calls,
    ):
        yield


class SecondAccelerator(CPUAccelerator):
    """What Lightning trains on when it is given the strategy of `trainer_on_second_device`."""

    def setup_device(self, device: torch.device) -> None: ...


def trainer_on_second_device(**options: Any) -> Trainer:
    """A trainer that moves the system as it does for a GPU, and back when it is done."""
    options |= {"accelerator": SecondAccelerator(), "strategy": SingleDeviceStrategy(device=SECOND)}
    return Trainer(**options)


def place(x: Tensor) -> torch.device:
    """Where a tensor pretends to lie."""
    return getattr(innermost(x).untyped_storage(), "place", HOST)


def put(found: Any, device: torch.device) -> Any:
    """Mark the tensors in what an operator returned."""
    for x in map(innermost, tensors_in(found)):
        x.untyped_storage().place = device  # pyright: ignore
    return found


def innermost(x: Tensor) -> Tensor:
    """The tensor within the wrappers of torch.func."""
    while _functorch.is_functorch_wrapped_tensor(x):
        x = _functorch.get_unwrapped(x)
    return x


def tensors_in(found: Any) -> list[Tensor]:
    if isinstance(found, Tensor):
        return [found]
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else ()
    return [x for part in parts if isinstance(part, HOLDING) for x in tensors_in(part)]


def resolved(device: torch.device | str | int) -> torch.device:
    return SECOND if torch.device(device).type == SECOND.type else HOST


class Generator(torch.Generator):
    """A generator of the device it was asked for, with the numbers of the CPU."""

    def __new__(cls, device: torch.device | str = HOST) -> "Generator":
        return super().__new__(cls)

    def __init__(self, device: torch.device | str = HOST) -> None:
        self.place = resolved(device)

    @property
    def device(self) -> torch.device:
        return self.place

    def set_state(self, new_state: Tensor) -> "Generator":
        if place(new_state) != HOST:
            raise TypeError("RNG state must be a torch.ByteTensor")
        super().set_state(new_state)
        return self


ANSWERS: dict[Any, Callable[[torch.device], Any]] = {
    Tensor.device.__get__: lambda device: device,  # pyright: ignore
    Tensor.is_cuda.__get__: lambda device: device == SECOND,  # pyright: ignore
    Tensor.is_cpu.__get__: lambda device: device == HOST,  # pyright: ignore
    Tensor.get_device: lambda device: 0 if device == SECOND else -1,
}


class Calls(TorchFunctionMode):
    """What Python calls."""

    def __init__(self, operators: "Operators") -> None:
        super().__init__()
        self.operators = operators

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in ANSWERS:
            return ANSWERS[func](place(args[0]))
        if func in TO_NUMPY and place(args[0]) != HOST:
            raise TypeError(f"can't convert {SECOND} device type tensor to numpy. Use Tensor.cpu()")
        if func in (Tensor.cpu, Tensor.cuda):
            return self.moved(args[0], HOST if func == Tensor.cpu else SECOND)
        if func == Tensor.to:
            return self.to(*args, **kwargs)
        x = next(iter(args), None)
        if func in CONVERTERS and isinstance(x, Tensor):
            x = self.moved(x, resolved(kwargs.get("device") or place(x)))
            return self.called(func, place(x), x, *args[1:], **kwargs)
        if (asked := kwargs.get("device")) is not None:
            return put(self.called(func, resolved(asked), *args, **kwargs), resolved(asked))
        if func in MAKERS:
            return put(self.called(func, HOST, *args, **kwargs), HOST)
        away = any(place(x) == SECOND for x in tensors_in((args, kwargs)))
        found = self.called(func, SECOND if away else HOST, *args, **kwargs)
        # these copy a storage, or make a tensor like x, beneath what the operators see
        beneath = func == Tensor.__deepcopy__ or func in (Tensor.new, Tensor.new_tensor)
        return put(found, place(args[0])) if beneath else found

    def called(self, func: Any, device: torch.device, /, *args: Any, **kwargs: Any) -> Any:
        """With the CPU in place of the pretended device, which is for what torch makes on the way."""
        for generator in (g for g in (*args, *kwargs.values()) if isinstance(g, torch.Generator)):
            if (found := generator.device) != device:
                expected = f"Expected a '{device.type}' device type for generator"
                raise RuntimeError(f"{expected} but found '{found.type}'")
        if kwargs.get("device") is not None:
            kwargs["device"] = HOST
        with self.operators.on(device):
            return func(*args, **kwargs)

    def to(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor:
        """x.to in all its forms."""
        if args and isinstance(other := args[0], Tensor):
            args = (place(other), other.dtype, *args[1:])
        asked = [a for a in (*args, *kwargs.values()) if isinstance(a, torch.device | str)]
        x = self.moved(x, resolved(asked[0]) if asked else place(x))
        rest = [HOST if isinstance(a, torch.device | str) else a for a in args]
        return self.called(Tensor.to, place(x), x, *rest, **kwargs)

    def moved(self, x: Tensor, device: torch.device) -> Tensor:
        """On another device as a copy, which has a storage of its own."""
        return x if place(x) == device else put(x.to(x.dtype, copy=True), device)


class Operators(TorchDispatchMode):
    """What is left at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self.device = HOST

    @contextlib.contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        """Within, what is made out of nothing lies on this device."""
        before, self.device = self.device, device
        try:
            yield
        finally:
            self.device = before

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        places = [place(x) for x in tensors_in((args, kwargs))]
        away = SECOND in places if places else self.device == SECOND
        if HOST in places and away and func not in ACROSS:
            check(func, args, kwargs)
        found = func(*args, **kwargs)
        return put(found, SECOND) if away and func not in ACROSS else found


def check(func: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Raises RuntimeError where the operator would, of tensors of both devices."""
    named = dict(zip([a.name for a in func._schema.arguments], args, strict=False)) | kwargs
    written = {a.name for a in func._schema.arguments if a.alias_info and a.alias_info.is_write}
    if func in INDEXED and place(args[0]) == SECOND:
        del named["indices"]
    for name, value in named.items():
        for x in tensors_in(value):
            number = x.ndim == 0 and name not in written and func not in JOINING
            if place(x) == HOST and not number:
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but {name} of {func}, of shape "
                    f"{tuple(x.shape)}, is on {HOST}, others are on {SECOND}"
                )
