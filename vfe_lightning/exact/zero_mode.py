r"""phi^4 theory around any mean field a, integrated over a: exact as the coupling goes to zero.

The modes beside the mean have the stiffness k^2 + M^2 + 6 lambda a^2 and the propagator G(r), and

$$ \ln z(a) = -N V(a) - \tfrac12 \sum_{k \ne 0} \ln \frac{k^2 + M^2 + 6 \lambda a^2}{\pi} - 3 N \lambda G(0)^2
   + N \lambda^2 \sum_r [48 a^2 G^3 + 36 G(0)^2 G^2 + 12 G^4] $$

are the tree, one, two and three loops that the second order in the interaction of these modes has.
"""

import math

import torch
from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.quadrature import integrate
from vfe_lightning.result import Reference

DEEP = 60.0  # of -ln z(a), where the first box ends
WEAK = 0.2  # coupling over the square of the least stiffness, up to which its second order is small
NOISE = 64 * EPSILON


def around_the_zero_mode(L: int, m2: float, lam: float) -> Reference:
    """F, E and S of L x L sites, lam > 0; the whole of the second order counts as the error.

    Raises:
        NotKnown: the coupling is not weak, or a mode is unstable around a = 0, so that domains of both phases
            matter.
    """
    N = L * L
    index = torch.arange(L, dtype=torch.float64)
    k2 = 2 - 2 * torch.cos(2 * math.pi * index / L)
    spectrum = (k2[:, None] + k2).flatten()[1:]
    waves = torch.cartesian_prod(index, index)
    cosines = torch.cos(2 * math.pi / L * waves @ waves[1:].T)  # (sites, modes)
    if not spectrum.min() + m2 > 0:
        raise NotKnown(f"m2 = {m2:g}: domains of both phases are no small fluctuation")
    square = max(0.0, -m2) / (2 * lam)
    lowest = -N * lam * square * square
    softest = spectrum.min().item() + m2 + 6 * lam * square
    if lam > WEAK * softest**2:
        raise NotKnown(f"lam = {lam:g} is no weak coupling beside m2 = {m2:g}")

    def orders(a: Tensor, coupling: Tensor | float) -> tuple[Tensor, Tensor]:
        """-ln z(a), less `lowest`, up to the first order of the fluctuations, and the second one: (points,).

        The coupling is `lam`, one number or (points, 1).
        """
        a2 = a[:, None].square()
        tree = N * lam * (a2 - square).square() if m2 <= 0 else N * a2 * (m2 + lam * a2)
        tree = tree + N * (coupling - lam) * a2.square()
        stiffness = spectrum + m2 + 6 * coupling * a2
        G = (1 / (2 * stiffness)) @ cosines.T / N
        g = G[:, :1]
        one_loop = 0.5 * (stiffness / math.pi).log().sum(dim=1, keepdim=True)
        first = tree + one_loop + 3 * N * coupling * g * g
        loops = 48 * a2 * G**3 + 36 * g * g * G**2 + 12 * G**4
        second = N * coupling**2 * loops.sum(dim=1, keepdim=True)
        return first[:, 0], second[:, 0]

    def action(a: Tensor) -> Tensor:
        first, second = orders(a[:, 0], lam)
        return first - second

    def second_order(a: Tensor) -> Tensor:
        return orders(a[:, 0], lam)[1].abs()

    def quartic(a: Tensor) -> Tensor:
        """lam d/d lam of the action, whose mean is <lam sum phi^4>."""
        with torch.enable_grad():
            coupling = torch.full_like(a, lam, requires_grad=True)
            first, second = orders(a[:, 0], coupling)
            (slope,) = torch.autograd.grad((first - second).sum(), coupling)
        return lam * slope[:, 0]

    rise = math.sqrt(DEEP / (N * lam))
    if m2 > 0:
        rise = 2 * DEEP / (N * m2 + math.sqrt((N * m2) ** 2 + 4 * N * lam * DEEP))
    box, ends = [(0.0, math.sqrt(square + rise))], [(0.0, math.inf)]
    peaks = torch.tensor([[0.0], [math.sqrt(square)]], dtype=torch.float64)
    z = integrate(action, quartic, box, peaks, NOISE, ends)
    neglected = integrate(action, second_order, box, peaks, NOISE, ends).mean
    # da of the mean is sqrt(N) times that of the normalised mode; both signs of a
    log_z = z.log - lowest + 0.5 * math.log(N) + math.log(2)
    rounding = 16 * EPSILON * (abs(lowest) + N)
    return Reference.thermal(
        log_z,
        N / 2 - z.mean,
        1.0,
        z.log_error + neglected + rounding,
        z.mean_error + 4 * neglected + rounding + EPSILON * abs(z.mean),
    )
