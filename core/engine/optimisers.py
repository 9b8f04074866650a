"""Optimisers on rows: theta [K, P] holds K independent parameter vectors, updated in place.

Semantics are torch.optim's (defaults, where epsilon stands, coupled weight decay except in AdamW). A
specification is frozen; what an optimiser remembers is a `State` with named tensors, open to be looked at:

    optimiser = Adam(learning_rate=torch.tensor([1e-3, 1e-2]))    # one per model, or a number
    state = optimiser.init(theta)
    optimiser.step(theta, grad, state)                            # state.m, state.v, state.t

Momentum: the lecture writes v <- αv - εg, θ <- θ + v; torch, and so this module, v <- αv + g, θ <- θ - εv. At
a constant learning rate the paths are identical, with the lecture's v being -ε times ours.

Shapes: K rows, P parameters. Learning rates and weight decays are numbers or one per row, [K] or [K, 1].
"""

from dataclasses import dataclass
from math import sqrt
from types import SimpleNamespace
from typing import Protocol

import torch
from torch import Tensor

from .penalties import Rate, per_row


class State(SimpleNamespace):
    """What an optimiser remembers: t updates done, and tensors [K, P] named in the optimiser's docstring.

    `scratch` is working memory without meaning between steps; tensors without dimension are constants.
    """

    t: int
    scratch: Tensor


class Optimiser(Protocol):
    """What `train` accepts as an optimiser."""

    def init(self, theta: Tensor) -> State:
        """The state before the first step."""
        ...

    def step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        """Update theta and state in place; grad is left as it is."""
        ...


def _state(theta: Tensor, *names: str) -> State:
    zeros = {name: torch.zeros_like(theta) for name in names}
    return State(t=0, scratch=torch.empty_like(theta), **zeros)


def _check(spec: object, *rates: str, **fractions: float) -> None:
    for name in rates:
        object.__setattr__(spec, name, per_row(getattr(spec, name), name))
    for name, value in fractions.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name}={value}: 0 <= {name} < 1")


def _decayed(grad: Tensor, theta: Tensor, decay: Rate) -> Tensor:
    """grad + decay · theta, as a new tensor unless decay is 0."""
    if isinstance(decay, Tensor):
        return torch.addcmul(grad, theta, decay)
    return grad.add(theta, alpha=decay) if decay else grad


def _descend(theta: Tensor, direction: Tensor, rate: Rate) -> None:
    if isinstance(rate, Tensor):
        theta.addcmul_(direction, rate, value=-1)
    else:
        theta.sub_(direction, alpha=rate)


def _descend_ratio(theta: Tensor, top: Tensor, bottom: Tensor, rate: Rate) -> None:
    if isinstance(rate, Tensor):
        theta.addcmul_(torch.div(top, bottom, out=bottom), rate, value=-1)
    else:
        theta.addcdiv_(top, bottom, value=-rate)


@dataclass(frozen=True, eq=False)
class SGD:
    """θ <- θ - εv with v <- μv + g; Nesterov steps along g + μv. State: v (with momentum)."""

    learning_rate: Rate = 1e-3
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: Rate = 0.0

    def __post_init__(self) -> None:
        _check(self, "learning_rate", "weight_decay")
        if not self.momentum >= 0:
            raise ValueError(f"momentum={self.momentum}: must be at least 0")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True: needs momentum > 0")

    def init(self, theta: Tensor) -> State:
        return _state(theta, *(["v"] if self.momentum else []))

    def step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        state.t += 1
        direction = grad = _decayed(grad, theta, self.weight_decay)
        if self.momentum:
            direction = state.v.mul_(self.momentum).add_(grad)
        if self.nesterov:
            direction = torch.add(grad, state.v, alpha=self.momentum, out=state.scratch)
        _descend(theta, direction, self.learning_rate)


@dataclass(frozen=True, eq=False)
class AdaGrad:
    """θ <- θ - ε g/(√r + δ) with r the sum of g² (Duchi et al. 2011). State: r."""

    learning_rate: Rate = 1e-2
    epsilon: float = 1e-10
    weight_decay: Rate = 0.0

    def __post_init__(self) -> None:
        _check(self, "learning_rate", "weight_decay", "epsilon")

    def init(self, theta: Tensor) -> State:
        return _state(theta, "r")

    def step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        state.t += 1
        grad = _decayed(grad, theta, self.weight_decay)
        state.r.addcmul_(grad, grad)
        bottom = torch.sqrt(state.r, out=state.scratch).add_(self.epsilon)
        _descend_ratio(theta, grad, bottom, self.learning_rate)


@dataclass(frozen=True, eq=False)
class RMSProp:
    """θ <- θ - ε g/(√r + δ) with r <- ρr + (1 - ρ)g² (Hinton's lecture 6e). decay is ρ. State: r."""

    learning_rate: Rate = 1e-2
    decay: float = 0.99
    epsilon: float = 1e-8
    weight_decay: Rate = 0.0

    def __post_init__(self) -> None:
        _check(self, "learning_rate", "weight_decay", "epsilon", decay=self.decay)

    def init(self, theta: Tensor) -> State:
        return _state(theta, "r")

    def step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        state.t += 1
        grad = _decayed(grad, theta, self.weight_decay)
        state.r.mul_(self.decay).addcmul_(grad, grad, value=1 - self.decay)
        bottom = torch.sqrt(state.r, out=state.scratch).add_(self.epsilon)
        _descend_ratio(theta, grad, bottom, self.learning_rate)


@dataclass(frozen=True, eq=False)
class Adam:
    """θ <- θ - ε m̂/(√v̂ + δ) with m̂ = m/(1 - β₁ᵗ), v̂ = v/(1 - β₂ᵗ) (Kingma and Ba 2015). State: m, v."""

    learning_rate: Rate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: Rate = 0.0

    def __post_init__(self) -> None:
        _check(self, "learning_rate", "weight_decay", "epsilon", beta1=self.beta1, beta2=self.beta2)

    def init(self, theta: Tensor) -> State:
        state = _state(theta, "m", "v")
        # Tensors, because a Python number costs each operation a microsecond more.
        state.beta2, state.epsilon = theta.new_tensor(self.beta2), theta.new_tensor(self.epsilon)
        return state

    def step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        self._step(theta, _decayed(grad, theta, self.weight_decay), state)

    def _step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        state.t += 1
        state.m.lerp_(grad, 1 - self.beta1)
        state.v.mul_(state.beta2).addcmul_(grad, grad, value=1 - self.beta2)
        # Numerator and denominator times √(1 - β₂ᵗ): the same quotient, one pass over v̂ less.
        root = sqrt(1 - self.beta2**state.t)
        bottom = torch.sqrt(state.v, out=state.scratch).add_(state.epsilon, alpha=root)
        _descend_ratio(theta, state.m, bottom, self.learning_rate * (root / (1 - self.beta1**state.t)))


@dataclass(frozen=True, eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): θ <- (1 - ελ)θ before Adam's step.
    State: m, v."""

    weight_decay: Rate = 1e-2

    def step(self, theta: Tensor, grad: Tensor, state: State) -> None:
        theta.mul_(1 - self.learning_rate * self.weight_decay)
        self._step(theta, grad, state)
