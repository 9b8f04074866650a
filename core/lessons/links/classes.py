"""Pairs of regularisers of a classifier. Logits are (N, K); everything is float64, losses are in nats."""

import torch
from torch import Tensor


def geometric_ensemble(inputs: Tensor, weights: Tensor, masks: Tensor) -> Tensor:
    """Renormalised geometric mean (N, K) of the softmax layers thinned by masks (M, d).

    Over all 2^d masks it is the layer of halved weights (d, K), exactly; that is true of one softmax layer only.
    """
    logs = torch.log_softmax((inputs * masks[:, None]) @ weights, -1)
    return torch.softmax(logs.mean(0), -1)


def smoothed_loss(logits: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Cross-entropy (N,) with labels (N,) smoothed by epsilon spread over all K classes."""
    logs = torch.log_softmax(logits, -1)
    return -(1 - epsilon) * logs.gather(1, labels[:, None])[:, 0] - epsilon * logs.mean(-1)


def divergence_from_uniform(logits: Tensor) -> Tensor:
    """KL(u || p), (N,): what smoothing adds, epsilon times this plus log K, to 1 - epsilon times the loss."""
    count = logits.shape[-1]
    return -torch.log_softmax(logits, -1).mean(-1) - torch.log(torch.tensor(float(count), dtype=logits.dtype))


def confidence_penalty(logits: Tensor) -> Tensor:
    """KL(p || u), (N,): the negative entropy plus log K. From KL(u || p) at third order in the logits."""
    logs = torch.log_softmax(logits, -1)
    return (logs.exp() * logs).sum(-1) + torch.log(torch.tensor(float(logits.shape[-1]), dtype=logits.dtype))
