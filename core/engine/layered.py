"""Networks of numbered layers, weight1, bias1[, gamma1, beta1], weight2, ...: their views into theta and their start.

Shapes: K models, P parameters. W [K, H, H_in]; b, gamma, beta [K, H, 1].
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .initialise import fill_affine
from .network import Layout
from .random import Generators


class Layer(NamedTuple):
    """One layer's parameters as views into theta; gamma and beta are None on the output and without norm."""

    weight: Tensor
    bias: Tensor
    gamma: Tensor | None
    beta: Tensor | None


class Layered(Layout):
    """What follows from the numbered names in a network's `layout`; MLP and ConvNet inherit it."""

    def views(self, theta: Tensor) -> list[Layer]:
        """The layers' parameters as views into theta [K, P]; writing into them writes theta."""
        return self.arrange(list(self.named(theta).values()))

    def arrange(self, parts: Sequence[Tensor]) -> list[Layer]:
        """Tensors [K, *shape] in the order of `layout`, one for each entry, as layers of views."""
        named = {
            name: part.flatten(2) if part.ndim > 2 else part.unsqueeze(2)
            for name, part in zip(self.layout, parts, strict=True)
        }
        count = sum(name.startswith("weight") for name in named)
        return [
            Layer(named[f"weight{i}"], named[f"bias{i}"], named.get(f"gamma{i}"), named.get(f"beta{i}"))
            for i in range(1, count + 1)
        ]

    def init(
        self,
        generators: Generators,
        scheme: str = "torch",
        gain: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """theta [K, P], row k drawn from generators[k]; gammas 1, betas 0.

        Schemes: "torch" (nn.Linear's and nn.Conv2d's: the row equals nn.Sequential built after torch.manual_seed(seed)),
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
