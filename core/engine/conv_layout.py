"""The architecture of a ConvNet: its fields, the geometry of its layers and the views of its parameters in theta.

What the network (`conv`) and its hand-written passes (`conv_backprop`) both need, and so below both.

Shapes: K models, P parameters, C channels, n samples. W [K, C', C k²]; b, gamma, beta [K, C', 1].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from .activations import ACTIVATIONS
from .block_norm import KINDS, BlockNorm
from .convolution import PADDINGS, Block, Conv
from .layered import Layered
from .network import Entry, layout_of


@dataclass(frozen=True)
class ConvLayout(Layered):
    """The fields of `ConvNet`."""

    inputs: tuple[int, ...] = (1, 8, 8)
    layers: tuple[Conv, ...] = (Conv(8, padding=1, pool="max"), Conv(16, padding=1, pool="max"))
    outputs: int = 10
    activation: str = "relu"
    padding_mode: str = "zeros"
    norm: str | tuple[str, ...] = "none"
    groups: int = 4
    norm_epsilon: float = 1e-5
    norm_momentum: float = 0.1

    def __post_init__(self) -> None:
        if len(self.inputs) != 3 or min(self.inputs) < 1:
            raise ValueError(f"inputs={self.inputs}: channels, height and width, all at least 1")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}: one of {', '.join(ACTIVATIONS)}")
        if self.padding_mode not in PADDINGS:
            raise ValueError(f"padding_mode={self.padding_mode!r}: one of {', '.join(PADDINGS)}")
        if not self.kinds or any(kind not in KINDS for kind in self.kinds):
            raise ValueError(f"norm={self.norm!r}: one or several of {', '.join(KINDS)}")
        if "group" in self.kinds and any(conv.channels % self.groups for conv in self.layers):
            raise ValueError(f"groups={self.groups}: must divide the channels of every layer")
        if self.outputs < 1:
            raise ValueError(f"outputs={self.outputs}: must be at least 1")
        _ = self.blocks  # raises where a layer does not fit

    @cached_property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample in x, [C, H, W]."""
        return self.inputs

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of norm of each block of rows."""
        return (self.norm,) if isinstance(self.norm, str) else tuple(self.norm)

    @property
    def block_norm(self) -> BlockNorm | None:
        """The norm after each convolution, None where no row has any."""
        if set(self.kinds) == {"none"}:
            return None
        return BlockNorm(self.kinds, self.groups, self.norm_epsilon, self.norm_momentum)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The layers with the sizes of their images."""
        blocks: list[Block] = []
        channels, height, width = self.inputs
        for conv in self.layers:
            blocks.append(Block(conv, channels, height, width, self.padding_mode))
            channels, (height, width) = conv.channels, blocks[-1].pooled
        return tuple(blocks)

    @cached_property
    def features(self) -> int:
        """Inputs of the affine layer."""
        if not self.blocks:
            return self.inputs[0] * self.inputs[1] * self.inputs[2]
        return self.layers[-1].channels * self.blocks[-1].pooled[0] * self.blocks[-1].pooled[1]

    @cached_property
    def layout(self) -> Mapping[str, Entry]:
        """weight1, bias1[, gamma1, beta1], ... -> place in a row, in the order of nn.Sequential.parameters()."""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for i, block in enumerate(self.blocks, 1):
            channels, size = block.conv.channels, block.conv.size
            shapes += [(f"weight{i}", (channels, block.channels, size, size)), (f"bias{i}", (channels,))]
            if self.block_norm:
                shapes += [(f"gamma{i}", (channels,)), (f"beta{i}", (channels,))]
        i = len(self.blocks) + 1
        return layout_of([*shapes, (f"weight{i}", (self.outputs, self.features)), (f"bias{i}", (self.outputs,))])

    @cached_property
    def stats_parts(self) -> tuple[slice, ...]:
        """Where the channels of each layer lie in the columns of RunningStats."""
        stops = [sum(conv.channels for conv in self.layers[: i + 1]) for i in range(len(self.layers))]
        return tuple(slice(stop - conv.channels, stop) for stop, conv in zip(stops, self.layers, strict=True))
