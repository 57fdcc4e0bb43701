"""Whitening by samples, against their own mean and covariance."""

import torch
from noise import normal
from torch.func import jacrev

from vfe_lightning.bijectors.whitened import Whitened


def test_samples_become_white_and_come_back():
    samples = (normal(0, 200, 6) @ normal(1, 6, 6) + normal(2, 6)).view(200, 3, 2)
    bijector = Whitened(samples)
    z, log_det = bijector.inverse(samples)
    flat = z.flatten(1)
    torch.testing.assert_close(flat.mean(dim=0), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-10)
    torch.testing.assert_close(flat.T.cov(), torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-9)
    x, minus = bijector(z)
    torch.testing.assert_close(x, samples, rtol=0, atol=1e-10)
    torch.testing.assert_close(minus, -log_det, rtol=0, atol=1e-12)
    jacobian = jacrev(lambda y: bijector(y[None])[0][0].flatten())(z[0]).view(6, 6)
    torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], minus[0], rtol=0, atol=1e-10)
