"""What is minimised: the loss of K models on a batch and its gradient, by hand where a network has a kernel, else by autograd.

Row k of a gradient belongs to model k alone, because the sum of the rows' losses has no cross terms.

Shapes: K models, P parameters, n samples.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .losses import Loss, output_gradient
from .network import Kernel, Network
from .norms import RunningStats
from .penalties import Penalty
from .random import Generators

Watch = Callable[[Tensor, tuple[Any, Tensor], Sequence[Tensor]], object]


class Objective(Protocol):
    """What the trainer descends."""

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators) -> tuple[Tensor, Tensor]:
        """Value [K], which is recorded, and gradient [K, P] at theta [K, P] on one batch.

        generators: what is random (dropout, noise) is drawn for row k from generators[k]. The gradient may be a buffer that
        the next call overwrites."""
        ...


class Supervised:
    """The mean loss of a network's outputs over a batch (x, y), plus a penalty.

    The value is the loss without the penalty; the gradient has both. `penalty` and `dropout` are attributes that may be
    set between calls.

    dropout: P(drop), a number or one per model [K]; the network's own if None.
    stats: running statistics that the network moves in train mode (`Network.running_stats`), None to keep none.
    watch: called as f(theta, batch, masks) before each gradient, with the dropout masks that it is taken under (none where
        nothing is dropped). theta is updated in place afterwards: clone what is to be kept.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        penalty: Penalty | None = None,
        dropout: float | Tensor | None = None,
        stats: RunningStats | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.network, self.loss, self.penalty, self.stats, self.watch = network, loss, penalty, stats, watch
        self.dropout = network.dropout if dropout is None else dropout
        self._theta: Tensor | None = None
        self._mask: Tensor | None = None
        self._kernels: dict[int, Kernel | None] = {}

    def kernel(self, theta: Tensor, n: int) -> Kernel | None:
        """The network's kernel for theta and batches of n, made once: what it holds belongs to the last such batch."""
        if theta is not self._theta:
            self._theta, self._mask, self._kernels = theta, self.network.weight_mask(theta.dtype), {}
        if n not in self._kernels:
            self._kernels[n] = self.network.kernel(theta, n)
        return self._kernels[n]

    def value_and_gradient(
        self, theta: Tensor, batch: tuple[Any, Tensor], generators: Generators = ()
    ) -> tuple[Tensor, Tensor]:
        """Loss [K] without the penalty, and the gradient [K, P] of loss and penalty, on batch = (x, y).

        x [1 or K, *inputs, n] as the network takes it, y [1 or K, ..., n] as the loss takes it."""
        if torch.is_grad_enabled():
            with torch.no_grad():
                return self.value_and_gradient(theta, batch, generators)
        x, y = batch
        n = y.shape[-1]
        kernel = self.kernel(theta, n)
        options: dict[str, Any] = {} if self.stats is None else {"stats": self.stats}
        if isinstance(self.dropout, Tensor) or self.dropout > 0:
            options["masks"] = self.network.masks(generators, n, self.dropout, theta.dtype)
        if self.watch is not None:
            self.watch(theta, batch, options.get("masks", ()))
        if kernel is None:
            value, grad = self._by_autograd(theta, batch, options)
        else:
            out = kernel.forward(x, **options)
            value = self.loss.value(out, y)
            grad = kernel.backward(output_gradient(self.loss, out, y))
        if self.penalty is not None:
            grad += self.penalty.gradient(theta, self._mask)
        return value, grad

    def _by_autograd(self, theta: Tensor, batch: tuple[Any, Tensor], options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        (x, y), options = differentiable(batch), differentiable(options)
        forward: Callable[..., Tensor] = self.network.forward  # statistics and masks go to networks that make them
        return autograd_gradient(lambda t: self.loss.value(forward(t, x, train=True, **options), y), theta)


class Autograd:
    """A loss of one's own, `loss_of(theta, batch, generators) -> [K]`, whose row k depends on theta[k] only.

    theta [K, P] requires a gradient; the batch is what the streams yield, a mapping of batches if there are several."""

    def __init__(self, loss_of: Callable[[Tensor, Any, Generators], Tensor]) -> None:
        self.loss_of = loss_of

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators = ()) -> tuple[Tensor, Tensor]:
        """Value [K] and gradient [K, P] of the loss."""
        batch = differentiable(batch)
        return autograd_gradient(lambda t: self.loss_of(t, batch, generators), theta)


def autograd_gradient(f: Callable[[Tensor], Tensor], theta: Tensor) -> tuple[Tensor, Tensor]:
    """Loss [K] and gradient [K, P] of any f(theta [K, P]) -> [K] whose row k depends on theta[k] only."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = differentiable(theta).detach().requires_grad_()
        value = f(leaf)
        (grad,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), grad


def differentiable(batch: Any) -> Any:
    """The same tensors, mappings, tuples and lists, in tensors that autograd accepts.

    Training runs in inference mode, whose tensors it refuses; copies made outside that mode are ordinary."""
    if isinstance(batch, Tensor):
        with torch.inference_mode(False):
            return batch.clone() if batch.is_inference() else batch
    if isinstance(batch, dict):
        return {name: differentiable(part) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [differentiable(part) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch
