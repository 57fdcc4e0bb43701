"""Parameters as one vector, in the order of the columns of the scores."""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn


def parts(vector: Tensor, parameters: Sequence[nn.Parameter]) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Each parameter with its own part of a vector of all of them, in its shape."""
    for p, part in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
        yield p, part.reshape(p.shape)
