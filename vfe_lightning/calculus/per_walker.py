r"""Per-sample gradients by one backward pass: give every walker its own copy of the parameters.

With theta_b the copy of walker b, d/d theta_b of sum_b c_b . f(theta_b, x_b) is the gradient of sample b
alone, so one batched backward pass yields all rows of O_bp = c_b . d f(theta, x_b) / d theta_p.  The module
must accept parameters with a leading walker axis.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

Outputs = tuple[Tensor, ...]


class _Call(nn.Module):
    """function(module, *inputs) as a module's forward, which functional_call insists on."""

    def __init__(self, module: nn.Module, function: Callable[..., Outputs]):
        super().__init__()
        self.module = module
        self.function = function

    def forward(self, *inputs: Tensor) -> Outputs:
        return self.function(self.module, *inputs)


def per_walker_gradients(
    module: nn.Module,
    function: Callable[..., Outputs],
    inputs: Sequence[Tensor],
    cotangents: Callable[..., Sequence[Sequence[Tensor | None]]],
) -> list[Tensor]:
    """Gradients, sample by sample, of sums of a function's outputs with given weights.

    Args:
        module: parameters are taken in the order of module.parameters(); a frozen one counts like any other.
        function: (module, *inputs) -> tuple of outputs (batch, ...); an unbound method such as Flow.jac.
        inputs: tensors (batch, ...), constants.
        cotangents: outputs -> one row a backward pass, each row one tensor (or None: unused) an output;
            called without autograd, on the outputs of the one forward pass.

    Returns:
        One (batch, P) matrix a row of cotangents.
    """
    batch = len(inputs[0])
    # an inference tensor cannot be saved for a backward pass: leave the mode and copy what came from it
    with torch.inference_mode(False), torch.enable_grad():
        copies = {
            f"module.{name}": parameter.detach().expand(batch, *parameter.shape).requires_grad_()
            for name, parameter in module.named_parameters()
        }
        constants = [t.clone() if t.is_inference() else t.detach() for t in inputs]
        outputs = functional_call(_Call(module, function), copies, tuple(constants))
        with torch.no_grad():
            passes = cotangents(*(t.detach() for t in outputs))
        matrices = []
        for row, weights in enumerate(passes):
            used = [(t, w) for t, w in zip(outputs, weights, strict=True) if w is not None]
            gradients = torch.autograd.grad(
                [t for t, _ in used],
                list(copies.values()),
                [w for _, w in used],
                retain_graph=row + 1 < len(passes),
                allow_unused=True,
                materialize_grads=True,
            )
            matrices.append(torch.cat([g.reshape(batch, -1) for g in gradients], 1))
    return matrices
