"""Multilayer perceptrons of K models at once: one row of theta is one model, weights are views into it.

A hidden layer is affine -> norm -> activation -> dropout; `residual` adds its input where the widths match:

    z = W h + b,   h' = m * f(norm(z)) [+ h]

Shapes: K models, P parameters, d inputs, H features of a layer, C outputs, n samples.
    theta_KP [K, P]     x [1 or K, d, n]     W [K, H, H_in]     b, gamma, beta [K, H, 1]     out [K, C, n]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .initialise import fill_affine
from .network import Entry, Layout, layout_of
from .norms import NORMS, RunningStats, normalise, normalise_running
from .random import Generators, uniforms

# Elements of one layer's activations that a pass without gradients may hold; more rows go in chunks.
CHUNK = 2**21


class Layer(NamedTuple):
    """One layer's parameters as views into theta; gamma and beta are None on the output and without norm."""

    weight: Tensor
    bias: Tensor
    gamma: Tensor | None
    beta: Tensor | None


class Activations(NamedTuple):
    """What `MLP.activations` returns. Lists have one tensor [K, H, n] per hidden layer."""

    pre: list[Tensor]  # z = W h + b
    normalised: list[Tensor]  # gamma x̂ + beta, what the activation function sees; z itself without norm
    post: list[Tensor]  # what the next layer sees
    out: Tensor  # [K, C, n]


@dataclass(frozen=True)
class MLP(Layout):
    """An architecture, without parameters. Frozen and hashable.

    sizes: inputs, hidden widths, outputs.
    activation: tanh, relu, leaky_relu, sigmoid or linear; the output is linear.
    norm: None, "batch", "layer" or "group" (with `groups`).
    residual: add a hidden layer's input where widths match.
    dropout: P(drop) of hidden units in training; kept ones are scaled by 1/(1 - p).
    norm_momentum: weight of the newest batch in batch norm's running statistics, as in torch.

    Raises ValueError naming the field.
    """

    sizes: tuple[int, ...] = (2, 16, 16, 1)
    activation: str = "tanh"
    norm: str | None = None
    residual: bool = False
    dropout: float = 0.0
    groups: int = 4
    norm_epsilon: float = 1e-5
    norm_momentum: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes={self.sizes}: needs inputs and outputs, all at least 1")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}: one of {', '.join(ACTIVATIONS)}")
        if self.norm is not None and self.norm not in NORMS:
            raise ValueError(f"norm={self.norm!r}: None or one of {', '.join(NORMS)}")
        if self.norm == "group" and any(width % self.groups for width in self.hidden):
            raise ValueError(f"groups={self.groups}: must divide every hidden width of {self.hidden}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}: 0 <= dropout < 1")
        if not 0 <= self.norm_momentum <= 1:
            raise ValueError(f"norm_momentum={self.norm_momentum}: 0 <= norm_momentum <= 1")

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return self.sizes[1:-1]

    @property
    def norm_groups(self) -> int | None:
        """Groups of features that share statistics; None where samples do (batch norm)."""
        return {"layer": 1, "group": self.groups}.get(self.norm or "")

    @cached_property
    def layout(self) -> Mapping[str, Entry]:
        """weight1, bias1[, gamma1, beta1], ... -> place in a row; the order is
        nn.Sequential.parameters()'s."""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for i, (fan_in, fan_out) in enumerate(zip(self.sizes, self.sizes[1:], strict=False), 1):
            shapes += [(f"weight{i}", (fan_out, fan_in)), (f"bias{i}", (fan_out,))]
            if self.norm and i < len(self.sizes) - 1:
                shapes += [(f"gamma{i}", (fan_out,)), (f"beta{i}", (fan_out,))]
        return layout_of(shapes)

    def views(self, theta: Tensor) -> list[Layer]:
        """The layers' parameters as views into theta [K, P]; writing into them writes theta."""
        return self.arrange(list(self.named(theta).values()))

    def arrange(self, parts: Sequence[Tensor]) -> list[Layer]:
        """Tensors [K, *shape] in the order of `layout`, one for each entry, as layers of views."""
        named = {
            name: p if p.ndim == 3 else p.unsqueeze(2) for name, p in zip(self.layout, parts, strict=True)
        }
        return [
            Layer(named[f"weight{i}"], named[f"bias{i}"], named.get(f"gamma{i}"), named.get(f"beta{i}"))
            for i in range(1, len(self.sizes))
        ]

    def init(
        self,
        generators: Generators,
        scheme: str = "torch",
        gain: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """theta [K, P], row k drawn from generators[k]; gammas 1, betas 0.

        Schemes: "torch" (nn.Linear's: the row equals nn.Sequential built after torch.manual_seed(seed)),
        "xavier", "he", "normal" (standard deviation = gain), "orthogonal", "zero", "constant" (every weight =
        gain). See `initialise.fill_affine`. Raises ValueError for any other.
        """
        theta = torch.zeros(len(generators), self.P, dtype=dtype)
        for row, generator in enumerate(generators):
            for layer in self.views(theta[row : row + 1]):
                fill_affine(layer.weight[0], layer.bias[0, :, 0], generator, scheme, gain)
                if layer.gamma is not None:
                    layer.gamma.fill_(1)
        return theta

    def running_stats(self, K: int, dtype: torch.dtype = torch.float32) -> RunningStats | None:
        """Batch norm's statistics before training, mean 0 and variance 1; None for other norms."""
        if self.norm != "batch":
            return None
        shape = K, sum(self.hidden)
        return RunningStats(torch.zeros(shape, dtype=dtype), torch.ones(shape, dtype=dtype))

    @cached_property
    def stats_parts(self) -> tuple[slice, ...]:
        """Where each hidden layer lies in the columns of RunningStats."""
        stops = [sum(self.hidden[: i + 1]) for i in range(len(self.hidden))]
        return tuple(slice(stop - width, stop) for stop, width in zip(stops, self.hidden, strict=True))

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
        activation = ACTIVATIONS[self.activation]
        pre: list[Tensor] = []
        normalised: list[Tensor] = []
        post: list[Tensor] = []
        h = x.expand(len(theta), -1, -1)
        *hidden, last = self.views(theta)
        for i, layer in enumerate(hidden):
            z = torch.baddbmm(layer.bias, layer.weight, h)
            u = z
            if layer.gamma is not None and layer.beta is not None:
                xhat, _ = self.normalised(z, i, train, stats)
                u = torch.addcmul(layer.beta, layer.gamma, xhat)
            a = activation.value(u)
            if masks is not None:
                a = a * masks[i]
            h = a + h if self.residual and a.shape == h.shape else a
            pre.append(z)
            normalised.append(u)
            post.append(h)
        return Activations(pre, normalised, post, torch.baddbmm(last.bias, last.weight, h))

    def normalised(self, z: Tensor, i: int, train: bool, stats: RunningStats | None) -> tuple[Tensor, Tensor]:
        """x̂ [K, H, n] and 1/√(σ² + ε) of hidden layer i; moves `stats` where batch norm trains."""
        stats = stats and stats.layer(self.stats_parts[i])
        if self.norm != "batch" or train:
            n = z.shape[2]
            if self.norm == "batch" and n < 2:
                raise ValueError(f"n={n}: batch norm needs at least 2 samples to train on")
            xhat, scale, mean, var = normalise(z, self.norm_groups, self.norm_epsilon)
            if stats is not None and self.norm == "batch":
                stats.update(mean, var, n, self.norm_momentum)
            return xhat, scale
        if stats is None:
            raise ValueError("stats=None: batch norm needs running statistics unless train=True")
        return normalise_running(z, stats, self.norm_epsilon)
