"""Dropout and mixup of a logistic model without a bias, each beside what it is to second order.

J(w) is a mean over samples, without a half, in nats; A(η) = log(1 + e^η), so that a sample's loss is A(xᵀw) − q xᵀw for a
label q between 0 and 1. A'' = p(1 − p). Shapes: B problems, N samples, d inputs, L values of λ. Everything is float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.lessons.links.newton import Objective

LAMBDAS = (0.5635083268962916, 0.75, 0.9364916731037084)
"""Three points of the uniform law of max(λ, 1 − λ) on ½ to 1, with the weights below (Gauss and Legendre)."""
SHARES = (5 / 18, 8 / 18, 5 / 18)


def weighted(inputs: Tensor, labels: Tensor, weights: Tensor) -> Objective:
    """Σ weights (A(xᵀw) − q xᵀw): inputs (B, N, d), labels q (B, N), weights (N,) that sum to 1."""
    def objective(w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = (inputs @ w[..., None])[..., 0]
        p = torch.sigmoid(logits)
        value = (weights * (torch.nn.functional.softplus(logits) - labels * logits)).sum(-1)
        scaled = inputs * (weights * p * (1 - p))[..., None]
        return value, ((weights * (p - labels))[:, None] @ inputs)[:, 0], scaled.mT @ inputs
    return objective


def second_order(inputs: Tensor, labels: Tensor, covariances: Tensor, pull: Tensor) -> Objective:
    """The mean loss with noise on the inputs to second order: mean of A(η) + ½ A''(η) wᵀΣw − q η, minus pullᵀw.

    inputs (B, N, d), labels (B, N), covariances Σ (B, N, d, d) of each sample's noise, pull (B, d): the mean of label noise times
    input noise.
    """
    count = inputs.shape[1]

    def objective(w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = (inputs @ w[..., None])[..., 0]
        p = torch.sigmoid(logits)
        a = p * (1 - p)
        slope, bend = a * (1 - 2 * p), a * (1 - 6 * a)
        turned = (covariances @ w[:, None, :, None])[..., 0]
        spread = (turned * w[:, None]).sum(-1)
        value = (torch.nn.functional.softplus(logits) + a * spread / 2 - labels * logits).mean(-1) - (pull * w).sum(-1)
        gradient = ((p - labels + slope * spread / 2)[..., None] * inputs + a[..., None] * turned).mean(1) - pull
        cross = (inputs * slope[..., None]).mT @ turned
        own = (inputs * (a + bend * spread / 2)[..., None]).mT @ inputs
        return value, gradient, (own + cross + cross.mT) / count + (a[..., None, None] * covariances).mean(1)
    return objective


def dropout(inputs: Tensor, labels: Tensor, masks: Tensor) -> Objective:
    """The mean over the masks (M, d), half of whose entries are 1, of the loss at inputs (B, N, d) masked and doubled."""
    thinned = (2 * inputs[:, None] * masks[:, None]).flatten(1, 2)
    count = thinned.shape[1]
    repeated = labels[:, None].expand(-1, len(masks), -1).flatten(1)
    return weighted(thinned, repeated, torch.full((count,), 1 / count, dtype=torch.float64))


def dropout_covariances(inputs: Tensor) -> Tensor:
    """Σ (B, N, d, d) of inputs that are zero or doubled at equal odds: diagonal, x_j²."""
    return torch.diag_embed(inputs.square())


def mixed_pairs(inputs: Tensor, labels: Tensor) -> Objective:
    """Mixup: the mean loss over every ordered pair of the inputs (B, N, d) and both orders of λ and 1 − λ."""
    shares = torch.tensor(LAMBDAS, dtype=torch.float64)
    shares = torch.cat([shares, 1 - shares])[:, None, None]
    x = (shares[..., None] * inputs[:, None, :, None] + (1 - shares[..., None]) * inputs[:, None, None]).flatten(1, 3)
    q = (shares * labels[:, None, :, None] + (1 - shares) * labels[:, None, None]).flatten(1)
    weights = torch.tensor(2 * SHARES, dtype=torch.float64) / 2 / inputs.shape[1] ** 2
    return weighted(x, q, weights.repeat_interleave(inputs.shape[1] ** 2))


def shrunk(values: Tensor) -> Tensor:
    """Values (B, N, ...) drawn a quarter of the way to their mean, as E max(λ, 1 − λ) = ¾ does."""
    return 0.75 * values + 0.25 * values.mean(1, keepdim=True)


def mixup_noise(inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What mixup adds to the shrunk samples: noise (B, L, N, N, d) of inputs and (B, L, N, N) of labels, of mean 0 over L and j.

    With θ = max(λ, 1 − λ) the mixture of i, the heavier, and j is the shrunk sample i plus this noise (Carratino et al. 2020).
    """
    theta = torch.tensor(LAMBDAS, dtype=torch.float64)[:, None, None]
    x, q = inputs[:, None], labels[:, None]
    mixed = theta[..., None] * x[:, :, :, None] + (1 - theta[..., None]) * x[:, :, None]
    label = theta * q[..., None] + (1 - theta) * q[:, :, None]
    return mixed - shrunk(inputs)[:, None, :, None], label - shrunk(labels)[:, None, :, None]


def shrunk_with_noise(inputs: Tensor, labels: Tensor) -> Objective:
    """The mean loss of the shrunk samples with mixup's noise added: mixup itself, written as smoothing and noise."""
    noise, label = mixup_noise(inputs, labels)
    x = (shrunk(inputs)[:, None, :, None] + noise).flatten(1, 3)
    q = (shrunk(labels)[:, None, :, None] + label).flatten(1)
    weights = torch.tensor(SHARES, dtype=torch.float64).repeat_interleave(inputs.shape[1] ** 2) / inputs.shape[1] ** 2
    return weighted(x, q, weights)


def mixup_second_order(inputs: Tensor, labels: Tensor) -> Objective:
    """The shrunk samples with mixup's noise to second order: label smoothing and a penalty."""
    noise, label = mixup_noise(inputs, labels)
    shares = torch.tensor(SHARES, dtype=torch.float64) / inputs.shape[1]
    covariances = torch.einsum("l,blnji,blnjk->bnik", shares, noise, noise)
    pull = torch.einsum("l,blnj,blnji->bi", shares, label, noise) / inputs.shape[1]
    return second_order(shrunk(inputs), shrunk(labels), covariances, pull)
