"""Loss and gradient of K models through a network's kernel, with every option of its passes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from core.engine import Loss, Network, Penalty, RunningStats
from core.engine.losses import output_gradient


def gradient(
    network: Network,
    theta: Tensor,
    x: Tensor,
    y: Tensor,
    loss: Loss,
    *,
    penalty: Penalty | None = None,
    stats: RunningStats | None = None,
    train: bool = True,
    masks: Sequence[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Loss [K] (data and penalty) and gradient [K, P] on x [1 or K, *inputs, n], y as in `losses`."""
    with torch.no_grad():
        kernel = network.kernel(theta.detach(), x.shape[-1])
        assert kernel is not None
        options = {"train": train} | ({"stats": stats} if stats else {}) | ({"masks": masks} if masks else {})
        out = kernel.forward(x.detach(), **options)
        value = loss.value(out, y)
        grad = kernel.backward(output_gradient(loss, out, y))
        if penalty is not None:
            mask = network.weight_mask(theta.dtype)
            value = value + penalty.value(theta, mask)
            grad += penalty.gradient(theta, mask)
    return value, grad
