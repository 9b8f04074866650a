"""Pairs of regularisers of a classifier. Logits are (N, K); everything is float64, losses are in nats."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.lessons.links.newton import Objective


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


def halved(inputs: Tensor, weights: Tensor) -> Tensor:
    """The softmax layer (N, K) of halved weights (d, K)."""
    return torch.softmax(inputs @ weights / 2, -1)


def deep_ensemble(inputs: Tensor, first: Tensor, second: Tensor, masks: Tensor) -> Tensor:
    """As `geometric_ensemble`, of a net whose inputs are thinned before a layer of tanh: first (d, H), second (H, K)."""
    logs = torch.log_softmax(torch.tanh((inputs * masks[:, None]) @ first) @ second, -1)
    return torch.softmax(logs.mean(0), -1)


def deep_halved(inputs: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The net (N, K) of halved first weights. Off the ensemble at third order in them, as tanh has no second."""
    return torch.softmax(torch.tanh(inputs @ first / 2) @ second, -1)


def smoothed_fit(inputs: Tensor, onehot: Tensor, epsilon: Tensor) -> Objective:
    """The mean cross-entropy of a softmax layer to labels smoothed over all K classes; θ is (B, d K), row by row of (d, K).

    inputs (B, N, d), onehot (B, N, K), epsilon (B,).
    """
    smooth = (1 - epsilon[:, None, None]) * onehot + epsilon[:, None, None] / onehot.shape[-1]

    def of_logits(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logs = torch.log_softmax(logits, -1)
        p = logs.exp()
        return -(smooth * logs).sum(-1), p - smooth, torch.diag_embed(p) - p[..., None] * p[..., None, :]
    return _linear(inputs, of_logits)


def penalised_fit(inputs: Tensor, onehot: Tensor, epsilon: Tensor, reverse: bool) -> Objective:
    """1 − ε times the mean cross-entropy plus ε times the mean KL(u || p), or KL(p || u), the confidence penalty (reverse)."""
    share, count = epsilon[:, None, None], onehot.shape[-1]
    eye = torch.eye(count, dtype=onehot.dtype)

    def of_logits(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logs = torch.log_softmax(logits, -1)
        p = logs.exp()
        plain, bend = -(onehot * logs).sum(-1), torch.diag_embed(p) - p[..., None] * p[..., None, :]
        if reverse:
            added = confidence_penalty(logits)
            slope = p * (logs - (p * logs).sum(-1, keepdim=True))
            both = slope[..., None] * p[..., None, :]
            curve = bend + slope[..., None] * eye - both - both.mT
        else:
            added, slope, curve = divergence_from_uniform(logits), p - 1 / count, bend
        return ((1 - share[..., 0]) * plain + share[..., 0] * added, (1 - share) * (p - onehot) + share * slope,
                (1 - share[..., None]) * bend + share[..., None] * curve)
    return _linear(inputs, of_logits)


def _linear(inputs: Tensor, of_logits: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]) -> Objective:
    """A mean over samples as a function of the weights, whose mean over classes changes no probability and is held at 0."""
    size, width = inputs.shape[1:]

    def objective(theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        w = theta.unflatten(-1, (width, -1))
        value, slope, curve = of_logits(inputs @ w)
        level = w.sum(-1, keepdim=True)
        gradient = inputs.mT @ slope / size + level
        hessian = torch.einsum("bni,bnkl,bnj->bikjl", inputs, curve, inputs) / size
        hessian = hessian + torch.eye(width, dtype=theta.dtype)[:, None, :, None]
        return (value.mean(-1) + level.square().sum((-1, -2)) / 2, gradient.flatten(1),
                hessian.reshape(len(theta), theta.shape[-1], -1))
    return objective
