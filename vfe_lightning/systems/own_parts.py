"""Networks and flows from outside of the package, which are checked before anything is trained with them.

A probability that is not normalised and a wrong determinant go unnoticed otherwise: F is then no bound.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.equivariant_velocity import Velocity
from vfe_lightning.calculus.forward_laplacian import coordinates
from vfe_lightning.generative.model import GenerativeModel

TRIED = 5  # samples
SUMMED = 2**12  # configurations, whose probabilities are summed
MAPPED = 64  # coordinates, whose Jacobian is computed
ROUNDING = 1e-6  # of a sum over all configurations
CLOSE = 1e-3  # of maps that integrate or iterate


def own_network(declaration: declarations.OwnNetwork, sites: int) -> GenerativeModel:
    """The network that was declared, if it is a normalised model of spins.

    Raises:
        ValueError: it is none; the message says why.
    """
    with told(f"{type(declaration).__name__}.build({sites})"):
        return _tried(declaration.build(sites), sites, (-1, 1), "spins +1 and -1")


def own_colour_network(
    declaration: declarations.OwnColourNetwork, sites: int, colours: int
) -> GenerativeModel:
    """The same of colours 0, 1, ...

    Raises:
        ValueError: it is none; the message says why.
    """
    with told(f"{type(declaration).__name__}.build({sites}, {colours})"):
        return _tried(declaration.build(sites, colours), sites, range(colours), f"colours 0 to {colours - 1}")


@torch.no_grad()
def _tried(model: object, sites: int, values: Sequence[int], named: str) -> GenerativeModel:
    if not isinstance(model, GenerativeModel):
        raise ValueError(f"{type(model).__name__} is no vfe_lightning.generative.model.GenerativeModel")
    s = model.sample(TRIED, torch.Generator().manual_seed(0))
    shaped("sample(n)", s, (TRIED, sites))
    each = torch.tensor(values, dtype=s.dtype)
    if not torch.isin(s, each).all():
        raise ValueError(f"sample(n) must be of {named}")
    shaped("log_prob(s)", model.log_prob(s), (TRIED,))
    shaped("scores(s)", model.scores(s), (TRIED, sum(p.numel() for p in model.parameters())))
    if len(each) ** sites <= SUMMED:
        every = torch.cartesian_prod(*[each] * sites).reshape(-1, sites)
        total = model.log_prob(every).exp().sum().item()
        if abs(total - 1) > ROUNDING:
            raise ValueError(f"p is not normalised: the sum over all s is {total:.6g}")
    return model


def own_flow(declaration: declarations.OwnFlow, shape: tuple[int, ...]) -> Bijector:
    """The flow that was declared, if it is a bijection with that determinant.

    Raises:
        ValueError: it is none; the message says why.
    """
    with told(f"{type(declaration).__name__}.build({shape})"):
        flow = declaration.build(shape)
        if not isinstance(flow, Bijector):
            raise ValueError(f"{type(flow).__name__} is no vfe_lightning.bijectors.bijector.Bijector")
        z = torch.randn(TRIED, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        with torch.no_grad():
            x, log_det = flow(z)
            shaped("x of flow(z)", x, (TRIED, *shape))
            shaped("ln|det| of flow(z)", log_det, (TRIED,))
            back, inverse = flow.inverse(x)
            shaped("z of inverse(x)", back, (TRIED, *shape))
            shaped("ln|det| of inverse(x)", inverse, (TRIED,))
        close("inverse(x) is not z", back, z)
        close("ln|det| of inverse is not minus that of forward", inverse, -log_det)
        if z[0].numel() <= MAPPED:
            jacobian = torch.autograd.functional.jacobian(lambda y: flow(y[None])[0].flatten(), z[0])
            found = torch.linalg.slogdet(jacobian.reshape(z[0].numel(), -1)).logabsdet
            close("ln|det| is not that of the Jacobian", log_det[0], found)
    return flow


def own_velocity(declaration: declarations.OwnVelocity, n_up: int, n_down: int, dim: int) -> Velocity:
    """The velocity that was declared, if divergence, derivatives and symmetry are those of its field.

    Raises:
        ValueError: they are not; the message says why.
    """
    n, t = n_up + n_down, 0.3
    with told(f"{type(declaration).__name__}.build({n_up}, {n_down}, {dim})"):
        velocity = declaration.build(n_up, n_down, dim)
        if not isinstance(velocity, Velocity):
            raise ValueError(f"{type(velocity).__name__} is no {Velocity.__module__}.Velocity")
        x = torch.randn(TRIED, dim, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        with torch.no_grad():
            v, divergence = velocity(x, t)
            shaped("v", v, (TRIED, dim, n))
            shaped("div v", divergence, (TRIED,))
            order = [*reversed(range(n_up)), *reversed(range(n_up, n))]
            close("v does not commute with exchanges", velocity(x[..., order], t)[0], v[..., order])
            walkers = {name: p.expand(TRIED, *p.shape) for name, p in velocity.named_parameters()}
            each = torch.func.functional_call(velocity, walkers, (x, t))
            close("v is another one where each walker has parameters of its own", each[0], v)
            traced = velocity(coordinates(x), t)

        def both(y: Tensor) -> Tensor:
            return torch.cat([part.flatten() for part in velocity(y.view(1, dim, n), t)])

        first = torch.func.jacfwd(both)
        slope = first(x[0].flatten())
        bend = torch.func.jacfwd(first)(x[0].flatten()).diagonal(dim1=1, dim2=2).sum(1)
        close("div v is not the trace of its Jacobian", divergence[0], slope[:-1].trace())
        for name, found, rows in zip(("v", "div v"), traced, (slice(-1), slice(-1, None)), strict=True):
            gradient = found.gradient[:, 0].reshape(n * dim, -1).mT
            close(f"the gradient of {name} is not that of its values", gradient, slope[rows])
            close(
                f"the Laplacian of {name} is not that of its values", found.laplacian[0].flatten(), bend[rows]
            )
    return velocity


@contextmanager
def told(name: str) -> Iterator[None]:
    """What goes wrong is that of this object."""
    try:
        yield
    except Exception as error:  # whatever code from outside raises
        raise ValueError(f"{name}: {' '.join(str(error).split()) or type(error).__name__}") from error


def shaped(what: str, value: Tensor, shape: tuple[int, ...]) -> None:
    """Raises ValueError for another shape, and for what is not finite or not in double precision."""
    if not isinstance(value, Tensor) or tuple(value.shape) != shape:
        found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{what} is {found}, where {shape} is wanted")
    if value.dtype != torch.float64:
        raise ValueError(f"{what} is {value.dtype}, where torch.float64 is wanted")
    if not value.isfinite().all():
        raise ValueError(f"{what} is not finite")


def close(what: str, value: Tensor, expected: Tensor) -> None:
    error = (value - expected).abs().max().item()
    if error > CLOSE * (1 + expected.abs().max().item()):
        raise ValueError(f"{what}: they differ by {error:.1g}")
