"""Multilayer perceptrons of K models at once: one row of theta is one model, weights are views into it.

A hidden layer is affine -> norm -> activation -> dropout; `residual` adds its input where the widths match:

    z = W h + b,   h' = m * f(norm(z)) [+ h]

Shapes: K models, P parameters, d inputs, H features of a layer, C outputs, n samples.
    theta_KP [K, P]     x [1 or K, d, n]     W [K, H, H_in]     b, gamma, beta [K, H, 1]     out [K, C, n]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .backprop import Backprop
from .mlp_layout import MLPLayout
from .norms import RunningStats
from .random import Generators, uniforms

# Elements of one layer's activations that a pass without gradients may hold; more rows go in chunks.
CHUNK = 2**21


class Activations(NamedTuple):
    """What `MLP.activations` returns. Lists have one tensor [K, H, n] per hidden layer."""

    pre: list[Tensor]  # z = W h + b
    normalised: list[Tensor]  # gamma x̂ + beta, what the activation function sees; z itself without norm
    post: list[Tensor]  # what the next layer sees
    out: Tensor  # [K, C, n]


@dataclass(frozen=True)
class MLP(MLPLayout):
    """An architecture, without parameters. Frozen and hashable.

    sizes: inputs, hidden widths, outputs.
    activation: tanh, relu, leaky_relu, sigmoid or linear, or one of them for each hidden layer; the output is linear.
    norm: None, "batch", "layer" or "group" (with `groups`).
    residual: add a hidden layer's input where widths match.
    dropout: P(drop) of hidden units in training; kept ones are scaled by 1/(1 - p).
    norm_momentum: weight of the newest batch in batch norm's running statistics, as in torch.

    Raises ValueError naming the field.
    """

    def running_stats(self, K: int, dtype: torch.dtype = torch.float32) -> RunningStats | None:
        """Batch norm's statistics before training, mean 0 and variance 1; None for other norms."""
        if self.norm != "batch":
            return None
        shape = K, sum(self.hidden)
        return RunningStats(torch.zeros(shape, dtype=dtype), torch.ones(shape, dtype=dtype))

    def masks(
        self,
        generators: Generators,
        n: int,
        rate: float | Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> list[Tensor]:
        """Dropout masks, one [K, H, n] per hidden layer, with values 0 and 1/(1 - p).

        rate: P(drop), a number or one per model [K]; `self.dropout` if None.
        """
        p = torch.as_tensor(self.dropout if rate is None else rate, dtype=dtype).reshape(-1, 1, 1)
        kept = (uniforms(generators, sum(self.hidden), n) >= p).to(dtype).div_(1 - p)
        return list(kept.split(self.hidden, dim=1))

    def forward(
        self,
        theta: Tensor,
        x: Tensor,
        *,
        train: bool = False,
        masks: Sequence[Tensor] | None = None,
        stats: RunningStats | None = None,
    ) -> Tensor:
        """out [K, C, n] of K models on x [1 or K, d, n]; differentiable by autograd.

        masks: dropout masks from `masks(...)`; none are applied if None. train: batch norm normalises by the
        batch and moves `stats` (if given) towards it; otherwise it normalises by `stats`, which it then
        needs. Without autograd rows go in chunks, so thousands of models on thousands of points (landscapes,
        surfaces, ensembles) fit.
        """
        rows = max(1, CHUNK // (max(self.sizes) * x.shape[2]))
        if torch.is_grad_enabled() and (theta.requires_grad or x.requires_grad):
            return self._pass(theta, x, train, masks, stats).out
        out = theta.new_empty(len(theta), self.sizes[-1], x.shape[2])
        with torch.no_grad():
            if len(theta) <= rows:
                return self._pass(theta, x, train, masks, stats).out
            for start in range(0, len(theta), rows):
                stop = min(start + rows, len(theta))
                part = None if masks is None else [m if len(m) == 1 else m[start:stop] for m in masks]
                running = None if stats is None else stats.rows(start, stop)
                xs = x if len(x) == 1 else x[start:stop]
                out[start:stop] = self._pass(theta[start:stop], xs, train, part, running).out
        return out

    def activations(
        self,
        theta: Tensor,
        x: Tensor,
        *,
        train: bool = False,
        masks: Sequence[Tensor] | None = None,
        stats: RunningStats | None = None,
    ) -> Activations:
        """Every layer's values, arguments as in `forward`."""
        return self._pass(theta, x, train, masks, stats)

    def _pass(
        self,
        theta: Tensor,
        x: Tensor,
        train: bool,
        masks: Sequence[Tensor] | None,
        stats: RunningStats | None,
    ) -> Activations:
        pre: list[Tensor] = []
        normalised: list[Tensor] = []
        post: list[Tensor] = []
        h = x.expand(len(theta), -1, -1)
        *hidden, last = self.views(theta)
        for i, (layer, name) in enumerate(zip(hidden, self.activation_names, strict=True)):
            z = torch.baddbmm(layer.bias, layer.weight, h)
            u = z
            if layer.gamma is not None and layer.beta is not None:
                xhat, _ = self.normalised(z, i, train, stats)
                u = torch.addcmul(layer.beta, layer.gamma, xhat)
            a = ACTIVATIONS[name].value(u)
            if masks is not None:
                a = a * masks[i]
            h = a + h if self.residual and a.shape == h.shape else a
            pre.append(z)
            normalised.append(u)
            post.append(h)
        return Activations(pre, normalised, post, torch.baddbmm(last.bias, last.weight, h))

    def kernel(self, theta: Tensor, n: int) -> Backprop:
        """The hand-written passes for theta [K, P] and batches of n."""
        return Backprop(self, theta, n)
