"""Multilayer perceptrons for several tasks, K models at once: z, the one-hot index of a sample's task, conditions them.

    none         the network does not see z
    concatenate  [x, z] is the input: a bias of the first layer for each task, and nothing more
    sum          z_i = W_i h + b_i + A_i z at every hidden layer i: a bias for each task there
    gate         (1 + G_i z) * (W_i h + b_i) + B_i z at every hidden layer i, before the activation (FiLM, Perez et al. 2018)
    heads        a shared trunk, and an output layer for each task

With one hidden layer `sum` is `concatenate`; `gate` with G = 0 is `sum`; with A = 0, or G = B = 0, or heads that are
alike, the network is the MLP. A start draws A as nn.Linear does; G and B start at 0.

Shapes: K models, P parameters, d inputs, H features of a layer, C outputs, T tasks, n samples.
    theta_KP [K, P]     x [1 or K, d, n]     task [1 or K, n] int64 in 0..T-1     A, G, B [K, H, T]     out [K, C, n]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from .activations import ACTIVATIONS
from .mlp import MLP
from .network import Entry, Layout, layout_of
from .random import Generators

MODES = ("none", "concatenate", "sum", "gate", "heads")


@dataclass(frozen=True)
class ConditionedMLP(Layout):
    """An architecture, without parameters. Frozen and hashable.

    sizes, activation: of the network without z, as in `MLP`.
    tasks: T.
    mode: none, concatenate, sum, gate or heads.

    Raises ValueError naming the field.
    """

    sizes: tuple[int, ...] = (1, 16, 16, 1)
    tasks: int = 2
    mode: str = "none"
    activation: str = "tanh"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", MLP(self.sizes, self.activation).sizes)
        if self.tasks < 1:
            raise ValueError(f"tasks={self.tasks}: must be at least 1")
        if self.mode not in MODES:
            raise ValueError(f"mode={self.mode!r}: one of {', '.join(MODES)}")
        if self.mode in ("sum", "gate") and len(self.sizes) < 3:
            raise ValueError(f"sizes={self.sizes}: {self.mode} needs a hidden layer")

    @cached_property
    def mlp(self) -> MLP:
        """The affine layers: z among the inputs if concatenated, the heads one below the other in the output."""
        d, *hidden, C = self.sizes
        d += self.tasks if self.mode == "concatenate" else 0
        return MLP((d, *hidden, C * self.tasks if self.mode == "heads" else C), self.activation)

    @cached_property
    def layout(self) -> Mapping[str, Entry]:
        """`MLP.layout`, then weight_z1, ... (A) for sum, or weight_gamma1, weight_beta1, ... (G, B) for gate.

        They are weights: a penalty on them pulls the tasks together, towards the network without z."""
        names = {"sum": ("weight_z",), "gate": ("weight_gamma", "weight_beta")}.get(self.mode, ())
        shapes = [(name, entry.shape) for name, entry in self.mlp.layout.items()]
        for i, width in enumerate(self.mlp.hidden, 1):
            shapes += [(f"{name}{i}", (width, self.tasks)) for name in names]
        return layout_of(shapes)

    def init(self, generators: Generators, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """theta [K, P], row k drawn from generators[k]: the affine layers as nn.Linear, then A_1, ... as
        nn.Linear(T, H, bias=False); heads are drawn as one nn.Linear(H, T · C). G and B are 0."""
        theta = torch.zeros(len(generators), self.P, dtype=dtype)
        theta[:, : self.mlp.P] = self.mlp.init(generators, dtype=dtype)
        for name, A in self.named(theta).items():
            if name.startswith("weight_z"):
                for weight, generator in zip(A, generators, strict=True):
                    weight.uniform_(-(self.tasks**-0.5), self.tasks**-0.5, generator=generator)
        return theta

    def one_hot(self, task: Tensor, dtype: torch.dtype) -> Tensor:
        """z [1 or K, T, n] of task [1 or K, n]. Raises ValueError for an index out of range."""
        if task.numel() and not 0 <= int(task.min()) <= int(task.max()) < self.tasks:
            raise ValueError(f"task: indices from {int(task.min())} to {int(task.max())}, needs 0 to {self.tasks - 1}")
        return F.one_hot(task, self.tasks).mT.to(dtype)

    def forward(self, theta: Tensor, x: tuple[Tensor, Tensor], *, train: bool = False) -> Tensor:
        """out [K, C, n] of K models on x = (inputs [1 or K, d, n], task [1 or K, n]), each sample by its own task;
        differentiable by autograd."""
        K = len(theta)
        h, z = x[0], self.one_hot(x[1], theta.dtype)
        z = z.expand(K, -1, -1)
        if self.mode in ("sum", "gate"):
            return self._modulated(theta, h, z)
        if self.mode == "concatenate":
            h = torch.cat([h.expand(K, -1, -1), z], 1)
        out = self.mlp.forward(theta[:, : self.mlp.P], h, train=train)
        if self.mode == "heads":
            out = out.unflatten(1, (self.tasks, -1))  # [K, T, C, n]
            own = x[1].expand(K, -1)[:, None, None].expand(-1, -1, out.shape[2], -1)
            out = out.gather(1, own)[:, 0]
        return out

    def _modulated(self, theta: Tensor, h: Tensor, z: Tensor) -> Tensor:
        named = self.named(theta)
        h = h.expand(len(theta), -1, -1)
        *hidden, last = self.mlp.views(theta[:, : self.mlp.P])
        for i, layer in enumerate(hidden, 1):
            pre = torch.baddbmm(layer.bias, layer.weight, h)
            if self.mode == "sum":
                pre = torch.baddbmm(pre, named[f"weight_z{i}"], z)
            else:
                pre = torch.addcmul(pre, named[f"weight_gamma{i}"] @ z, pre)
                pre = torch.baddbmm(pre, named[f"weight_beta{i}"], z)
            h = ACTIVATIONS[self.activation].value(pre)
        return torch.baddbmm(last.bias, last.weight, h)
