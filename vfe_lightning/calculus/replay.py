"""Many small kernels as one launch: CUDA graphs of functions whose shapes and course do not change.

On a GPU a step of a small system waits for the launches of its kernels. What a function launches is recorded
once for each shape of its arguments, and replayed with the same numbers as before. On a CPU a function is
called as it is.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields
from types import FunctionType, MethodType
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.backends.cuda import preferred_linalg_library
from torch.utils._pytree import register_pytree_node, tree_flatten, tree_map_only

KEPT = 64  # recordings, the latest used
# Arguments that hold nothing unseen
PLAIN = (Tensor, torch.Generator, nn.Module, int, float, str, torch.dtype, torch.device, type(None))
T = TypeVar("T")
C = TypeVar("C")


class Recording(NamedTuple):
    """A graph, where its arguments lie and its results come to lie, and what must not be freed meanwhile."""

    graph: torch.cuda.CUDAGraph
    arguments: list[Tensor]
    results: Any
    held: tuple[Any, ...]


_recordings: OrderedDict[Hashable, Recording | None] = OrderedDict()


def replayable(declared: type[C]) -> type[C]:
    """A dataclass that a replayed function may be given: what it holds is all that it knows."""
    names = [field.name for field in fields(declared)]  # pyright: ignore
    register_pytree_node(
        declared, lambda one: ([getattr(one, name) for name in names], None), lambda held, _: declared(*held)
    )
    return declared


def replayed(function: Callable[..., T], *arguments: Any) -> T:
    """function(*arguments), without autograd; on a GPU from its second call on as one launch.

    Args:
        function: of a module of Python, or a method of a torch module. It reads the values of no tensor on
            the host, has no loop whose length depends on them, and knows only its arguments, parameters and
            buffers. Another callable, or one with another argument, may know more, and is called as it is.
        arguments: tensors, generators, torch modules, plain values, and tuples or `replayable` of them.
    """
    with torch.no_grad():
        leaves, _ = tree_flatten(arguments)
        called = _called(function)
        known = called and all(isinstance(leaf, PLAIN) for leaf in leaves)
        if not (known and torch.cuda.is_available() and any(_on_gpu(leaf) for leaf in leaves)):
            return function(*arguments)
        key = (called, tuple(map(_told_apart, leaves)))
        if key not in _recordings:
            _remember(key, None)  # libraries make their handles at a first call, which no graph can hold
            with _recordable_algebra():
                return function(*arguments)
        recording = _recordings[key] or _record(function, arguments)
        _remember(key, recording)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        for own, given in zip(recording.arguments, tensors, strict=True):
            own.copy_(given)
        recording.graph.replay()
        return tree_map_only(Tensor, torch.clone, recording.results)


def _record(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Recording:
    own = tree_map_only(Tensor, torch.clone, arguments)
    leaves, _ = tree_flatten(own)
    graph = torch.cuda.CUDAGraph()
    for leaf in leaves:
        if isinstance(leaf, torch.Generator):
            graph.register_generator_state(leaf)
    with _recordable_algebra(), torch.cuda.graph(graph, pool=_pool(), capture_error_mode="thread_local"):
        results = function(*own)
    return Recording(graph, [leaf for leaf in leaves if isinstance(leaf, Tensor)], results, (function, own))


@contextlib.contextmanager
def _recordable_algebra() -> Iterator[None]:
    """Factorisations of batches by a library that leaves nothing to the host."""
    before = preferred_linalg_library()
    preferred_linalg_library("cusolver")
    try:
        yield
    finally:
        preferred_linalg_library(before)


def _pool(made: list[Any] = []) -> Any:  # noqa: B006
    """Memory that all recordings share: the results of each are copied before the next is replayed."""
    if not made:
        made.append(torch.cuda.graph_pool_handle())
    return made[0]


def _remember(key: Hashable, recording: Recording | None) -> None:
    _recordings[key] = recording
    _recordings.move_to_end(key)
    if len(_recordings) > KEPT:
        _recordings.popitem(last=False)


def _on_gpu(leaf: Any) -> bool:
    return isinstance(leaf, Tensor | torch.Generator) and leaf.device.type == "cuda"


def _called(function: Callable[..., Any]) -> Hashable:
    """A function, or a method with the addresses of what its module holds; None of what may know more."""
    if isinstance(function, FunctionType):
        return None if function.__closure__ else function
    if isinstance(function, MethodType) and isinstance(function.__self__, nn.Module):
        return function.__func__, _told_apart(function.__self__)
    return None


def _told_apart(leaf: Any) -> Hashable:
    if isinstance(leaf, Tensor):
        return leaf.shape, leaf.dtype, leaf.device
    if isinstance(leaf, nn.Module):
        return id(leaf), tuple(t.data_ptr() for t in [*leaf.parameters(), *leaf.buffers()])
    return id(leaf) if isinstance(leaf, torch.Generator) else leaf
