"""Noise that training adds and nothing else sees: on inputs, on parameters, on labels.

Noise is drawn anew for every update, for row k from generators[k], and never when a network is evaluated. Rows whose
generators have equal seeds get noise that differs in its size alone; a row of strength 0 trains bit for bit as without.

Shapes: K models, P parameters, d inputs, C classes, B samples of a batch.
"""

from typing import Any

import torch
from torch import Tensor

from .objective import Objective
from .random import Generators, normals


def smooth_labels(y: Tensor, epsilon: float | Tensor) -> Tensor:
    """(1 - ε) y + ε/C for label distributions y [..., C, n]: ε is spread evenly over all C classes, the right one included.

    The right class keeps 1 - ε + ε/C, as in Szegedy et al. (2016) and `torch.nn.CrossEntropyLoss(label_smoothing=ε)`.
    epsilon: a number, or one per model [K] for y [K, C, n]. Raises ValueError outside [0, 1].
    """
    epsilon = torch.as_tensor(epsilon, dtype=y.dtype)
    if not bool(((epsilon >= 0) & (epsilon <= 1)).all()):
        raise ValueError(f"epsilon={epsilon.tolist()}: must be from 0 to 1")
    share = epsilon.reshape(-1, 1, 1) if epsilon.ndim else epsilon
    return (1 - share) * y + share / y.shape[-2]


class _Stream:
    """Standard normals [K, *shape], new at every call, drawn `ahead` at a time."""

    def __init__(self, ahead: int) -> None:
        self.ahead, self.at = ahead, ahead
        self.block = torch.empty(0)

    def next(self, generators: Generators, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        if self.at == self.ahead or self.block.shape[:1] + self.block.shape[2:] != (len(generators), *shape):
            self.block, self.at = normals(generators, self.ahead, *shape, dtype=dtype), 0
        self.at += 1
        return self.block[:, self.at - 1]


def _per_row(sigma: float | Tensor) -> Tensor:
    sigma = torch.as_tensor(sigma)
    if not bool((sigma >= 0).all()):
        raise ValueError(f"sigma={sigma.tolist()}: must be at least 0")
    return sigma.reshape(-1)


class InputNoise:
    """x + σ ξ with ξ ~ N(0, I), new for every sample and every batch; an `augment` for `train`. Labels are left as they are.

    sigma: the standard deviation, a number or one per model [K]. Raises ValueError where it is negative."""

    def __init__(self, sigma: float | Tensor, ahead: int = 64) -> None:
        self.sigma, self._stream = _per_row(sigma), _Stream(ahead)

    def __call__(self, x: Tensor, y: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:
        """x [K, d, B] with noise, and y."""
        noise = self._stream.next(generators, tuple(x.shape[1:]), x.dtype)
        return torch.addcmul(x, self.sigma.to(x.dtype).reshape(-1, *(1 for _ in x.shape[1:])), noise), y


class WeightNoise:
    """Another objective at θ + σ ξ with ξ ~ N(0, I), new for every update and one for the whole batch.

    Value and gradient are those at the noisy parameters, whose means the descent sees; θ itself stays without noise.
    sigma: the standard deviation, a number or one per model [K]. Raises ValueError where it is negative."""

    def __init__(self, objective: Objective, sigma: float | Tensor, ahead: int = 64) -> None:
        self.objective, self.sigma, self._stream = objective, _per_row(sigma), _Stream(ahead)
        self._noisy: Tensor | None = None

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators) -> tuple[Tensor, Tensor]:
        """Value [K] and gradient [K, P] of the objective at θ + σ ξ."""
        if self._noisy is None or self._noisy.shape != theta.shape:
            # One buffer, because a kernel is made for a tensor and sees it change; an ordinary one, also for autograd.
            with torch.inference_mode(False):
                self._noisy = torch.empty_like(theta, requires_grad=False)
        noise = self._stream.next(generators, (theta.shape[1],), theta.dtype)
        with torch.no_grad():
            self._noisy.copy_(theta).addcmul_(self.sigma.to(theta.dtype)[:, None], noise)
        return self.objective.value_and_gradient(self._noisy, batch, generators)
