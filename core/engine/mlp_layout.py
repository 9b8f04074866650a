"""The architecture of an MLP: its fields, the views of its parameters in theta, and its norm.

What the network (`mlp`) and its hand-written passes (`backprop`) both need, and so below both.

Shapes: K models, P parameters, H features of a layer, n samples. W [K, H, H_in]; b, gamma, beta [K, H, 1].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from .activations import ACTIVATIONS
from .layered import Layered
from .network import Entry, layout_of
from .norms import NORMS, RunningStats, normalise, normalise_running


@dataclass(frozen=True)
class MLPLayout(Layered):
    """The fields of `MLP`, which says what each of them is. Raises ValueError naming the field."""

    sizes: tuple[int, ...] = (2, 16, 16, 1)
    activation: str | tuple[str, ...] = "tanh"
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
        if not isinstance(self.activation, str) and len(self.activation) != len(self.hidden):
            raise ValueError(f"activation={self.activation!r}: one name, or one for each of {len(self.hidden)} hidden layers")
        for name in [self.activation] if isinstance(self.activation, str) else self.activation:
            if name not in ACTIVATIONS:
                raise ValueError(f"activation={name!r}: one of {', '.join(ACTIVATIONS)}")
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
    def activation_names(self) -> tuple[str, ...]:
        """The name of each hidden layer's activation."""
        return (self.activation,) * len(self.hidden) if isinstance(self.activation, str) else self.activation

    @property
    def norm_groups(self) -> int | None:
        """Groups of features that share statistics; None where samples do (batch norm)."""
        return {"layer": 1, "group": self.groups}.get(self.norm or "")

    @cached_property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample in x, [d]."""
        return self.sizes[:1]

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

    @cached_property
    def stats_parts(self) -> tuple[slice, ...]:
        """Where each hidden layer lies in the columns of RunningStats."""
        stops = [sum(self.hidden[: i + 1]) for i in range(len(self.hidden))]
        return tuple(slice(stop - width, stop) for stop, width in zip(stops, self.hidden, strict=True))

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
